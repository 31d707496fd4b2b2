"""Which worker claimed a certificate or a paper, so that what a dead one held comes free at once."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    for table in ("certificates", "papers"):
        op.add_column(table, sa.Column("claimed_by", sa.String(length=40), nullable=True))


def downgrade() -> None:
    for table in ("certificates", "papers"):
        op.drop_column(table, "claimed_by")
