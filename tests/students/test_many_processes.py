"""The same random moves as the state machine's, from several processes at once on a few classes."""

import json
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from core.audit import verify
from core.database import begin_write
from tests import serving
from tests.ports import free_port
from tests.students.invariants import check_fees, check_invariants
from tests.students.moves import make_cast

pytestmark = pytest.mark.both_databases


def act_side_by_side(app: Flask, session: Session, folder: Path, *, processes: int, steps: int) -> None:
    cast = make_cast(session)
    session.commit()
    env = serving.environment(app, free_port())
    started = []
    try:
        for seed in range(processes):
            command = [
                sys.executable,
                "-m",
                "tests.students.mover",
                json.dumps(cast.plain()),
                str(seed),
                str(steps),
            ]
            started.append(serving.start(command, env, folder / f"mover-{seed}.log"))
        codes = [process.popen.wait(240 + steps) for process in started]
    finally:
        for process in started:
            process.kill()
    assert codes == [0] * processes, "\n".join(process.said() for process in started)
    said = [json.loads(process.said().splitlines()[-1]) for process in started]
    # Each of them got on, and was refused now and then.
    assert all(one["done"] > steps // 5 and one["refused"] > 0 for one in said), said
    begin_write(session)
    check_invariants(session)
    check_fees(session)
    assert list(verify(session)) == []


def test_processes_side_by_side_keep_the_invariants(app: Flask, session: Session, tmp_path: Path) -> None:
    act_side_by_side(app, session, tmp_path, processes=3, steps=40)


@pytest.mark.full
def test_many_moves_of_processes_side_by_side_keep_the_invariants(
    app: Flask, session: Session, tmp_path: Path
) -> None:
    act_side_by_side(app, session, tmp_path, processes=6, steps=250)
