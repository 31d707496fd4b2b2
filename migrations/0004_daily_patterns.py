"""Daily patterns: the sittings of a school's usual days."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "daily_patterns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("sittings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daily_patterns")),
        sa.UniqueConstraint("code", name=op.f("uq_daily_patterns_code")),
    )


def downgrade() -> None:
    op.drop_table("daily_patterns")
