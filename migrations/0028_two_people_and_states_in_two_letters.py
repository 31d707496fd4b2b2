"""Records that look like one person and are two; states in two letters, however they were once written."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = ()
depends_on = None

# As students.jurisdictions had them on the day of this migration.
_LETTERS = {
    "ALABAMA": "AL", "ALASKA": "AK", "AMERICAN SAMOA": "AS", "ARIZONA": "AZ", "ARKANSAS": "AR", "CALIFORNIA": "CA",
    "COLORADO": "CO", "CONNECTICUT": "CT", "DELAWARE": "DE", "DISTRICT OF COLUMBIA": "DC", "WASHINGTON DC": "DC",
    "FLORIDA": "FL", "GEORGIA": "GA", "GUAM": "GU", "HAWAII": "HI", "IDAHO": "ID", "ILLINOIS": "IL", "INDIANA": "IN",
    "IOWA": "IA", "KANSAS": "KS", "KENTUCKY": "KY", "LOUISIANA": "LA", "MAINE": "ME", "MARYLAND": "MD",
    "MASSACHUSETTS": "MA", "MICHIGAN": "MI", "MINNESOTA": "MN", "MISSISSIPPI": "MS", "MISSOURI": "MO",
    "NORTHERN MARIANA ISLANDS": "MP", "MONTANA": "MT", "NEBRASKA": "NE", "NEVADA": "NV", "NEW HAMPSHIRE": "NH",
    "NEW JERSEY": "NJ", "NEW MEXICO": "NM", "NEW YORK": "NY", "NORTH CAROLINA": "NC", "NORTH DAKOTA": "ND",
    "OHIO": "OH", "OKLAHOMA": "OK", "OREGON": "OR", "PENNSYLVANIA": "PA", "PUERTO RICO": "PR", "RHODE ISLAND": "RI",
    "SOUTH CAROLINA": "SC", "SOUTH DAKOTA": "SD", "TENNESSEE": "TN", "TEXAS": "TX", "UTAH": "UT", "VERMONT": "VT",
    "US VIRGIN ISLANDS": "VI", "VIRGINIA": "VA", "WASHINGTON": "WA", "WEST VIRGINIA": "WV", "WISCONSIN": "WI",
    "WYOMING": "WY",
}  # fmt: skip

_licenses = sa.table(
    "licenses",
    sa.column("id"),
    sa.column("student_id"),
    sa.column("profession"),
    sa.column("jurisdiction"),
    sa.column("number"),
    sa.column("expires_on", sa.Date()),
)
_enrollments = sa.table("enrollments", sa.column("license_id"))
_students = sa.table("students", sa.column("id"), sa.column("merged_into_id"))


def _letters(written: str) -> str:
    """The two letters of a state; what is no state is left as it is."""
    tidy = " ".join(written.upper().split())
    plain = " ".join(tidy.replace(".", "").replace(",", " ").split())
    for known in (tidy, plain, plain.removeprefix("STATE OF "), plain.replace(" ", "")):
        if known in _LETTERS:
            return _LETTERS[known]
        if known in _LETTERS.values():
            return known
    return written


def _spell_states() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.select(_licenses).order_by(_licenses.c.id)).all()
    there = {(row.student_id, row.profession, row.jurisdiction): row for row in rows}
    until = {row.id: row.expires_on for row in rows}
    for row in rows:
        letters = _letters(row.jurisdiction)
        if letters == row.jurisdiction:
            continue
        same = there.get((row.student_id, row.profession, letters))
        if same is None:
            connection.execute(
                sa.update(_licenses).where(_licenses.c.id == row.id).values(jurisdiction=letters)
            )
            there[row.student_id, row.profession, letters] = row
        elif same.number.upper() == row.number.upper():  # the same license twice: the later end counts
            ends = max((day for day in (until[same.id], row.expires_on) if day), default=None)
            until[same.id] = ends  # there may be a third spelling
            connection.execute(sa.update(_licenses).where(_licenses.c.id == same.id).values(expires_on=ends))
            connection.execute(
                sa.update(_enrollments).where(_enrollments.c.license_id == row.id).values(license_id=same.id)
            )
            connection.execute(sa.delete(_licenses).where(_licenses.c.id == row.id))
        # Two numbers of one state: nobody can say from here which is right, so both stay as they were written.


def _shorten_merges() -> None:
    """Whoever was merged into a record that was merged itself is found at one step."""
    connection = op.get_bind()
    into = {
        row.id: row.merged_into_id for row in connection.execute(sa.select(_students)) if row.merged_into_id
    }
    for student_id, at in into.items():
        last = at
        while last in into:
            last = into[last]
        if last != at:
            connection.execute(
                sa.update(_students).where(_students.c.id == student_id).values(merged_into_id=last)
            )


def upgrade() -> None:
    op.create_table(
        "kept_apart",
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("said_at", sa.DateTime(), nullable=False),
        sa.Column("said_by_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_kept_apart_in_order")),
        sa.ForeignKeyConstraint(
            ["first_id"], ["students.id"], name=op.f("fk_kept_apart_first_id_students"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["said_by_id"], ["users.id"], name=op.f("fk_kept_apart_said_by_id_users")),
        sa.ForeignKeyConstraint(
            ["second_id"], ["students.id"], name=op.f("fk_kept_apart_second_id_students"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_kept_apart")),
    )
    with op.batch_alter_table("kept_apart", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_apart_second_id"), ["second_id"], unique=False)
    _spell_states()
    _shorten_merges()


def downgrade() -> None:
    op.drop_table("kept_apart")
