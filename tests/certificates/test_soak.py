"""The long run: two thousand certificates one after the other by one process, five hundred of them read as text."""

import io
import itertools
import random
import subprocess
import unicodedata
from typing import Any

import pikepdf
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from certificates import issuing
from certificates.keyring import create_key
from certificates.models import Certificate
from certificates.rendering import render_certificate
from core.worker import resident_mb
from tests.certificates.test_issuing import finished_class
from tests.factories import NOW

pytestmark = pytest.mark.full

COUNT, READ_EVERY, WARM = 2000, 4, 200
# Of 1,800 certificates: 5 kB each would be 9 MB.
MOST_GROWTH_MB = 9

GIVEN = tuple(
    "Maya Zoë Łukasz Søren Đorđe Nguyễn Thị José Ágnes Çağla Þóra Ștefan "  # noqa: SIM905 (a list of names, read as one)
    "Ольга Ирина Γιώργος Ελένη 明月 さくら 지민".split()
)
FAMILY = tuple(
    "O’Connor Müller-Lüdenscheidt Škvorecký Øverås Trần Phạm d’Été Gómez Ünal "  # noqa: SIM905
    "Şahin Петрова Παππάς 欧阳 田中 김".split()
)


def _names() -> list[str]:
    """Made-up names, each once, in scripts that text is copied from in the order of writing."""
    pairs = [f"{given} {family}" for given, family in itertools.product(GIVEN, FAMILY)]
    doubled = [
        f"{one} {two} {family}" for (one, two), family in itertools.product(itertools.pairwise(GIVEN), FAMILY)
    ]
    names = [*pairs, *doubled]
    random.Random(5).shuffle(names)
    return names


def _for(snapshot: dict[str, Any], name: str) -> dict[str, Any]:
    printed = snapshot["document"]["certificate"] | {"participant": name}
    return snapshot | {
        "facts": snapshot["facts"] | {"participant": name},
        "document": snapshot["document"] | {"certificate": printed},
    }


def _text(content: bytes) -> str:
    asked = ["pdftotext", "-raw", "-", "-"]
    text = subprocess.run(asked, input=content, check=True, capture_output=True).stdout.decode()
    return unicodedata.normalize("NFC", " ".join(text.split()))


def test_two_thousand_in_a_row_stay_within_the_memory_and_each_carries_its_own_name(
    app: Flask, session: Session
) -> None:
    offering = finished_class(session, students=1)
    issuing.issue_class(session, offering, actor=None, now=NOW)
    session.commit()
    row = session.scalars(sa.select(Certificate)).one()
    snapshot, reserved_at = row.snapshot, row.reserved_at
    session.rollback()
    key = create_key(app.extensions["settings"], "Tideway Bodywork Institute", now=NOW)
    names = _names()
    warm = 0
    for number in range(COUNT):
        name = names[number // READ_EVERY % len(names)]
        made = render_certificate(
            _for(snapshot, name), certificate_id=number + 1, issued_at=reserved_at, signed_at=NOW, key=key
        )
        if number == WARM:
            warm = resident_mb()
        if number % READ_EVERY == 0:
            assert name in _text(made.pdf)
            with pikepdf.open(io.BytesIO(made.pdf)) as document:
                assert len(document.pages) == 1
    assert resident_mb() - warm < MOST_GROWTH_MB
