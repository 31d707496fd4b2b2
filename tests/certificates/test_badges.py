"""The credential, read by software that is not ours: PyJWT, JSON Schema, Pillow."""

import base64
import dataclasses
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from certificates.badge_signing import key_name, public_jwk, sign_credential
from certificates.badges import (
    Achievement,
    Award,
    Issuer,
    achievement_document,
    badge_picture,
    bake_png,
    credential,
    did_document,
    issuer_profile,
    read_baked_png,
    status_list,
)
from certificates.keys import SigningKey
from certificates.rendering import _end_of
from core.errors import RuleError
from tests.certificates.signed import ISSUED, issuer_key

ISSUER = Issuer("https://tideway.example/", "Tideway Bodywork Institute", "office@tideway.example")
LIST = "https://tideway.example/badges/status/1"
AWARD = Award(
    identifier="https://tideway.example/badges/credentials/h3cwn-80qzt-5k1pd-x2rjy",
    subject="urn:uuid:3d0f6a52-52c5-4a4e-8d47-9a3f0c1f7f6e",
    holder="Siobhán O’Sullivan 欧阳",
    achievement=Achievement(
        "CST1",
        "Craniosacral Therapy 1",
        "Palpation, cranium, spine and sacrum.",
        "Attend every meeting.",
        24.0,
    ),
    hours=24.0,
    issued_at=ISSUED,
    status_list=LIST,
    status_index=94_567,
)
SCHEMA = json.loads(Path(__file__).with_name("ob3_schema.json").read_text())


def _p256_key() -> SigningKey:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Key")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(ISSUED).not_valid_after(ISSUED + timedelta(days=9))
    return SigningKey(key, built.sign(key, hashes.SHA256()))


def _resolved(token: str, document: dict[str, Any]) -> Any:
    """Find the key as a stranger does: kid → did.json → verification method → JWK."""
    kid = jwt.get_unverified_header(token)["kid"]
    assert kid in document["assertionMethod"]
    (method,) = [item for item in document["verificationMethod"] if item["id"] == kid]
    assert method["controller"] == document["id"]
    return jwt.PyJWK(method["publicKeyJwk"])


def _claims(token: str, key: SigningKey) -> dict[str, Any]:
    document = did_document(ISSUER, {key_name(key): public_jwk(key)})
    options: Any = {"verify_nbf": False, "verify_exp": False, "verify_sub": True}
    return jwt.decode(token, _resolved(token, document), algorithms=["RS256", "ES256"], options=options)


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
def test_pyjwt_verifies_a_credential_with_the_key_of_did_json(kind: str) -> None:
    key = issuer_key() if kind == "RS256" else _p256_key()
    token = sign_credential(credential(ISSUER, AWARD), ISSUER, key)
    assert jwt.get_unverified_header(token)["alg"] == kind
    claims = _claims(token, key)
    assert claims["iss"] == claims["issuer"]["id"] == "did:web:tideway.example"
    assert claims["jti"] == claims["id"] == AWARD.identifier
    assert claims["sub"] == claims["credentialSubject"]["id"] == AWARD.subject
    assert claims["nbf"] == int(ISSUED.timestamp())
    assert "vc" not in claims


def test_a_changed_or_foreign_credential_is_refused() -> None:
    token = sign_credential(credential(ISSUER, AWARD), ISSUER, issuer_key())
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["credentialSubject"]["creditsEarned"] = 99
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    foreign = sign_credential(credential(ISSUER, AWARD), ISSUER, issuer_key("Tideway Bodywork Institute", 1))
    document = did_document(ISSUER, {key_name(issuer_key()): public_jwk(issuer_key())})
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{changed}.{signature}", _resolved(token, document), algorithms=["RS256"])
    with pytest.raises(AssertionError):
        _resolved(foreign, document)


def test_the_credential_has_what_open_badges_requires() -> None:
    for award in (AWARD, dataclasses.replace(AWARD, expires_at=ISSUED + timedelta(days=730))):
        claims = _claims(sign_credential(credential(ISSUER, award), ISSUER, issuer_key()), issuer_key())
        validator = jsonschema.Draft201909Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
        assert [error.message for error in validator.iter_errors(claims)] == []
        assert claims["credentialSchema"][0]["id"].startswith("https://purl.imsglobal.org/spec/ob/v3p0/")


def test_the_schema_can_fail() -> None:
    broken = credential(ISSUER, AWARD)
    del broken["credentialSubject"]["achievement"]["criteria"]
    assert not jsonschema.Draft201909Validator(SCHEMA).is_valid(broken)


def test_an_expiry_is_in_the_credential_and_the_token() -> None:
    award = dataclasses.replace(AWARD, expires_at=datetime(2029, 3, 16, tzinfo=UTC))
    claims = _claims(sign_credential(credential(ISSUER, award), ISSUER, issuer_key()), issuer_key())
    assert claims["validUntil"] == "2029-03-16T00:00:00Z"
    assert claims["exp"] == int(datetime(2029, 3, 16, tzinfo=UTC).timestamp())


def test_the_same_certificate_gives_the_same_credential() -> None:
    made = [sign_credential(credential(ISSUER, AWARD), ISSUER, issuer_key()) for _ in range(2)]
    assert made[0] == made[1]


def test_only_the_name_of_the_holder_is_in_it() -> None:
    subject = credential(ISSUER, AWARD)["credentialSubject"]
    assert set(subject) == {"id", "type", "identifier", "achievement", "creditsEarned"}
    assert [item["identityType"] for item in subject["identifier"]] == ["name"]


def test_profile_achievement_and_key_stand_alone() -> None:
    assert issuer_profile(ISSUER)["type"] == ["Profile"]
    address = achievement_document(ISSUER, AWARD.achievement)["id"]
    assert address == "https://tideway.example/badges/achievements/CST1"
    jwk = public_jwk(issuer_key())
    assert set(jwk) >= {"kty", "n", "e"}
    assert not set(jwk) & {"d", "p", "q", "dp", "dq", "qi"}


def test_the_identifier_of_a_host_with_a_port_is_escaped() -> None:
    assert Issuer("https://localhost:8443", "School").did == "did:web:localhost%3A8443"


def _bit(made: dict[str, Any], index: int) -> int:
    encoded = made["credentialSubject"]["encodedList"]
    assert encoded[0] == "u"
    bits = gzip.decompress(base64.urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4)))
    assert len(bits) * 8 == 131_072
    return bits[index // 8] >> (7 - index % 8) & 1


def test_the_status_list_sets_the_bits_of_what_was_revoked() -> None:
    made = status_list(ISSUER, LIST, [0, 9, 94_567, 131_071], made_at=ISSUED)
    assert [_bit(made, i) for i in (0, 1, 8, 9, 94_567, 94_568, 131_071)] == [1, 0, 0, 1, 1, 0, 1]
    claims = _claims(sign_credential(made, ISSUER, issuer_key()), issuer_key())
    assert claims["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
    assert claims["id"] == AWARD.status_list


@pytest.mark.parametrize("index", [-1, 131_072])
def test_an_index_outside_of_the_list_is_an_error(index: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        status_list(ISSUER, LIST, [index], made_at=ISSUED)


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "#6d2857").save(out, format="PNG")
    return out.getvalue()


def test_a_baked_picture_carries_the_credential_and_is_still_a_picture() -> None:
    token = sign_credential(credential(ISSUER, AWARD), ISSUER, issuer_key())
    baked = bake_png(_png(), token)
    with Image.open(io.BytesIO(baked)) as picture:
        picture.load()
        assert picture.size == (40, 40)
        assert picture.text["openbadgecredential"] == token  # type: ignore[attr-defined]
    assert read_baked_png(baked) == token
    assert read_baked_png(_png()) == ""


def test_the_shipped_picture_can_be_baked() -> None:
    assert read_baked_png(bake_png(badge_picture(), "token")) == "token"


def test_baking_again_replaces_the_credential() -> None:
    again = bake_png(bake_png(_png(), "first"), "second")
    assert again.count(b"openbadgecredential") == 1
    assert read_baked_png(again) == "second"


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\xff" * 40])
def test_what_is_no_png_is_not_baked(data: bytes) -> None:
    with pytest.raises(RuleError, match="PNG"):
        bake_png(data, "token")


def test_a_credential_ends_with_the_last_day_where_the_class_was() -> None:
    """Not with the reader's or the server's: in summer Los Angeles is seven hours behind UTC, in winter eight."""
    assert _end_of("2027-07-16", "America/Los_Angeles") == datetime(2027, 7, 17, 6, 59, 59, tzinfo=UTC)
    assert _end_of("2027-01-16", "America/Los_Angeles") == datetime(2027, 1, 17, 7, 59, 59, tzinfo=UTC)
    assert _end_of("2027-07-16", "Pacific/Auckland") == datetime(2027, 7, 16, 11, 59, 59, tzinfo=UTC)
    assert _end_of(None, "UTC") is None
