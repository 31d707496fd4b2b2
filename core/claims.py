"""Whose claims on rows are they: a dead worker's come free at once, not when their time has run out.

A worker claims a row for some minutes, so that no other works on it. It also keeps a file locked for as long as it lives:
the system lets go of the lock with the process, however that ended. Whoever gets the lock on another worker's file knows
that this worker is dead; its claims are given back, and the file goes. Nothing rests on this for being right: a row that is
claimed twice is still finished once. The file of a worker on another machine stands in that machine's instance folder; its
claims lapse by time, as do those of a worker whose folder takes no locks.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy.orm import Session

from core.database import writing

log = logging.getLogger("stillpoint.worker")

FOLDER = "workers"  # in the instance folder

Rule = Callable[[Session, str], None]
_rules: list[Rule] = []
_mine: list[str] = []  # the name of this process, while it holds its lock


def gives_back(rule: Rule) -> Rule:
    """Register how the rows of one table are given back that a worker of this name had claimed (and not finished)."""
    _rules.append(rule)
    return rule


def claimant() -> str | None:
    """What this process writes into the rows that it claims; None when nobody could find out that it is dead."""
    return _mine[-1] if _mine else None


def begin(instance: Path) -> None:
    """Lock a file of one's own for as long as this process lives. Without one, claims lapse by time."""
    folder, name = instance / FOLDER, uuid4().hex
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{name}"
        descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        aside.rename(folder / name)  # locked before anybody can see it
    except OSError as error:
        log.warning(
            "no lock in %s (%s): what this worker holds waits some minutes should it die", folder, error
        )
        return
    _mine.append(name)  # the descriptor stays open: it is the sign of life


def give_back_of_dead(instance: Path) -> int:
    """Give back what workers of this machine held that are dead now. Returns how many workers there were."""
    folder, found = instance / FOLDER, 0
    for path in sorted(folder.glob("[0-9a-f]*")):
        with _locked(path) as dead:
            if not dead:
                continue
            with writing() as session:
                for rule in _rules:
                    rule(session, path.name)
            path.unlink(missing_ok=True)
            found += 1
    return found


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # another worker was quicker
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
