"""Signing Open Badges 3.0 credentials: VC-JWT (VC-JOSE-COSE) with RS256 or ES256, as the 1EdTech validator takes it.

The payload is the credential itself, without a `vc` wrapper, plus `iss`, `jti`, `sub` and `nbf`. Apart from
``certificates.badges``, which web processes read without the libraries that sign.
"""

import json
from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from certificates.badges import Issuer, Json
from certificates.keys import PrivateKey, SigningKey


@lru_cache(maxsize=8)
def _jose_key(private_key: PrivateKey) -> RSAKey | ECKey:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return RSAKey.import_key(pem) if isinstance(private_key, rsa.RSAPrivateKey) else ECKey.import_key(pem)


def key_name(key: SigningKey) -> str:
    """Return the name of a key in did.json and at /badges/keys/<name>: part of its RFC 7638 thumbprint."""
    return "key-" + _jose_key(key.private_key).thumbprint()[:16]


def public_jwk(key: SigningKey) -> Json:
    """Return the public key as a bare JWK, as an HTTPS `kid` answers it."""
    jose = _jose_key(key.private_key)
    return {**jose.as_dict(private=False), "alg": _algorithm(key), "use": "sig"}


def _algorithm(key: SigningKey) -> str:
    return "RS256" if isinstance(key.private_key, rsa.RSAPrivateKey) else "ES256"


def sign_credential(made: Json, issuer: Issuer, key: SigningKey) -> str:
    """Return a credential or status list as a VC-JWT; the same input gives the same text with RS256."""
    starts = datetime.fromisoformat(made["validFrom"])
    payload = made | {
        "iss": issuer.did,
        "jti": made["id"],
        "sub": made["credentialSubject"]["id"],
        "nbf": int(starts.timestamp()),
    }
    if "validUntil" in made:
        payload["exp"] = int(datetime.fromisoformat(made["validUntil"]).timestamp())
    header = {"alg": _algorithm(key), "typ": "JWT", "kid": f"{issuer.did}#{key_name(key)}"}
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return jws.serialize_compact(
        header, text.encode(), _jose_key(key.private_key), algorithms=[header["alg"]]
    )
