"""Certificates: CPU of one, beside the plain way to make and sign the same page; a class of 24; an upload; a download."""

import time
from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask

from accounts.models import Role, User
from certificates.models import Certificate, CertificateState
from core import clock
from core.database import db, writing
from core.outbox import OutgoingMail
from courses.offering_models import Offering
from students.models import Enrollment, EnrollmentState
from tests.helpers import sign_in

Line = tuple[str, str, str]
WARM_UP = 4
CLASS = "ANA1-NET-A"  # of the demo: signed off, certificates ready to issue


def measure_all(app: Flask) -> list[Line]:
    """CPU milliseconds per certificate, from snapshots of the demo's own."""
    from certificates.keyring import current_key
    from certificates.rendering import render_certificate

    with app.app_context():
        key, now = current_key(clock.now()), clock.now()
        rows = db.session.scalars(sa.select(Certificate).limit(WARM_UP + 10)).all()
        known = [(row.id, row.snapshot, row.reserved_at) for row in rows]

        def make(number: int) -> object:
            row_id, snapshot, issued_at = known[number]
            return render_certificate(
                snapshot, certificate_id=row_id, issued_at=issued_at, signed_at=now, key=key
            )

        for number in range(WARM_UP):  # fonts, art and the key are read once, and a worker lives for many
            make(number)
        measured = range(WARM_UP, len(known))
        cpu = _cpu(lambda: [make(number) for number in measured]) / len(measured)
        plain = _plain(known[0][1])
        lines = [
            (
                "a certificate: tagged PDF/A-3a, credential inside, signed",
                f"{cpu:.0f} ms CPU",
                "at most 90 ms CPU",
            ),
            ("the same page by HTML().write_pdf(), neither tagged nor signed", f"{plain:.0f} ms CPU", ""),
        ]
    return [*lines, _class_of_24(app), *_stored(app)]


def _class_of_24(app: Flask) -> Line:
    """From the click to everything stored and mailed, by a worker that has made one before; the best of three."""
    from certificates import issuing
    from core.delivery import deliver_due

    best: tuple[float, float] | None = None
    with app.app_context():
        deliver_due()
        for _ in range(3):
            ids = _ready(24)
            wall, cpu = time.perf_counter(), time.process_time()
            with writing() as session:
                offering = session.scalars(sa.select(Offering).where(Offering.code == CLASS)).one()
                actor = session.get_one(User, offering.instructors[0].user_id)
                issuing.issue_class(
                    session, offering, actor=actor, now=clock.now(), accept_missing=True, only=ids
                )
            made, mailed = issuing.make_waiting(), deliver_due()
            if (made, mailed) != (24, 24):
                raise RuntimeError(f"{made} certificates made and {mailed} mails sent instead of 24")
            took = (time.perf_counter() - wall, time.process_time() - cpu)
            best = min(best or took, took)
            _forget(ids)
    assert best is not None
    measured = f"{best[0]:.1f} s, {1000 * best[1] / 24:.0f} ms CPU each"
    return ("a class of 24, from the click to all stored and mailed", measured, "under 4 s")


def _ready(count: int) -> set[int]:
    query = sa.select(Enrollment.id).join(Enrollment.offering)
    wanted = query.where(Offering.code == CLASS, Enrollment.state == EnrollmentState.COMPLETED)
    ids = set(db.session.scalars(wanted.order_by(Enrollment.id).limit(count)))
    db.session.rollback()
    return ids


def _forget(enrollment_ids: set[int]) -> None:
    """Take the certificates away again, as no page can, so that the same class can be measured anew."""
    with writing() as session:
        session.execute(sa.delete(Certificate).where(Certificate.enrollment_id.in_(enrollment_ids)))
        session.execute(sa.delete(OutgoingMail))  # or the next ones, with the same ids, would be told already


def _stored(app: Flask) -> list[Line]:
    """CPU of judging a file (byte for byte the same ones are only looked up) and of handing out a stored one."""
    from certificates.judging import Outcome, judge_pdf
    from certificates.key_standing import history
    from core.files import store

    with app.app_context():
        row = db.session.scalars(
            sa.select(Certificate).where(Certificate.state == CertificateState.ISSUED)
        ).first()
        assert row is not None
        content, number = store().get(row.pdf_sha256 or ""), row.number
        keys = [record.certificate_pem.encode() for record in history(db.session)]
        staff = db.session.scalars(sa.select(User).where(User.role == Role.REGISTRAR)).first()
        assert staff is not None
        client = app.test_client()
        sign_in(client, staff)
        db.session.rollback()

    def judge() -> None:
        if judge_pdf(content, keys).outcome is not Outcome.UNCHANGED:
            raise RuntimeError("the certificate is not known as ours")

    def download() -> None:
        answer = client.get(f"/certificates/{number}.pdf")
        if answer.data != content:
            raise RuntimeError("not the stored bytes")
        answer.close()

    with app.test_request_context():
        judged = _best(judge)
    fetched = _best(download)
    return [
        ("an uploaded certificate verified", f"{judged:.1f} ms CPU", "at most 15 ms CPU"),
        ("a stored certificate downloaded", f"{fetched:.1f} ms CPU", "at most 3 ms CPU"),
    ]


def _best(work: Callable[[], object]) -> float:
    work()
    return min(_cpu(lambda: [work() for _ in range(10)]) / 10 for _ in range(5))


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return 1000 * (time.process_time() - before)


def _plain(snapshot: dict[str, object]) -> float:
    """The plain way: the same HTML and CSS handed to WeasyPrint anew each time."""
    from tests.benchmark.plain_certificate import make_plainly

    make_plainly(snapshot)
    return _cpu(lambda: [make_plainly(snapshot) for _ in range(4)]) / 4
