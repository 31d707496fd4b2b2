"""Confirm only: the holder may keep the facts off the page of a certificate."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("certificates") as batch_op:
        batch_op.add_column(
            sa.Column("confirm_only", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("certificates") as batch_op:
        batch_op.alter_column("confirm_only", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("certificates") as batch_op:
        batch_op.drop_column("confirm_only")
