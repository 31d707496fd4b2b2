"""A seat that moves to another class keeps its calendar entry."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("calendar_key", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("calendar_offset", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.alter_column("calendar_offset", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.drop_column("calendar_offset")
        batch_op.drop_column("calendar_key")
