"""What the links in mails to students and to the contacts of groups say when they arrive damaged."""

from flask_babel import lazy_gettext as _l

from core.lost_links import LostLink

LINKS = (
    LostLink(
        "/my/",
        _l(
            "It lost a part on the way, or it belongs to another account. Open the mail and press its button, or sign in"
            " with the address that the mail came to."
        ),
        "portal.my",
        _l("Your classes"),
    ),
    LostLink(
        "/my/calendar",
        _l(
            "It lost a part on the way, or a new address was made since. Your details show the address that works now."
        ),
        "students.details",
        _l("Your details"),
    ),
    LostLink(
        "/groups",
        _l(
            "It lost a part on the way."
            " Open the mail about your group and press its button, or copy the whole link. The office can send it to you"
            " once more."
        ),
        "courses.catalog",
        _l("Go to the courses"),
    ),
)
