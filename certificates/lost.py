"""What the links in mails about certificates say when they arrive damaged."""

from flask_babel import lazy_gettext as _l

from core.lost_links import LostLink

LINKS = (
    LostLink(
        "/certificates/",
        _l(
            "It lost a part on the way, or the certificate belongs to another account. All of yours stand on one page."
        ),
        "certificates.my_certificates",
        _l("Your certificates"),
    ),
)
