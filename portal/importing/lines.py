"""Several people entered at once for one class: a line each, in any of the ways in which addresses are copied about."""

import re

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from accounts.models import User
from core.errors import RuleError
from core.typed import clean_text
from portal.importing.reading import MOST_ROWS, Row, Sheet, is_formula

_ADDRESS = re.compile(r"[^\s<>,;\"]+@[^\s<>,;\"]+")


def read_lines(session: Session, text: str, class_code: str) -> Sheet:
    """Read "Nina New, nina@x.example", "Nina New <nina@x.example>", or the address alone of somebody who is known.

    Raises RuleError (field ``people``) for nobody, or for more than an import takes. One statement at most.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise RuleError(_("Write one person a line, with name and email address."), field="people")
    if len(lines) > MOST_ROWS:
        raise RuleError(_("At most %(most)d people at once. Split them.", most=MOST_ROWS), field="people")
    rows = [_row(number, line, class_code) for number, line in lines]
    nameless = {row.email for row in rows if row.email and not row.name}
    people = sa.select(User.email, User.name).where(User.email.in_(nameless))
    known = {row.email: row.name for row in session.execute(people)} if nameless else {}
    return Sheet([_named(row, known.get(row.email, "")) for row in rows], [])


def _row(number: int, line: str, class_code: str) -> Row:
    found = _ADDRESS.search(line)
    if found is None:
        name = clean_text(line)[:200]
        return Row(
            number, name=name, class_code=class_code, problem=_("There is no email address in this line.")
        )
    if is_formula(line):
        return Row(
            number, class_code=class_code, problem=_("The line begins like a formula. Write the name first.")
        )
    name = clean_text((line[: found.start()] + " " + line[found.end() :]).strip(' \t<>,;"'))
    return Row(number, name=name[:200], email=found[0].lower()[:254], class_code=class_code)


def _named(row: Row, name: str) -> Row:
    if row.name or row.problem:
        return row
    problem = "" if name else _("Nobody is known by this address. Write the name before it.")
    return Row(row.line, name=name, email=row.email, class_code=row.class_code, problem=problem)
