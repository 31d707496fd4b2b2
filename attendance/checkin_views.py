"""Checking in: the screen in the room, the tablet at the door, the student's phone, and who has arrived."""

from typing import Any

import segno
import sqlalchemy as sa
from flask import Response, abort, current_app, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session, joinedload

from accounts.access import TEACHING, actor_again, me, roles, signed_in
from attendance import checkin, codes
from attendance.access import meeting_of
from attendance.blueprint import blueprint
from attendance.codes import NotACodeError, OldCodeError, Way
from attendance.models import CheckIn
from attendance.rolls import seats_of
from attendance.words import mark_words, meeting_name
from core import clock, links, throttle
from core.database import db
from core.errors import RuleError, SettingsError, ThrottledError
from core.web import acting, page, see_other
from courses.offering_models import Meeting, Offering
from students.models import Enrollment, Student

# Wrong codes: nobody guesses 128 bits, but nobody needs to try either.
MOST_WRONG, WRONG_SECONDS = 10, 600


@blueprint.get("/teaching/<code>/meetings/<int:number>/check-in")
@roles(*TEACHING)
def check_in_screen(code: str, number: int) -> ResponseReturnValue:
    """The code for the screen in the room. ``way`` is "in" or "out"; ``part=code`` asks for the code alone."""
    meeting = meeting_of(db.session, me(), code, number)
    door = url_for(".kiosk", key=codes.door_key(_secret(), meeting.id))
    return _screen(meeting, url_for(".check_in_screen", code=code, number=number), door=door)


@blueprint.get("/kiosk/<key>")
def kiosk(key: str) -> ResponseReturnValue:
    """The same for a tablet at the door that nobody is signed in on: no names, nothing else to reach, for this meeting."""
    meeting_id = codes.read_door_key(_secret(), key)
    try:
        meeting = checkin.meeting_for_scan(db.session, meeting_id or 0)
    except NotACodeError:
        abort(404)
    if clock.now() >= checkin.window_of(meeting, Way.OUT)[1]:
        abort(404)
    return _screen(meeting, url_for(".kiosk", key=key), kiosk=True)


def _screen(meeting: Meeting, address: str, **more: Any) -> Response:
    way = Way.OUT if request.args.get("way") == "out" else Way.IN
    now = clock.now()
    context: dict[str, Any] = {
        "meeting": meeting,
        "offering": meeting.offering,
        "title": meeting_name(meeting.starts_at, meeting.offering.time_zone),
        "way": way.value,
        "seconds": codes.next_step(now),
        "address": address,
        "here": checkin.here_now(db.session, meeting.id),
        "closed": "",
        "picture": "",
        **more,
    }
    try:
        checkin.require_window(meeting, way, now)
    except RuleError as error:
        context["closed"] = str(error)
    else:
        context["picture"] = _picture(codes.code_for(_secret(), meeting.id, way, now))
    if request.args.get("part") == "code":
        return make_response(render_template("attendance/_code.html", **context))
    return page("attendance/check_in_screen.html", **context)


def _picture(code: str) -> Markup:
    """The QR code of a check-in address, as SVG without any style of its own."""
    try:
        address = links.absolute("attendance.scan", token=code)
    except SettingsError:  # a demo on this computer alone
        address = url_for("attendance.scan", token=code, _external=True)
    drawn = segno.make(address, error="m", micro=False)
    svg = drawn.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 (made of numbers by segno)


@blueprint.get("/teaching/<code>/meetings/<int:number>/arrivals")
@roles(*TEACHING)
def arrivals(code: str, number: int) -> Response:
    """Who has checked in, who has not; asks again by itself."""
    session = db.session
    meeting = meeting_of(session, me(), code, number)
    seats, _revision = seats_of(session, meeting.id, meeting.offering_id)
    found = checkin.arrivals(session, meeting, seats)
    answer = page(
        "attendance/arrivals.html",
        meeting=meeting,
        offering=meeting.offering,
        title=meeting_name(meeting.starts_at, meeting.offering.time_zone),
        found=found,
        here=sum(1 for item in found if item.came_at),
        mark_words=mark_words,
    )
    answer.headers["Refresh"] = "10"
    return answer


@blueprint.get("/check-in/<token>")
@signed_in
def scan(token: str) -> ResponseReturnValue:
    """What a phone opens after a scan: which class it is, and one button."""
    return _scanned(token, send=False)


@blueprint.post("/check-in/<token>")
@signed_in
def check_in(token: str) -> ResponseReturnValue:
    """Check in or out."""
    return _scanned(token, send=True)


def _scanned(token: str, *, send: bool) -> ResponseReturnValue:
    now, user = clock.now(), me()
    who = f"user:{user.id}"
    try:
        throttle.check("check-in", who, limit=MOST_WRONG, seconds=WRONG_SECONDS, now=now)
        read = codes.read_code(_secret(), token, now)
        if send:
            with acting() as session:
                found = checkin.scan(session, read.meeting_id, read.way, user=actor_again(session), now=now)
                address = url_for(".checked_in", check_in_id=found.row.id, again=1 if found.again else None)
            return see_other(address)
        meeting = checkin.meeting_for_scan(db.session, read.meeting_id)
        checkin.require_window(meeting, read.way, now)
        checkin.require_enrolled(db.session, meeting, user, now)
    except ThrottledError as error:
        answer = page("attendance/check_in.html", status=429, error=str(error), page_has_errors=True)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    except NotACodeError as error:
        return _refused(error, who)
    except (OldCodeError, RuleError) as error:
        return page("attendance/check_in.html", status=422, error=str(error), page_has_errors=True)
    return page(
        "attendance/check_in.html",
        meeting=meeting,
        offering=meeting.offering,
        title=meeting_name(meeting.starts_at, meeting.offering.time_zone),
        way=read.way.value,
        error="",
    )


def _refused(error: NotACodeError, who: str) -> Response:
    said = str(error)
    try:
        throttle.hit("check-in", who, limit=MOST_WRONG, seconds=WRONG_SECONDS, now=clock.now())
    except ThrottledError as passed:
        said = str(passed)
    return page("attendance/check_in.html", status=422, error=said, page_has_errors=True)


@blueprint.get("/my/check-ins/<int:check_in_id>")
@signed_in
def checked_in(check_in_id: int) -> Response:
    """That it worked: when, where, and how the student is marked."""
    session = db.session
    row = _own(session, check_in_id)
    seats, _revision = seats_of(session, row.meeting_id, row.meeting.offering_id)
    seat = seats.get(row.enrollment_id)
    return page(
        "attendance/checked_in.html",
        row=row,
        offering=row.meeting.offering,
        title=meeting_name(row.meeting.starts_at, row.meeting.offering.time_zone),
        again=bool(request.args.get("again")),
        mark=mark_words(seat.status, seat.minutes or 0) if seat and seat.status else "",
    )


def _own(session: Session, check_in_id: int) -> CheckIn:
    query = (
        sa.select(CheckIn)
        .join(CheckIn.enrollment)
        .join(Enrollment.student)
        .options(joinedload(CheckIn.meeting).joinedload(Meeting.offering).joinedload(Offering.course))
        .where(CheckIn.id == check_in_id, Student.user_id == me().id)
    )
    found = session.scalar(query)
    if found is None:
        abort(404)
    return found


def _secret() -> str:
    return str(current_app.config["SECRET_KEY"])
