"""Forms of the certificates room."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from certificates.models import RevocationReason
from core.forms import FileField, Form, PersonNameField, Required


class IssueForm(Form):
    """Issue for all who are eligible."""

    accept_missing = BooleanField(_l("Issue without the credit lines that miss something"))


class VerifyForm(Form):
    """A number typed from paper; the family name as well, so that nobody can leaf through the register."""

    number = StringField(_l("Certificate number"), [DataRequired(_l("Type the number.")), Length(max=40)])
    family_name = StringField(
        _l("Family name on the certificate"), [DataRequired(_l("Type the family name.")), Length(max=120)]
    )


class UploadForm(Form):
    """A PDF to look at."""

    file = FileField(_l("Certificate as a PDF file"), [Required(_l("Choose the PDF file first."))])


class OverrideForm(Form):
    """A certificate by decision."""

    reason = TextAreaField(
        _l("Why there is a certificate nevertheless"),
        [DataRequired(_l("Say why. The words stay on the record.")), Length(max=2000)],
        description=_l("Stays on the record in the office; never printed."),
    )


class RevokeForm(Form):
    """Revoke: the category is public, the note is not."""

    reason = SelectField(
        _l("Reason shown to verifiers"),
        choices=[
            (RevocationReason.ISSUED_IN_ERROR.value, _l("It was issued in error")),
            (RevocationReason.ATTENDANCE_CORRECTED.value, _l("The attendance was corrected")),
            (RevocationReason.IDENTITY.value, _l("The name or identity was not right")),
            (RevocationReason.OTHER.value, _l("Another reason")),
        ],
    )
    note = TextAreaField(
        _l("What happened"),
        [DataRequired(_l("Say why it is revoked. The words stay in the office.")), Length(max=2000)],
        description=_l("Stays in the office."),
    )


class ReissueForm(Form):
    """A corrected certificate in place of an older one."""

    certificate_name = PersonNameField(_l("Name on the certificate"))
    reason = TextAreaField(
        _l("Why it is replaced"),
        [DataRequired(_l("Say why the certificate is replaced; it stays on the record.")), Length(max=2000)],
    )
