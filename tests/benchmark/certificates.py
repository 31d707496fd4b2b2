"""Certificates: CPU of one, beside the plain way to make and sign the same page."""

import time
from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask

from certificates.models import Certificate
from core.database import db

Line = tuple[str, str, str]


def measure_all(app: Flask) -> list[Line]:
    """CPU milliseconds per certificate, from snapshots of the demo's own."""
    from certificates.rendering import render_certificate

    with app.app_context():
        rows = db.session.scalars(sa.select(Certificate).limit(12)).all()
        made = [(row.snapshot, row.reserved_at) for row in rows]
        render_certificate(*made[0])  # fonts and art are read once
        cpu = _cpu(lambda: [render_certificate(*one) for one in made]) / len(made)
        plain = _plain(made[0][0])
    return [
        ("a certificate: tagged PDF/A-3a, as the worker makes it", f"{cpu:.0f} ms CPU", "at most 90 ms CPU"),
        ("the same page by HTML().write_pdf()", f"{plain:.0f} ms CPU", ""),
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
