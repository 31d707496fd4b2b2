"""The catalog, a course and a class as visitors and students see them."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import Response, abort, current_app, get_template_attribute, make_response, request, url_for
from flask_babel import get_locale
from flask_login import current_user
from markupsafe import Markup

from accounts.access import me
from accounts.models import User
from core import clock
from core.database import db
from core.links import public_base
from core.pathpicture import curriculum_path
from core.school import current_school
from core.web import page
from courses import catalog as listings
from courses import terms
from courses.blueprint import blueprint
from courses.calendar import class_calendar
from courses.cards import ClassCard, Door, door_of
from courses.catalog_queries import coming
from courses.models import Approval, Course
from courses.offering_models import Offering
from courses.public import approvals_on, coming_offerings, course_for, curriculum, offering_for
from courses.scheduling import clock_changes
from courses.structured import course_data


def _reader() -> User | None:
    return me() if current_user.is_authenticated else None


def _full(path: str) -> str:
    """The full address of a path: by PUBLIC_URL; in a demo without one, by the address that was asked."""
    if current_app.extensions["settings"].public_url:
        return public_base() + path
    return request.url_root.rstrip("/") + path


def _course_url(code: str) -> str:
    return _full(url_for("courses.course", code=code))


def _class_url(code: str) -> str:
    return _full(url_for("courses.class_page", code=code))


@blueprint.get("/")
@blueprint.get("/courses/")
def catalog() -> Response:
    """The courses with their coming classes; filters and page by GET."""
    now, filters = clock.now(), listings.Filters.of(request.args)
    number = request.args.get("page", "1")
    if not (number.isascii() and number.isdigit() and 1 <= len(number) <= 5 and int(number) > 0):
        abort(404)
    found = listings.listing(db.session, filters, page=int(number), now=now)
    if not found.courses and int(number) > 1:
        abort(404)
    return page(
        "courses/catalog.html",
        found=found,
        filters=filters,
        choices=listings.choices(db.session, now=now),
        number=int(number),
        per_page=listings.COURSES_PER_PAGE,
        first_of_month=listings.first_of_month,
        article=_article,
    )


def _article(card: listings.CourseCard, currency: str) -> Markup:
    return _drawn(card, currency, str(get_locale()), request.script_root)


@lru_cache(maxsize=1024)
def _drawn(card: listings.CourseCard, currency: str, _locale: str, _root: str) -> Markup:
    """A course in the list. Everything that it shows is in the arguments, so a kept one is never out of date."""
    drawn: Markup = get_template_attribute("courses/_parts.html", "course_article")(card, currency)
    return drawn


@blueprint.get("/courses/<code>")
def course(code: str) -> Response:
    """One course: what is taught, what comes before, safety, credit, coming classes."""
    now, reader = clock.now(), _reader()
    found = course_for(db.session, code, reader)
    school = current_school(db.session)
    offerings = coming_offerings(db.session, found, coming(now))
    doors = [(offering, door_of(offering, now=now)) for offering in offerings]
    courses, edges = curriculum(db.session, found)
    return page(
        "courses/course.html",
        course=found,
        cards=[_card(offering, door) for offering, door in doors],
        picture=curriculum_path(courses, edges, found.code, url=_link_to_course),
        approvals=_credit(found, now, school.time_zone if school else "UTC"),
        terms=_terms(found.policy, school.currency if school else "USD"),
        data=course_data(found, doors, school, course_url=_course_url, class_url=_class_url),
        canonical=_course_url(found.code),
    )


@blueprint.get("/classes/<code>")
def class_page(code: str) -> Response:
    """One class: its meetings in local time, place, people, seats, price and terms."""
    now = clock.now()
    offering = offering_for(db.session, code, _reader())
    school = current_school(db.session)
    return page(
        "courses/class.html",
        offering=offering,
        course=offering.course,
        card=_card(offering, door_of(offering, now=now)),
        days=_days(offering),
        changes=clock_changes(offering.meetings, offering.time_zone),
        approvals=approvals_on(offering.course, clock.local_date(offering.ends_at, offering.time_zone)),
        terms=_terms(offering.policy, school.currency if school else "USD"),
        has_begun=offering.starts_at <= now,
        has_ended=offering.ends_at <= now,
        canonical=_class_url(offering.code),
    )


@blueprint.get("/classes/<code>.ics")
def class_calendar_file(code: str) -> Response:
    """The meetings of a class for a calendar program."""
    offering = offering_for(db.session, code, _reader())
    body = class_calendar(offering, url=_class_url(offering.code), now=clock.now())
    answer = make_response(body)
    answer.headers["Content-Type"] = "text/calendar; charset=utf-8; method=PUBLISH"
    answer.headers["Content-Disposition"] = f'attachment; filename="{offering.code}.ics"'
    return answer


def _link_to_course(code: str) -> str:
    return url_for("courses.course", code=code)


def _card(offering: Offering, door: Door) -> ClassCard:
    venue = offering.venue
    return ClassCard(
        code=offering.code,
        starts_at=offering.starts_at,
        ends_at=offering.ends_at,
        time_zone=offering.time_zone,
        place=venue.name if venue.is_online or not venue.city else f"{venue.city}, {venue.name}",
        teachers=tuple(item.user.name for item in offering.instructors),
        capacity=offering.capacity,
        seats_taken=offering.seats_taken,
        waiting=offering.waiting_count,
        opens_at=offering.enrollment_opens_at,
        door=door,
    )


def _credit(course: Course, now: datetime, zone: str) -> list[Approval]:
    return approvals_on(course, clock.local_date(now, zone))


def _terms(policy: Any, currency: str) -> dict[str, Any]:
    return {
        "payment": terms.payment_words(policy, currency),
        "refunds": terms.refund_words(policy, currency),
        "further": terms.further_words(policy),
        "attendance": terms.attendance_words(policy),
    }


def _days(offering: Offering) -> list[tuple[datetime, list[Any]]]:
    """The meetings by day of the class's zone: (first start, meetings)."""
    days: dict[object, list[Any]] = {}
    for meeting in offering.meetings:
        days.setdefault(clock.local_date(meeting.starts_at, offering.time_zone), []).append(meeting)
    return [(meetings[0].starts_at, meetings) for meetings in days.values()]
