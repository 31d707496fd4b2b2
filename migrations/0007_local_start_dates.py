"""Local start dates: the day on which a class begins in its own zone."""

from datetime import UTC
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

offerings = sa.table(
    "offerings",
    sa.column("id", sa.Integer()),
    sa.column("starts_at", sa.DateTime()),
    sa.column("time_zone", sa.String()),
    sa.column("starts_on", sa.Date()),
)


def upgrade() -> None:
    with op.batch_alter_table("offerings") as batch_op:
        batch_op.add_column(sa.Column("starts_on", sa.Date(), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(sa.select(offerings)).all():
        day = row.starts_at.replace(tzinfo=UTC).astimezone(ZoneInfo(row.time_zone)).date()
        connection.execute(offerings.update().where(offerings.c.id == row.id).values(starts_on=day))
    with op.batch_alter_table("offerings") as batch_op:
        batch_op.alter_column("starts_on", existing_type=sa.Date(), nullable=False)
        batch_op.create_index("ix_offerings_starts_on", ["starts_on"])


def downgrade() -> None:
    with op.batch_alter_table("offerings") as batch_op:
        batch_op.drop_index("ix_offerings_starts_on")
        batch_op.drop_column("starts_on")
