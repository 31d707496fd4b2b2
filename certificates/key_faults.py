"""What can be wrong with the signing key: each fault by a name, so that the worker can note it and a page say it.

Apart from ``certificates.keys``, because a web process says what is wrong without loading what opens keys.
"""

from flask_babel import gettext as _

from core.errors import RuleError


class SigningKeyError(RuleError):
    """A key that can't sign; the text says why and what to do."""


class KeyFaultError(SigningKeyError):
    """A fault that has a name. Raises KeyError for a name that is not in the list, and for a value that is missing."""

    def __init__(self, fault: str, **values: str) -> None:
        super().__init__(sentence(fault, values))
        self.fault, self.values = fault, values


def sentence(fault: str, values: dict[str, str]) -> str:
    """What a fault is called in the language of the reader."""
    return {
        "unreadable": _("The file %(path)s of the signing key can’t be read."),
        "closed": _("This is not a PKCS#12 file, or its passphrase is wrong."),
        "incomplete": _("This PKCS#12 file does not hold a key with its certificate."),
        "kind": _("Certificates are signed with an RSA key or a P-256 key."),
        "short": _("This RSA key is too short; at least 2,048 bits are needed."),
        "foreign": _("The certificate in this file belongs to another key."),
        "purpose": _("The certificate in this file is not made for signing documents."),
        "expired": _("The certificate of the signing key expired on %(date)s."),
        "early": _("The certificate of the signing key is not valid yet."),
    }[fault] % values
