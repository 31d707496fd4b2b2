"""What the links in mails about accounts say when they arrive damaged."""

from flask_babel import lazy_gettext as _l

from core.lost_links import LostLink

LINKS = (
    LostLink(
        "/accounts/confirm",
        _l(
            "It lost a part on the way."
            " Open the mail and press its button, or copy the whole link. Or register once more with the same address: a new"
            " link comes to you."
        ),
        "accounts.register",
        _l("Register"),
    ),
    LostLink(
        "/accounts/reset/",
        _l(
            "It lost a part on the way. Open the mail and press its button, or copy the whole link. Or ask for a new one."
        ),
        "accounts.reset",
        _l("Get a new link"),
    ),
    LostLink(
        "/accounts/invitation",
        _l(
            "It lost a part on the way."
            " Open the mail and press its button, or copy the whole link. The office can send you a new invitation."
        ),
        "accounts.login",
        _l("Sign in"),
    ),
    LostLink(
        "/accounts/new-address",
        _l(
            "It lost a part on the way."
            " Open the mail and press its button, or copy the whole link. Or enter the new address once more in your"
            " account."
        ),
        "accounts.account",
        _l("Your account"),
    ),
)
