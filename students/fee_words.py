"""The ledger in words."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from students.ledger_models import EntryKind, FeeEntry, Method

METHODS = {
    Method.TRANSFER: lazy_gettext("Bank transfer"),
    Method.CARD: lazy_gettext("Card"),
    Method.CASH: lazy_gettext("Cash"),
    Method.CHECK: lazy_gettext("Check"),
    Method.OTHER: lazy_gettext("Another way"),
}
KINDS = {
    EntryKind.CHARGE: lazy_gettext("Price"),
    EntryKind.DISCOUNT: lazy_gettext("Discount"),
    EntryKind.RELEASE: lazy_gettext("No longer asked for"),
    EntryKind.REFUND_DUE: lazy_gettext("Refund by the terms"),
    EntryKind.PAYMENT: lazy_gettext("Payment"),
    EntryKind.REFUND: lazy_gettext("Refund made"),
    EntryKind.MOVED: lazy_gettext("Moved with the seat"),
}


def is_kept(entry: FeeEntry) -> bool:
    """Whether a charge is no price but what the terms keep of a group's seats that were given back."""
    return entry.kind is EntryKind.CHARGE and entry.seats is None and bool(entry.note)


def entry_words(entry: FeeEntry) -> str:
    """What an entry is, for people: "Discount, code EARLY10", "Payment, bank transfer", "Taken back: …"."""
    words = str(KINDS[entry.kind])
    if entry.method is not None:
        words = _("%(what)s, %(how)s", what=words, how=str(METHODS[entry.method]).lower())
    elif entry.kind is EntryKind.DISCOUNT and entry.reference:
        words = _("Discount, code %(code)s", code=entry.reference)
    elif entry.seats is not None and entry.seats < 0:
        given = ngettext("%(num)d seat given back", "%(num)d seats given back", -entry.seats)
        words = _("%(what)s, %(how)s", what=given, how=words.lower())
    elif is_kept(entry):
        words = _("Kept by the terms")
    return _("Taken back: %(entry)s", entry=words) if entry.corrects_id is not None else words
