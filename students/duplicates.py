"""Records that look like one person: by the same license, or by addresses that differ only by what follows a plus.

Suggestions only. The office merges two (``students.merging``), or says that they are two people: then they are not suggested
again until that is taken back.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.models import User
from core import audit
from core.database import locked
from core.errors import RuleError
from students.jurisdictions import one_spelling
from students.models import KeptApart, License, Student

_CHUNK = 400  # values in one IN


@dataclass(frozen=True)
class Pair:
    """Two records that look like one person, the older record first, and why."""

    first: Student
    second: Student
    why: str


def license_key(jurisdiction: str, number: str) -> tuple[str, str]:
    """By what two licenses are the same, whoever wrote them: "Oregon lmt-7" is "OR LMT-7"."""
    return one_spelling(jurisdiction), number.strip().upper()


def same_profession(one: str, other: str) -> bool:
    """Whether two licenses may be of one profession: boards number theirs each by itself. An empty one may be any."""
    return one == other or not (one and other)


def holders(session: Session, numbers: Iterable[str]) -> dict[tuple[str, str], list[License]]:
    """The licenses with these numbers, by ``license_key``. Students, their users, and the records that they were merged into
    are loaded. A statement for each ``_CHUNK`` numbers."""
    found: dict[tuple[str, str], list[License]] = defaultdict(list)
    wanted = sorted({text for number in numbers for text in (number, number.upper())})
    for start in range(0, len(wanted), _CHUNK):
        for row in session.scalars(
            sa.select(License)
            .where(sa.func.upper(License.number).in_(wanted[start : start + _CHUNK]))
            .options(
                joinedload(License.student).options(
                    joinedload(Student.user), joinedload(Student.merged_into).joinedload(Student.user)
                )
            )
            .order_by(License.id)
        ):
            found[license_key(row.jurisdiction, row.number)].append(row)
    return found


def other_holder(licenses: Sequence[License], profession: str, mine: Student | None) -> Student | None:
    """Who else has a license: of ``licenses`` (those of one key of ``holders``), one of the profession.

    None when nobody has, or when ``mine`` has it too. Whoever was merged away is the record that stayed.
    """
    students = [
        row.student.merged_into or row.student
        for row in licenses
        if same_profession(row.profession, profession)
    ]
    return None if mine in students else next(iter(students), None)


def find(session: Session, *, most: int = 100) -> list[Pair]:
    """Pairs with the same license or the same address, without those that the office keeps apart. Constant statements."""
    apart = _kept_apart(session)
    pairs: dict[tuple[int, int], str] = {}
    for ids, number in _by_license(session):
        for pair in _pairs_of(ids, apart):
            pairs.setdefault(pair, _("The same license, %(number)s", number=number))
    for ids in _by_address(session):
        for pair in _pairs_of(ids, apart):
            pairs.setdefault(pair, _("The same email address"))
    return _loaded(session, pairs, most)


def _kept_apart(session: Session) -> set[tuple[int, int]]:
    return {(row[0], row[1]) for row in session.execute(sa.select(KeptApart.first_id, KeptApart.second_id))}


def _pairs_of(ids: Collection[int], apart: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Each record with the oldest one that it is not known to differ from."""
    ordered = sorted(ids)
    for place, second in enumerate(ordered):
        first = next((older for older in ordered[:place] if (older, second) not in apart), None)
        if first is not None:
            yield first, second


def _by_license(session: Session) -> Iterator[tuple[set[int], str]]:
    """Records that share a license, with its number. Two statements at most."""
    there = sa.select(License).join(License.student).where(Student.merged_into_id.is_(None)).subquery()
    number = sa.func.upper(there.c.number)
    twice = sa.select(number).group_by(number).having(sa.func.count(sa.distinct(there.c.student_id)) > 1)
    rows = session.execute(
        sa.select(there.c.student_id, there.c.profession, there.c.jurisdiction, there.c.number)
        .where(number.in_(twice))
        .order_by(there.c.id)
    )
    found: dict[tuple[str, str], list[tuple[int, str, str]]] = defaultdict(list)
    for student_id, profession, jurisdiction, written in rows:
        found[license_key(jurisdiction, written)].append((student_id, profession, written))
    for same in found.values():
        for profession in {row[1] for row in same if row[1]} or {""}:
            ids = {row[0] for row in same if same_profession(row[1], profession)}
            if len(ids) > 1:
                yield ids, same[0][2]


def _by_address(session: Session) -> Iterator[set[int]]:
    """Records whose addresses are one but for what follows a plus. Two statements at most."""
    plain: dict[str, set[int]] = defaultdict(set)
    people = (
        sa.select(Student.id, User.email)
        .join(User, User.id == Student.user_id)
        .where(Student.merged_into_id.is_(None))
    )
    tagged = session.execute(people.where(User.email.like("%+%@%"))).all()
    bases = {_base(email) for _id, email in tagged}
    if bases:
        for student_id, email in [*session.execute(people.where(User.email.in_(bases))), *tagged]:
            plain[_base(email)].add(student_id)
    yield from (ids for ids in plain.values() if len(ids) > 1)


def _base(email: str) -> str:
    name, _at, domain = email.partition("@")
    return f"{name.split('+')[0]}@{domain}"


def _loaded(session: Session, pairs: dict[tuple[int, int], str], most: int) -> list[Pair]:
    shown = sorted(pairs)[:most]
    students = {
        row.id: row
        for row in session.scalars(
            sa.select(Student)
            .where(Student.id.in_({student_id for pair in shown for student_id in pair}))
            .options(joinedload(Student.user), selectinload(Student.licenses))
        )
    }
    found = [Pair(students[first], students[second], pairs[first, second]) for first, second in shown]
    return sorted(found, key=lambda pair: pair.first.user.family_name)


def is_kept_apart(session: Session, one_id: int, other_id: int) -> bool:
    """Whether the office said that these two records are two people."""
    return session.get(KeptApart, _in_order(one_id, other_id)) is not None


def _in_order(one_id: int, other_id: int) -> tuple[int, int]:
    return min(one_id, other_id), max(one_id, other_id)


def keep_apart(session: Session, one_id: int, other_id: int, *, actor: User, now: datetime) -> None:
    """The office says that two records are two people. Saying it twice is saying it once.

    Raises LookupError for a record that is not there, RuleError for one record, or when one was merged away.
    """
    first_id, second_id = _in_order(one_id, other_id)
    first, second = _both(session, first_id, second_id)
    if first_id == second_id:
        raise RuleError(_("These are the same record."))
    if first.merged_into_id is not None or second.merged_into_id is not None:
        raise RuleError(_("One of the two was merged already."))
    if is_kept_apart(session, first_id, second_id):
        return
    session.add(KeptApart(first_id=first_id, second_id=second_id, said_at=now, said_by_id=actor.id))
    session.flush()
    audit.record(session, "students:student:kept_apart", first, actor=actor, now=now, other=second_id)


def take_back(session: Session, one_id: int, other_id: int, *, actor: User, now: datetime) -> None:
    """They may be one person after all, and are suggested again if they still look like it.

    Raises LookupError for a record that is not there, RuleError when nothing was said.
    """
    first_id, second_id = _in_order(one_id, other_id)
    first, _second = _both(session, first_id, second_id)
    word = session.get(KeptApart, (first_id, second_id))
    if word is None:
        raise RuleError(_("That was taken back already."))
    session.delete(word)
    session.flush()
    audit.record(session, "students:student:may_be_one", first, actor=actor, now=now, other=second_id)


def _both(session: Session, first_id: int, second_id: int) -> tuple[Student, Student]:
    """Both records, locked in the order of their ids as ``merging`` does, so that neither is merged away meanwhile."""
    rows = [locked(session, Student, row_id) for row_id in (first_id, second_id)]
    if rows[0] is None or rows[1] is None:
        raise LookupError(f"students {first_id} and {second_id}")
    return rows[0], rows[1]


def kept_apart(session: Session, *, most: int = 100) -> Sequence[KeptApart]:
    """What the office said, the latest first, with both people and who said it. One statement."""
    return session.scalars(
        sa.select(KeptApart)
        .options(
            joinedload(KeptApart.first).joinedload(Student.user),
            joinedload(KeptApart.second).joinedload(Student.user),
            joinedload(KeptApart.said_by),
        )
        .order_by(KeptApart.said_at.desc(), KeptApart.first_id, KeptApart.second_id)
        .limit(most)
    ).all()
