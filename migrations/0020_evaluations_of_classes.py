"""Evaluations of classes: whether a course asks for one, who has filled it in, and what was said."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evaluation_answers",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offering_id", sa.Integer(), nullable=False),
        sa.Column("ratings", sa.JSON(), nullable=False),
        sa.Column("outcomes", sa.JSON(), nullable=False),
        sa.Column("helped", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["offering_id"],
            ["offerings.id"],
            name=op.f("fk_evaluation_answers_offering_id_offerings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_answers")),
    )
    with op.batch_alter_table("evaluation_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evaluation_answers_offering_id"), ["offering_id"], unique=False)

    op.create_table(
        "evaluation_receipts",
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("filled_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollments.id"],
            name=op.f("fk_evaluation_receipts_enrollment_id_enrollments"),
        ),
        sa.PrimaryKeyConstraint("enrollment_id", name=op.f("pk_evaluation_receipts")),
    )
    with op.batch_alter_table("courses") as batch_op:
        batch_op.add_column(
            sa.Column("evaluation", sa.String(length=20), nullable=False, server_default="none")
        )
        batch_op.create_check_constraint(
            op.f("ck_courses_evaluation"), "evaluation IN ('none', 'asked', 'required')"
        )
    with op.batch_alter_table("courses") as batch_op:
        batch_op.alter_column("evaluation", existing_type=sa.String(length=20), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("courses", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_courses_evaluation"), type_="check")
        batch_op.drop_column("evaluation")

    op.drop_table("evaluation_receipts")
    with op.batch_alter_table("evaluation_answers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evaluation_answers_offering_id"))

    op.drop_table("evaluation_answers")
