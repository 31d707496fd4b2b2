"""Which reports the office has, in the order of the page."""

from flask_babel import lazy_gettext as _l

from portal import tax_reports
from portal.reports import Report, at_risk, attendance, classes, instructors, no_shows, students, untaken

_DAYS = _l("Days from")
REPORTS = {
    report.key: report
    for report in (
        Report("classes", _l("Classes"), _l("Seats, how the students ended, minutes taught."), classes),
        Report("students", _l("Students"), _l("Classes and minutes of each student."), students),
        Report("instructors", _l("Instructors"), _l("Classes, meetings and minutes of each instructor."), instructors),
        Report("attendance", _l("Attendance"), _l("Every student at every meeting."), attendance),
        Report("untaken", _l("Rolls not taken"), _l("Meetings that are over and have no roll."), untaken),
        Report("at-risk", _l("At risk"), _l("Who needs a make-up to complete a running class."), at_risk),
        Report("no-shows", _l("No-shows"), _l("Who never came, or has not come so far."), no_shows),
        Report("tax", _l("Tax"), _l("The tax within what was asked for and paid, by rate."), tax_reports.summary, _DAYS),
        Report("tax-entries", _l("Tax, each entry"), _l("What the sums of the tax hold."), tax_reports.details, _DAYS),
    )
}  # fmt: skip
