"""Certificates by decision, and whether a certificate waits for the payment."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_overrides",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by_id", sa.Integer(), nullable=False),
        sa.Column("granted_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_certificate_overrides_reason_given")),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollments.id"],
            name=op.f("fk_certificate_overrides_enrollment_id_enrollments"),
        ),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["users.id"], name=op.f("fk_certificate_overrides_granted_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_overrides")),
        sa.UniqueConstraint("enrollment_id", name=op.f("uq_certificate_overrides_enrollment_id")),
    )
    with op.batch_alter_table("school") as batch_op:
        batch_op.add_column(
            sa.Column("certificates_need_payment", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("school") as batch_op:
        batch_op.alter_column("certificates_need_payment", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("school") as batch_op:
        batch_op.drop_column("certificates_need_payment")
    op.drop_table("certificate_overrides")
