"""Schools say which tax their prices include, or why none is charged."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tax_name", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("tax_rate", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("tax_note", sa.String(length=200), nullable=False, server_default=""))
        batch_op.create_check_constraint("tax_rate", "tax_rate BETWEEN 0 AND 1000000")
        batch_op.create_check_constraint(
            "tax_is_whole", "tax_rate = 0 OR (tax_name <> '' AND tax_id <> '' AND tax_note = '')"
        )
    with op.batch_alter_table("school", schema=None) as batch_op:
        for name in ("tax_name", "tax_rate", "tax_note"):
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_school_tax_is_whole"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_school_tax_rate"), type_="check")
        for name in ("tax_note", "tax_rate", "tax_name"):
            batch_op.drop_column(name)
