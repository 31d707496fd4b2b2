"""Marks know the save that brought them, and the mark they differ from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("attendance_marks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("roll_revision", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("conflicts_with_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_attendance_marks_conflicts_with_id_attendance_marks"),
            "attendance_marks",
            ["conflicts_with_id"],
            ["id"],
        )
        batch_op.create_index("ix_attendance_marks_conflicts_with_id", ["conflicts_with_id"])
        batch_op.create_index("ix_attendance_marks_meeting_id", ["meeting_id"])
        batch_op.create_check_constraint(
            "minutes_of_who_came", "status NOT IN ('absent', 'excused') OR minutes = 0"
        )
        batch_op.create_check_constraint(
            "conflicting_not_current", "conflicts_with_id IS NULL OR NOT is_current"
        )
    with op.batch_alter_table("attendance_marks", schema=None) as batch_op:
        batch_op.alter_column("roll_revision", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("attendance_marks", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_attendance_marks_conflicting_not_current"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_attendance_marks_minutes_of_who_came"), type_="check")
        batch_op.drop_index("ix_attendance_marks_meeting_id")
        batch_op.drop_index("ix_attendance_marks_conflicts_with_id")
        batch_op.drop_constraint(
            batch_op.f("fk_attendance_marks_conflicts_with_id_attendance_marks"), type_="foreignkey"
        )
        batch_op.drop_column("conflicts_with_id")
        batch_op.drop_column("roll_revision")
