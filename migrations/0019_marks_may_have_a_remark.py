"""Marks may have a remark."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("attendance_marks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("remark", sa.String(length=140), nullable=False, server_default=""))
        batch_op.create_check_constraint("remark_short", "length(remark) <= 140")
    with op.batch_alter_table("attendance_marks", schema=None) as batch_op:
        batch_op.alter_column("remark", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("attendance_marks", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_attendance_marks_remark_short"), type_="check")
        batch_op.drop_column("remark")
