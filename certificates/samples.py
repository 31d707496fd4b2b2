"""Sample people for looking at a design: short, very long, and names of other scripts. All made up."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from certificates.snapshot import language_of, school_data
from core import links
from core.school import School

LONG = "Maximiliana Aurelia Konstantinopolitanska-Featherstonehaugh von und zu Hohenschwangau III"

SAMPLES = {
    "short": "Bo Ng",
    "long": LONG + ".",
    "arabic": "فاطمة الزهراء بنت محمد",
    "chinese": "欧阳明月",
    "devanagari": "प्रिया शर्मा",
    "vietnamese": "Nguyễn Thị Minh Khai",
}
LABELS = {
    "short": lazy_gettext("A short name"),
    "long": lazy_gettext("A name of 90 letters"),
    "arabic": lazy_gettext("Arabic"),
    "chinese": lazy_gettext("Chinese"),
    "devanagari": lazy_gettext("Devanagari"),
    "vietnamese": lazy_gettext("Vietnamese"),
}


def sample_document(school: School, sample: str) -> dict[str, Any]:
    """A certificate of a made-up person as the templates take it; the school is the real one."""
    name = SAMPLES[sample]
    url = links.absolute("certificates.verify_start")
    credit = {
        "body": _("Sample board"),
        "provider_number": "P-000",
        "program_number": "PR-000",
        "hours": "28.5",
        "unit": _("CE hours"),
        "statement": _("A board’s own statement stands here."),
    }
    return {
        "school": school_data(school),
        "made_at": "2027-03-16T18:00:00Z",
        "certificate": {
            "number": str(_("SAMPLE, not issued")),
            "kind": str(_("Sample, not a certificate")),
            "participant": name,
            "participant_lang": language_of(name),
            "license": {
                "profession": str(_("Massage therapist (LMT)")),
                "jurisdiction": "Oregon",
                "number": "00000",
            },
            "course": {"code": "SAMPLE1", "title": str(_("A course of four days"))},
            "dates": "Mar 12 – 15, 2027",
            "completed": "March 15, 2027",
            "place": "Astoria, OR, US",
            "delivery": str(_("Live, in person")),
            "contact_hours": "24",
            "issued": "March 16, 2027",
            "instructor": {
                "name": str(_("The lead instructor")),
                "role": str(_("Lead instructor")),
                "signature": "",
            },
            "verify_url": url,
            "verify_text": url.split("://", 1)[-1],
            "retention": str(_("Keep this certificate for at least four years after the course concludes.")),
            "disclaimer": str(_("Completion of a course; not a license to practice.")),
            "credits": [credit],
        },
    }
