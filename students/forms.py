"""The forms of this room. Lengths match the columns."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from core.forms import (
    BooleanField,
    DateField,
    Form,
    HiddenField,
    Length,
    MoneyField,
    Optional,
    PersonNameField,
    Required,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
    WholeNumberField,
)
from students.people import NAME_MAXIMUM, PROFESSIONS


def profession_choices(extra: list[str] | None = None) -> list[tuple[str, Any]]:
    """Nothing chosen, the professions we have words for, and codes that a course names beside them."""
    known = [("", _("Choose one")), *PROFESSIONS.items()]
    return known + [(code, code) for code in extra or [] if code not in PROFESSIONS and code != "anyone"]


class EnrollForm(Form):
    """DESIGN's field names; the two versions tell whether the page was still current when it was sent."""

    certificate_name = StringField(
        lazy_gettext("Full name"), [Required(lazy_gettext("Write your name.")), Length(max=NAME_MAXIMUM)]
    )
    # Which codes there are depends on the course; the rule checks, under its lock.
    profession = SelectField(lazy_gettext("Profession"), validate_choice=False)
    license_state = StringField(lazy_gettext("State or country"), [Optional(), Length(max=40)])
    license_number = StringField(lazy_gettext("License number"), [Optional(), Length(max=60)])
    acknowledge_screening = BooleanField(lazy_gettext("I have read this list"))
    talk_to_instructor = BooleanField(lazy_gettext("I will talk to the instructor"))
    access_help = BooleanField(lazy_gettext("I need help with access"))
    discount_code = StringField(lazy_gettext("Discount code"), [Optional(), Length(max=40)])
    accept_policy = BooleanField(lazy_gettext("I agree to these terms"))
    screening_version = HiddenField()
    policy_version = HiddenField()


class SafetyForm(Form):
    """Reading the safety list after enrolling; the fields are those of ``EnrollForm``."""

    acknowledge_screening = BooleanField(
        lazy_gettext("I have read this list"),
        [Required(lazy_gettext("Confirm that you have read the safety list. It refuses nobody."))],
    )
    talk_to_instructor = BooleanField(lazy_gettext("I will talk to the instructor"))
    access_help = BooleanField(lazy_gettext("I need help with access"))
    screening_version = HiddenField()


class DetailsForm(Form):
    """What students change of their own data."""

    certificate_name = StringField(
        lazy_gettext("Name on certificates"),
        [Required(lazy_gettext("Write your name.")), Length(max=NAME_MAXIMUM)],
    )
    phone = TelField(lazy_gettext("Phone"), [Optional(), Length(max=40)])
    wants_reminders = BooleanField(lazy_gettext("Remind me by mail before a class"))


class LicenseForm(Form):
    """One license."""

    profession = SelectField(lazy_gettext("Profession"), [Required(lazy_gettext("Choose a profession."))])
    license_state = StringField(
        lazy_gettext("State or country"),
        [Required(lazy_gettext("Write the state or country that licensed you.")), Length(max=40)],
    )
    license_number = StringField(
        lazy_gettext("Number"), [Required(lazy_gettext("Write the number.")), Length(max=60)]
    )
    expires_on = DateField(lazy_gettext("Expires"), [Optional()])


class PrintedForm(Form):
    """What a certificate prints of a person; the choices are the student's licenses, none, and another."""

    certificate_name = PersonNameField(lazy_gettext("Name on the certificate"))
    license = SelectField(lazy_gettext("License"), [Optional()])
    profession = SelectField(lazy_gettext("Profession"), [Optional()])
    license_state = StringField(lazy_gettext("State or country"), [Optional(), Length(max=40)])
    license_number = StringField(lazy_gettext("Number"), [Optional(), Length(max=60)])


class ConfirmForm(Form):
    """A form that is only a button."""


class ReasonForm(Form):
    """The office's reason or message for an act; whether it is needed is the rule's to say."""

    reason = TextAreaField(lazy_gettext("Reason"), [Optional(), Length(max=1000)])


class PromoteForm(ReasonForm):
    """Giving a seat to someone on the waitlist; ``add_seat`` stands only where none is free."""

    add_seat = BooleanField(lazy_gettext("Add a seat to the class for this person"))


class MessageForm(Form):
    """A message that is mailed to the student."""

    message = TextAreaField(lazy_gettext("Message to the student"), [Optional(), Length(max=2000)])


class OfficeWithdrawForm(ReasonForm):
    """Withdrawing by the office; ``refund`` replaces what the policy gives. ``digits``: the decimals of the currency."""

    refund = MoneyField(lazy_gettext("Refund instead of the policy's"), [Optional()])

    def __init__(self, *args: Any, digits: int = 2, **kwargs: Any) -> None:
        self._digits = digits
        super().__init__(*args, **kwargs)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Read amounts by the currency's decimals."""
        self.refund.digits = self._digits
        super().process(*args, **kwargs)


class TransferForm(ReasonForm):
    """Moving to another class of the course."""

    to = SelectField(lazy_gettext("To which class"), [Required(lazy_gettext("Choose a class."))])


class CapacityForm(Form):
    """How many seats a class has."""

    capacity = WholeNumberField(
        lazy_gettext("Seats"), [Required(lazy_gettext("Write a number."))], minimum=1, maximum=1000
    )


class OfficeEnrollForm(Form):
    """Enrolling someone by hand."""

    person = HiddenField()
    certificate_name = StringField(
        lazy_gettext("Name on the certificate"), [Optional(), Length(max=NAME_MAXIMUM)]
    )
    override_reason = TextAreaField(
        lazy_gettext("Why without the prerequisite"), [Optional(), Length(max=1000)]
    )
    ahead_reason = TextAreaField(lazy_gettext("Why before those who wait"), [Optional(), Length(max=1000)])


class GrantForm(ReasonForm):
    """Letting a course count as met for a student."""

    course = SelectField(lazy_gettext("Course"), [Required(lazy_gettext("Choose a course."))])
    is_external = BooleanField(lazy_gettext("Learned at another school, certificate seen"))
