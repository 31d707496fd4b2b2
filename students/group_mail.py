"""The mails to a group's contact."""

from sqlalchemy.orm import Session

from core import clock
from core.links import absolute
from core.mailing import compose
from core.outbox import Attachment, Message, OutgoingMail, mail
from courses.offering_models import Offering
from students.billing import document_pdf
from students.group_models import GroupBooking
from students.ledger_models import FeeDocument
from students.mail import class_facts
from students.models import Enrollment


def _of(session: Session, row: OutgoingMail) -> tuple[GroupBooking, Offering] | None:
    booking = session.get(GroupBooking, row.about_id) if row.about_id else None
    return (booking, booking.offering) if booking else None


@mail("group-booking")
def group_booking(session: Session, row: OutgoingMail) -> Message | None:
    """Seats are reserved, with the private link; somebody left and their seat is open; or the class is cancelled.

    Dropped when it is no longer true.
    """
    found = _of(session, row)
    if found is None:
        return None
    booking, offering = found
    what = str(row.details.get("what", "booked"))
    if what != "cancelled" and booking.closed_at is not None:
        return None
    if what == "left" and not booking.seats_open:  # somebody else has the seat by now
        return None
    left = session.get(Enrollment, row.details.get("enrollment", 0)) if what == "left" else None
    return compose(
        "group-booking",
        what=what,
        greeting=booking.contact_name,
        booking=booking,
        who=left.named_as if left else "",
        may_name=offering.starts_at > clock.now(),
        klass=class_facts(offering),
        reason=offering.cancel_reason,
        url=absolute("students.group", token=booking.token),
    )


@mail("group-invoice")
def group_invoice(session: Session, row: OutgoingMail) -> Message | None:
    """The invoice as a file."""
    found = _of(session, row)
    document = session.get(FeeDocument, int(row.details.get("document", 0)))
    if found is None or document is None:
        return None
    booking, offering = found
    # A preview stands on a page: no PDF is made there.
    pdf = b"" if row.details.get("preview") else document_pdf(document)
    return compose(
        "group-invoice",
        attachments=(Attachment(f"{document.number}.pdf", pdf, "application/pdf"),),
        greeting=booking.contact_name,
        booking=booking,
        number=document.number,
        klass=class_facts(offering),
        url=absolute("students.group", token=booking.token),
    )
