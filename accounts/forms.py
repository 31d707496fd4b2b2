"""The forms of the accounts room."""

from typing import Any

from flask_babel import lazy_gettext as _l

from accounts.models import Role
from accounts.passwords import MAXIMUM, MINIMUM, judge_password
from core.errors import RuleError
from core.forms import (
    BooleanField,
    EmailField,
    Form,
    HiddenField,
    Length,
    PasswordField,
    PersonNameField,
    RadioField,
    Required,
    SelectField,
    StringField,
    ValidationError,
)

ROLE_NAMES = {
    Role.STUDENT: _l("Student"),
    Role.INSTRUCTOR: _l("Instructor"),
    Role.REGISTRAR: _l("Registrar"),
    Role.ADMIN: _l("Admin"),
}
_NEW = {"autocomplete": "new-password", "minlength": MINIMUM, "maxlength": MAXIMUM}
_CURRENT = {"autocomplete": "current-password", "maxlength": MAXIMUM}
_PASSWORD_HINT = _l("At least %(n)s characters. A few words in a row are easy to keep in mind.", n=MINIMUM)


class LoginForm(Form):
    """Sign in."""

    email = EmailField(_l("Email"), [Required()], render_kw={"autocomplete": "username"})
    password = PasswordField(_l("Password"), [Required()], render_kw=_CURRENT)
    remember = BooleanField(_l("Keep me signed in on this device"))
    next = HiddenField()
    kept = HiddenField()


class RegisterForm(Form):
    """Make an account."""

    name = PersonNameField(_l("Name"), [Required()], render_kw={"autocomplete": "name"})
    email = EmailField(_l("Email"), [Required()], render_kw={"autocomplete": "email"})
    password = PasswordField(_l("Password"), [Required()], description=_PASSWORD_HINT, render_kw=_NEW)
    next = HiddenField()

    def validate_password(self, field: Any) -> None:
        """Judged together with the rest, so that one answer tells all that is wrong."""
        try:
            judge_password(field.data, email=self.email.data or "", name=self.name.data or "")
        except RuleError as error:
            raise ValidationError(str(error)) from None


class ConfirmForm(Form):
    """Confirm one's address: by who chose the account's password, not by whoever's registration came last."""

    password = PasswordField(_l("The password you chose"), [Required()], render_kw=_CURRENT)


class ResetForm(Form):
    """Ask for a link to set a new password."""

    email = EmailField(_l("Email"), [Required()], render_kw={"autocomplete": "username"})


class NewPasswordForm(Form):
    """Set a password, having followed a mailed link."""

    password = PasswordField(_l("New password"), [Required()], description=_PASSWORD_HINT, render_kw=_NEW)


class NameForm(Form):
    """The own name."""

    name = PersonNameField(_l("Name"), [Required()], render_kw={"autocomplete": "name"})
    family_name = PersonNameField(
        _l("Family name"),
        [Length(max=120)],
        description=_l("The part of your name that someone types who checks a certificate of yours."),
        render_kw={"autocomplete": "family-name"},
    )


class AddressForm(Form):
    """Another e-mail address."""

    email = EmailField(_l("New email"), [Required()], render_kw={"autocomplete": "email"})
    password = PasswordField(_l("Your password"), [Required()], render_kw=_CURRENT)


class PasswordForm(Form):
    """Another password."""

    current = PasswordField(_l("Current password"), [Required()], render_kw=_CURRENT)
    password = PasswordField(_l("New password"), [Required()], description=_PASSWORD_HINT, render_kw=_NEW)


class EmptyForm(Form):
    """Only a button."""


class InviteForm(Form):
    """Invite someone; the choice of roles is what the one who invites may give."""

    name = PersonNameField(_l("Name"), [Required()], render_kw={"autocomplete": "off"})
    email = EmailField(_l("Email"), [Required()], render_kw={"autocomplete": "off"})
    role = RadioField(_l("Role"), [Required()], coerce=Role)


class RoleForm(Form):
    """Another role."""

    role = SelectField(
        _l("Role"), [Required()], coerce=Role, choices=[(r.value, ROLE_NAMES[r]) for r in Role]
    )


class PeopleFilter(Form):
    """What the list of people is narrowed to; sent by GET."""

    class Meta(Form.Meta):
        csrf = False

    q = StringField(_l("Name or email"), [Length(max=120)])
    role = SelectField(
        _l("Role"), choices=[("", _l("Every role")), *((r.value, ROLE_NAMES[r]) for r in Role)]
    )
