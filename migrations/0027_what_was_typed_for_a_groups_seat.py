"""The contact of a group is shown what was typed for a seat, not what an account says."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = ()
depends_on = None

# Until now contacts were shown the account's own name and address, so that is what they know.
_KNOWN = """
UPDATE enrollments SET
    named_as = (SELECT users.name FROM students JOIN users ON users.id = students.user_id
                WHERE students.id = enrollments.student_id),
    named_email = (SELECT users.email FROM students JOIN users ON users.id = students.user_id
                   WHERE students.id = enrollments.student_id)
WHERE group_booking_id IS NOT NULL
"""


def upgrade() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("named_as", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("named_email", sa.String(length=254), nullable=False, server_default="")
        )
    op.execute(_KNOWN)
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.create_check_constraint("named_for_a_group", "(group_booking_id IS NULL) = (named_as = '')")
        for name in ("named_as", "named_email"):
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_enrollments_named_for_a_group"), type_="check")
        for name in ("named_email", "named_as"):
            batch_op.drop_column(name)
