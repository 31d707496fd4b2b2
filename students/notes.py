"""What pages of the rooms below say to a signed-in student: whether prerequisites are met, and their place in a class.

Those pages call these by name where they are defined (a context processor), so no room reaches up. Each answers with
finished markup, or nothing: for visitors, and when there is nothing to say.
"""

from datetime import UTC, datetime
from typing import Any

from flask import Flask, render_template
from flask_login import current_user
from markupsafe import Markup

from accounts.access import me
from core import clock
from core.database import db
from courses.models import Course
from courses.offering_models import Offering
from students import openings, people, prerequisites, seats, states, waitlist
from students.models import EnrollmentState, Student

# Later than any class: on a course's page, whatever is under way will have ended.
NO_DATE = datetime(9000, 1, 1, tzinfo=UTC)


def init_notes(app: Flask) -> None:
    """Give every page the functions by which students' notes are drawn."""
    app.context_processor(
        lambda: {
            "prerequisites_note": prerequisites_note,
            "my_place": my_place,
            "tell_me": tell_me,
        }
    )


def reader() -> Student | None:
    """The student record of whoever reads the page; None for visitors and for people who have none yet."""
    if not current_user.is_authenticated:
        return None
    return people.find_student(db.session, me().id)


def prerequisites_note(course: Course, offering: Offering | None = None) -> Markup:
    """Whether the reader has what the course asks for, and where the rest is taught next; six statements at most.

    For a class (``offering``) a course counts that ends before it begins; for a course, one that is still under way.
    """
    if not current_user.is_authenticated or not course.prerequisites:
        return Markup()
    student, now = reader(), clock.now()
    before = offering.starts_at if offering else NO_DATE
    result = prerequisites.check(db.session, course.id, student.id if student else None, before=before)
    missing = [need.course.id for need in result.missing_required + result.missing_approval]
    coming = prerequisites.next_classes(db.session, missing, now=now)
    return _drawn("students/_prerequisites_note.html", result=result, next_classes=coming)


def my_place(offering: Offering) -> Markup:
    """The reader's place in this class: a seat, an offer, a number in line, a request; four statements at most."""
    student = reader()
    enrollment = seats.live_enrollment(db.session, offering.id, student.id) if student else None
    if enrollment is None:
        return Markup()
    place = None
    if enrollment.state is EnrollmentState.WAITLISTED:
        place = waitlist.places(db.session, [enrollment.id]).get(enrollment.id)
    return _drawn(
        "students/_my_place.html",
        enrollment=enrollment,
        offering=offering,
        words=seats.already(enrollment.state),
        label=states.LABELS[enrollment.state],
        place=place,
    )


def tell_me(course: Course, offering: Offering | None = None) -> Markup:
    """One click to be told when it opens, or to take that back; visitors are led to sign in. Three statements at most."""
    if offering is not None:
        wished = openings.has_wish(db.session, reader(), offering_id=offering.id)
    else:
        wished = openings.has_wish(db.session, reader(), course_id=course.id)
    return _drawn("students/_tell_me.html", course=course, offering=offering, wished=wished)


def _drawn(template: str, **context: Any) -> Markup:
    return Markup(render_template(template, **context))  # noqa: S704 (the template has escaped it)
