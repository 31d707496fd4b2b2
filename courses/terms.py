"""The school's terms in words: deposit and balance, refunds, transfers, and what attendance the certificate asks for."""

from flask_babel import gettext as _
from flask_babel import ngettext

from core.formatting import hours, money, number
from courses.models import Policy

# The balance is never due earlier than this after enrolling (DESIGN's demo file, balance_due_days).
BALANCE_DAYS_AFTER_ENROLLING = 7


def payment_words(policy: Policy, currency: str) -> str:
    """When the price is paid."""
    days = policy.balance_due_days
    if policy.deposit_cents and days:
        return _(
            "%(deposit)s holds your seat. The rest is due %(days)s days before the class, or %(after)s days after"
            " you enroll, whichever is later.",
            deposit=money(policy.deposit_cents, currency),
            days=days,
            after=BALANCE_DAYS_AFTER_ENROLLING,
        )
    if policy.deposit_cents:
        deposit = money(policy.deposit_cents, currency)
        return _("%(deposit)s holds your seat. The rest is due when the class begins.", deposit=deposit)
    if days:
        return _("The price is due %(days)s days before the class.", days=days)
    return _("The price is due when the class begins.")


def refund_words(policy: Policy, currency: str) -> list[str]:
    """What is given back when a student leaves: one sentence for each step, the earliest first."""
    steps = sorted(policy.refunds, key=lambda step: -int(step["days_before"]))
    lines = []
    for step in steps:
        days, percent, fee = int(step["days_before"]), int(step["percent"]), int(step["fee"])
        if percent == 0:
            continue
        if days == 0:
            when = _("Until the class begins")
        else:
            when = ngettext("Until %(num)s day before the class", "Until %(num)s days before the class", days)
        what = (
            _("the whole price") if percent == 100 else _("%(percent)s percent of the price", percent=percent)
        )
        if fee:
            less = money(fee, currency)
            lines.append(_("%(when)s: %(what)s, less %(fee)s.", when=when, what=what, fee=less))
        else:
            lines.append(_("%(when)s: %(what)s.", when=when, what=what))
    if not lines:
        return [_("Nothing is refunded when you withdraw.")]
    if int(steps[-1]["percent"]) == 0 or int(steps[-1]["days_before"]) > 0:
        lines.append(_("Later than that, nothing is refunded."))
    return [*lines, _("If the school cancels the class, you get everything back.")]


def further_words(policy: Policy) -> list[str]:
    """Transfers and repeating."""
    lines = []
    if policy.free_transfers:
        lines.append(
            ngettext(
                "You may move to another date of the course once without a fee.",
                "You may move to another date of the course %(num)s times without a fee.",
                policy.free_transfers,
            )
        )
    if policy.repeat_price_percent < 100:
        percent = policy.repeat_price_percent
        lines.append(_("Taking the course again costs %(percent)s percent of the price.", percent=percent))
    return lines


def attendance_words(policy: Policy) -> str:
    """How much attendance the certificate asks for."""
    if policy.minimum_percent == 100:
        text = _("The certificate asks for all of the contact hours.")
    else:
        text = _(
            "The certificate asks for %(percent)s percent of the contact hours.",
            percent=policy.minimum_percent,
        )
    if policy.grace_minutes_per_meeting:
        text += " " + ngettext(
            "Up to %(num)s minute missed in a meeting counts as attended.",
            "Up to %(num)s minutes missed in a meeting count as attended.",
            policy.grace_minutes_per_meeting,
        )
    return text


def minutes_needed(total: int, percent: int) -> int:
    """The minutes of a class of ``total`` that a policy asks for, rounded up."""
    return -(-total * percent // 100)


# What the office's pages explain a policy with.
EXAMPLE_MINUTES = 20 * 60


def office_words(policy: Policy, currency: str) -> list[tuple[str, list[str]]]:
    """A policy in plain words for the office, under headings: what students read, and what it means for the rest."""
    return [
        (_("Attendance"), [attendance_words(policy), *_missing_words(policy)]),
        (_("Paying"), [payment_words(policy, currency)]),
        (_("Leaving"), refund_words(policy, currency)),
        (_("Moving and repeating"), _moving_words(policy)),
        (_("The waitlist"), _waitlist_words(policy)),
    ]


def _missing_words(policy: Policy) -> list[str]:
    missed = EXAMPLE_MINUTES - minutes_needed(EXAMPLE_MINUTES, policy.minimum_percent)
    values = {"hours": hours(EXAMPLE_MINUTES), "n": number(missed, 0)}
    if missed and policy.grace_minutes_per_meeting:
        told = _("Beyond that, a student may miss %(n)s minutes of a class of %(hours)s hours.", **values)
    elif missed:
        told = _("A student may miss %(n)s minutes of a class of %(hours)s hours.", **values)
    elif policy.grace_minutes_per_meeting:
        told = _("Beyond that, a student may miss nothing.")
    else:
        told = _("A student may miss nothing.")
    if policy.excused_counts:
        excused = _("A meeting that was excused counts as attended.")
    else:
        excused = _("A meeting that was excused counts as missed, until a make-up.")
    return [told, excused, _("Bodies have rules of their own beside it.")]


def _moving_words(policy: Policy) -> list[str]:
    lines = further_words(policy)
    if not policy.free_transfers:
        lines.insert(0, _("Students do not move to another date by themselves; the office moves them."))
    if policy.repeat_price_percent == 100:
        lines.append(_("Taking the course again costs the whole price."))
    return lines


def _waitlist_words(policy: Policy) -> list[str]:
    held = ngettext(
        "A freed seat is held for the first on the list for %(num)s hour.",
        "A freed seat is held for the first on the list for %(num)s hours.",
        policy.seat_offer_hours,
    )
    if policy.waitlist_cutoff_hours:
        closes = ngettext(
            "The list closes %(num)s hour before the class. Offers end then, and the office gives out what is free.",
            "The list closes %(num)s hours before the class. Offers end then, and the office gives out what is free.",
            policy.waitlist_cutoff_hours,
        )
    else:
        closes = _("The list closes when the class begins.")
    return [held, closes]
