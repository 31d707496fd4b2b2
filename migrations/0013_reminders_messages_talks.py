"""Reminders, a minimum to run, wishes to be told, messages to a class, talks and help with access."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("offerings") as batch_op:
        batch_op.add_column(
            sa.Column("sends_reminders", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        batch_op.add_column(sa.Column("minimum_to_run", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("decide_by", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("runs_since", sa.DateTime(), nullable=True))
        batch_op.create_check_constraint(op.f("ck_offerings_minimum_positive"), "minimum_to_run > 0")
        batch_op.create_check_constraint(
            op.f("ck_offerings_minimum_with_its_day"), "(minimum_to_run IS NULL) = (decide_by IS NULL)"
        )
    with op.batch_alter_table("offerings") as batch_op:
        batch_op.alter_column("sends_reminders", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("enrollments") as batch_op:
        batch_op.add_column(
            sa.Column("wants_access_help", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("access_help_done_at", sa.DateTime(), nullable=True))
    with op.batch_alter_table("enrollments") as batch_op:
        batch_op.alter_column("wants_access_help", existing_type=sa.Boolean(), server_default=None)
    op.create_table(
        "opening_wishes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("offering_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "(course_id IS NULL) <> (offering_id IS NULL)", name=op.f("ck_opening_wishes_course_or_class")
        ),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_opening_wishes_course_id_courses")
        ),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offerings.id"], name=op.f("fk_opening_wishes_offering_id_offerings")
        ),
        sa.ForeignKeyConstraint(
            ["student_id"],
            ["students.id"],
            name=op.f("fk_opening_wishes_student_id_students"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_wishes")),
        sa.UniqueConstraint("student_id", "course_id", name=op.f("uq_opening_wishes_student_id_course_id")),
        sa.UniqueConstraint(
            "student_id", "offering_id", name=op.f("uq_opening_wishes_student_id_offering_id")
        ),
    )
    op.create_index(op.f("ix_opening_wishes_course_id"), "opening_wishes", ["course_id"])
    op.create_index(op.f("ix_opening_wishes_offering_id"), "opening_wishes", ["offering_id"])
    op.create_table(
        "class_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("offering_id", sa.Integer(), nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("to_waiting", sa.Boolean(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.CheckConstraint("subject <> '' AND body <> ''", name=op.f("ck_class_messages_says_something")),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offerings.id"], name=op.f("fk_class_messages_offering_id_offerings")
        ),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_class_messages_sender_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_messages")),
    )
    op.create_index(op.f("ix_class_messages_offering_id"), "class_messages", ["offering_id"])
    op.create_table(
        "talk_outcomes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "full_practice",
                "give_only",
                "observe",
                "bring_a_model",
                name="talk_outcome",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("recorded_by_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollments.id"],
            name=op.f("fk_talk_outcomes_enrollment_id_enrollments"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"], ["users.id"], name=op.f("fk_talk_outcomes_recorded_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talk_outcomes")),
        sa.UniqueConstraint("enrollment_id", name=op.f("uq_talk_outcomes_enrollment_id")),
    )


def downgrade() -> None:
    op.drop_table("talk_outcomes")
    op.drop_table("class_messages")
    op.drop_table("opening_wishes")
    with op.batch_alter_table("enrollments") as batch_op:
        batch_op.drop_column("access_help_done_at")
        batch_op.drop_column("wants_access_help")
    with op.batch_alter_table("offerings") as batch_op:
        batch_op.drop_constraint(op.f("ck_offerings_minimum_with_its_day"), type_="check")
        batch_op.drop_constraint(op.f("ck_offerings_minimum_positive"), type_="check")
        batch_op.drop_column("runs_since")
        batch_op.drop_column("decide_by")
        batch_op.drop_column("minimum_to_run")
        batch_op.drop_column("sends_reminders")
