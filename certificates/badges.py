"""Open Badges 3.0: the certificate as a credential that other software can read and check.

Pure functions on plain data; addresses are made of the school's public address. `certificates.badge_signing` signs.
"""

import base64
import gzip
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext as _

from core import pdf
from core.errors import RuleError

CONTEXTS = [
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    # gives the type of credentialSchema its meaning; without it a strict JSON-LD reader refuses the credential
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
]
SCHEMA = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
STATUS_LIST_BITS = 131_072
"""The least that the Bitstring Status List recommendation allows, for herd privacy."""
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
PNG_KEYWORD = b"openbadgecredential"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issuer:
    """The school as a badge issuer; `public_url` as in the settings, https and without a path."""

    public_url: str
    name: str
    email: str = ""

    @property
    def base(self) -> str:
        """The public address without a slash at its end."""
        return self.public_url.rstrip("/")

    @property
    def did(self) -> str:
        """The issuer's identifier: `did:web` of the host, resolved at /.well-known/did.json."""
        return "did:web:" + urlsplit(self.base).netloc.replace(":", "%3A")


@dataclass(frozen=True, slots=True)
class Achievement:
    """What was achieved: a course as it was taught. `hours` are contact hours."""

    code: str
    title: str
    description: str
    criteria: str
    hours: float
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Award:
    """One certificate as a credential. Times are aware; `subject` is a stable opaque URI of the holder."""

    identifier: str
    subject: str
    holder: str
    achievement: Achievement
    hours: float
    issued_at: datetime
    status_list: str
    status_index: int
    expires_at: datetime | None = None


def timestamp(moment: datetime) -> str:
    """Write an aware time as the credentials do: 2027-03-16T18:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def issuer_profile(issuer: Issuer) -> Json:
    """Return the issuer as a Profile; hosted at /badges/issuer and part of each credential."""
    profile: Json = {"id": issuer.did, "type": ["Profile"], "name": issuer.name, "url": issuer.base}
    if issuer.email:
        profile["email"] = issuer.email
    return profile


def achievement_document(issuer: Issuer, achievement: Achievement) -> Json:
    """Return a course as an Achievement; its address is /badges/achievements/<code>."""
    return {
        "id": f"{issuer.base}/badges/achievements/{achievement.code}",
        "type": ["Achievement"],
        "achievementType": "Course",
        "name": achievement.title,
        "humanCode": achievement.code,
        "description": achievement.description,
        "criteria": {"narrative": achievement.criteria},
        "creditsAvailable": achievement.hours,
        "inLanguage": achievement.language,
    }


def credential(issuer: Issuer, award: Award) -> Json:
    """Return the OpenBadgeCredential of a certificate, unsigned.

    It holds what the certificate prints of the holder, the name; never the license, mail address or
    anything of attendance.
    """
    made: Json = {
        "@context": CONTEXTS,
        "id": award.identifier,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": award.achievement.title,
        "issuer": issuer_profile(issuer),
        "validFrom": timestamp(award.issued_at),
        "credentialSubject": {
            "id": award.subject,
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "identityHash": award.holder,
                    "identityType": "name",
                    "hashed": False,
                }
            ],
            "achievement": achievement_document(issuer, award.achievement),
            "creditsEarned": award.hours,
        },
        "credentialSchema": [{"id": SCHEMA, "type": "1EdTechJsonSchemaValidator2019"}],
        "credentialStatus": {
            "id": f"{award.status_list}#{award.status_index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(award.status_index),
            "statusListCredential": award.status_list,
        },
    }
    if award.expires_at:
        made["validUntil"] = timestamp(award.expires_at)
    return made


def status_list(issuer: Issuer, address: str, revoked: Iterable[int], *, made_at: datetime) -> Json:
    """Return a BitstringStatusListCredential, unsigned: bit `index` is set for what was revoked.

    Bit 0 is the highest bit of the first byte. ValueError for an index outside the list.
    """
    bits = bytearray(STATUS_LIST_BITS // 8)
    for index in revoked:
        if not 0 <= index < STATUS_LIST_BITS:
            raise ValueError(f"status index {index} is outside of the list")
        bits[index // 8] |= 0x80 >> index % 8
    packed = base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).rstrip(b"=").decode()
    return {
        "@context": CONTEXTS[:1],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.did,
        "validFrom": timestamp(made_at),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": f"u{packed}",
        },
    }


def did_document(issuer: Issuer, keys: Mapping[str, Mapping[str, Any]]) -> Json:
    """Return did.json for the key history: name (from `key_name`) → public JWK, past keys included."""
    methods = [
        {
            "id": f"{issuer.did}#{name}",
            "type": "JsonWebKey",
            "controller": issuer.did,
            "publicKeyJwk": {k: v for k, v in jwk.items() if k != "use"},
        }
        for name, jwk in keys.items()
    ]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": issuer.did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def badge_picture() -> bytes:
    """Return the shipped PNG of a badge: the seal of the engraved certificate."""
    return (Path(pdf.__file__).parent / "assets" / "art" / "badge.png").read_bytes()


def bake_png(png: bytes, jwt: str) -> bytes:
    """Put a credential into a PNG, as the Open Badges 3.0 baking clause (5.3.1) says.

    One iTXt chunk `openbadgecredential`, uncompressed; an earlier one is replaced. RuleError when the
    picture is not a PNG.
    """
    text = PNG_KEYWORD + b"\0\0\0\0\0" + jwt.encode()
    out = [PNG_HEAD]
    for kind, data in _chunks(png):
        if kind == b"iTXt" and data.startswith(PNG_KEYWORD + b"\0"):
            continue
        if kind == b"IEND":
            out.append(_chunk(b"iTXt", text))
        out.append(_chunk(kind, data))
    return b"".join(out)


def read_baked_png(png: bytes) -> str:
    """Return the credential baked into a PNG, or an empty text. RuleError when it is not a PNG."""
    for kind, data in _chunks(png):
        if kind == b"iTXt" and data.startswith(PNG_KEYWORD + b"\0\0\0"):
            return data.split(b"\0", 5)[5].decode()
    return ""


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(PNG_HEAD)
    if not png.startswith(PNG_HEAD):
        raise RuleError(_("The picture of a badge is a PNG file."))
    while at + 12 <= len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        found.append((kind, png[at + 8 : at + 8 + size]))
        at += 12 + size
    if not found or found[-1][0] != b"IEND":
        raise RuleError(_("The picture of a badge is a PNG file."))
    return found


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
