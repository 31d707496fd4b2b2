"""Periods of bodies: how long one is, what is wanted in it, and a day on which one ends."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("bodies") as batch_op:
        batch_op.add_column(sa.Column("renewal_months", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("renewal_units_thousandths", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("renewal_ends_on", sa.Date(), nullable=True))
        batch_op.create_check_constraint(op.f("ck_bodies_renewal_months_positive"), "renewal_months > 0")
        batch_op.create_check_constraint(
            op.f("ck_bodies_renewal_units_positive"), "renewal_units_thousandths > 0"
        )


def downgrade() -> None:
    with op.batch_alter_table("bodies") as batch_op:
        batch_op.drop_constraint(op.f("ck_bodies_renewal_units_positive"), type_="check")
        batch_op.drop_constraint(op.f("ck_bodies_renewal_months_positive"), type_="check")
        batch_op.drop_column("renewal_ends_on")
        batch_op.drop_column("renewal_units_thousandths")
        batch_op.drop_column("renewal_months")
