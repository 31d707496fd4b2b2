"""What is looked at before a certificate is issued: named, with what would mend it."""

from flask_babel import gettext as _

from certificates.eligibility import Verdict
from core.pdf.glyphs import missing_glyphs, too_long_to_read
from courses.offering_models import Offering

MOST_LINES = 5  # more do not fit on the page


def problems_of(verdict: Verdict, offering: Offering) -> list[str]:
    """Why this certificate cannot be printed well; empty when it can."""
    name = verdict.enrollment.certificate_name
    problems = []
    if not name.strip():
        problems.append(_("There is no name for the certificate. The office writes it."))
    if missing := missing_glyphs(name):
        shown = ", ".join(f"{character} (U+{ord(character):04X})" for character in missing[:5])
        problems.append(
            _(
                "No font here can print %(characters)s in the name. Correct the name, or install a font.",
                characters=shown,
            )
        )
    if too_long_to_read(name):
        problems.append(
            _("The name is too long to be read on the page. Agree on a shorter form with the student.")
        )
    if len(verdict.granted) > MOST_LINES:
        problems.append(
            _(
                "More than %(count)d credit lines do not fit on the page. Retire an approval.",
                count=MOST_LINES,
            )
        )
    if offering.cancelled_at is not None:
        problems.append(_("The class was cancelled."))
    return problems
