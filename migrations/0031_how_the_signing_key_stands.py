"""How the signing key stands, as the worker last saw it: web processes open no key."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_key_standing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(), nullable=False),
        sa.Column("mark", sa.String(length=200), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.DateTime(), nullable=True),
        sa.Column("valid_until", sa.DateTime(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_signing_key_standing_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key_standing")),
    )


def downgrade() -> None:
    op.drop_table("signing_key_standing")
