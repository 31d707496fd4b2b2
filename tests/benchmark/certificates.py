"""Certificates: CPU of one, beside the plain way to make and sign the same page."""

import time
from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask

from certificates.models import Certificate
from core import clock
from core.database import db

Line = tuple[str, str, str]


def measure_all(app: Flask) -> list[Line]:
    """CPU milliseconds per certificate, from snapshots of the demo's own."""
    from certificates.keyring import current_key
    from certificates.rendering import render_certificate

    with app.app_context():
        key, now = current_key(clock.now()), clock.now()
        rows = db.session.scalars(sa.select(Certificate).limit(12)).all()
        known = [(row.id, row.snapshot, row.reserved_at) for row in rows]

        def make(number: int) -> object:
            row_id, snapshot, issued_at = known[number]
            return render_certificate(
                snapshot, certificate_id=row_id, issued_at=issued_at, signed_at=now, key=key
            )

        make(0)  # fonts, art and the key are read once
        cpu = _cpu(lambda: [make(number) for number in range(len(known))]) / len(known)
        plain = _plain(known[0][1])
    return [
        (
            "a certificate: tagged PDF/A-3a, credential inside, signed",
            f"{cpu:.0f} ms CPU",
            "at most 90 ms CPU",
        ),
        ("the same page by HTML().write_pdf(), neither tagged nor signed", f"{plain:.0f} ms CPU", ""),
    ]


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return 1000 * (time.process_time() - before)


def _plain(snapshot: dict[str, object]) -> float:
    """The plain way: the same HTML and CSS handed to WeasyPrint anew each time."""
    from tests.benchmark.plain_certificate import make_plainly

    make_plainly(snapshot)
    return _cpu(lambda: [make_plainly(snapshot) for _ in range(4)]) / 4
