"""Keeps make-ups true while the classes around them change: classes are cancelled, students leave, meetings pass."""

import sqlalchemy as sa

from attendance import makeups
from attendance.makeup_models import MakeUp, MakeUpState
from core import clock, jobs
from core.database import db, locked, writing
from courses.offering_models import Meeting, Offering, OfferingState
from students.models import ROLL_STATES, Enrollment


@jobs.job("keep-make-ups", every=10)
def keep_up() -> int:
    """Close the make-ups that were overtaken and give back the chairs of guests whose meeting is over. Returns how many
    make-ups and classes that were; each is a transaction of its own."""
    now = clock.now()
    waiting = (
        sa.select(MakeUp.id)
        .join(Meeting, Meeting.id == MakeUp.meeting_id)
        .join(Offering, Offering.id == Meeting.offering_id)
        .join(Enrollment, Enrollment.id == MakeUp.enrollment_id)
        .where(
            MakeUp.state.in_([MakeUpState.ASKED, MakeUpState.PLANNED]),
            sa.or_(Offering.state == OfferingState.CANCELLED, Enrollment.state.not_in(ROLL_STATES)),
        )
    )
    overtaken = db.session.scalars(waiting.order_by(MakeUp.id)).all()
    with_guests = db.session.scalars(sa.select(Offering.id).where(Offering.guest_places > 0)).all()
    count = 0
    for makeup_id in overtaken:
        with writing() as session:
            makeups.give_up(session, session.get_one(MakeUp, makeup_id), now=now)
        count += 1
    for offering_id in with_guests:
        with writing() as session:
            offering = locked(session, Offering, offering_id)
            chairs = makeups.most_guests(session, offering_id, now)
            if offering is not None and offering.guest_places != chairs:
                offering.guest_places = chairs
                count += 1
    return count
