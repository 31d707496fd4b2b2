"""Forms of group bookings."""

from typing import Any

from flask_babel import lazy_gettext as _l

from core.forms import (
    EmailField,
    Form,
    HiddenField,
    Length,
    Optional,
    PersonNameField,
    Required,
    SelectField,
    StringField,
    TextAreaField,
    WholeNumberField,
)
from students.forms import profession_choices
from students.groups import MOST_SEATS, Person


class BookingForm(Form):
    """Seats for an organization."""

    offering = StringField(_l("Class"), [Required(), Length(max=40)])
    seats = WholeNumberField(_l("Seats"), [Required()], minimum=1, maximum=MOST_SEATS)
    organization = StringField(_l("Organization"), [Required(), Length(max=200)])
    contact_name = PersonNameField(_l("Contact"), [Required()])
    contact_email = EmailField(_l("Contact’s email"), [Required()])
    address = TextAreaField(_l("Address for the invoice"), [Length(max=1000)])
    reference = StringField(_l("Their reference"), [Length(max=200)])


class PersonForm(Form):
    """Someone for a seat."""

    name = PersonNameField(_l("Full name"), [Required()])
    email = EmailField(_l("Email"), [Required()])
    profession = SelectField(_l("Profession"), [Optional()])
    license_state = StringField(_l("State or country"), [Optional(), Length(max=40)])
    license_number = StringField(_l("License number"), [Optional(), Length(max=60)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.profession.choices = profession_choices()

    @property
    def person(self) -> Person:
        """Who was typed, after validation."""
        return Person(
            name=self.name.data or "",
            email=self.email.data or "",
            profession=self.profession.data or "",
            license_state=self.license_state.data or "",
            license_number=self.license_number.data or "",
            override_reason=(self["override_reason"].data or "") if "override_reason" in self else "",
        )


class OfficePersonForm(PersonForm):
    """The same for the office, which may override."""

    override_reason = TextAreaField(_l("Why without the course before it"), [Optional(), Length(max=1000)])


class SeatsForm(Form):
    """More seats, or fewer; ``seen`` is how many there were when the page was drawn."""

    seen = HiddenField()
    count = WholeNumberField(_l("How many"), [Required()], minimum=1, maximum=MOST_SEATS)
