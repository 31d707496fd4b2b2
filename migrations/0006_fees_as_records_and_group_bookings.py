"""Fees as records, and group bookings."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    op.create_table(
        "discount_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amount_cents", sa.Integer(), nullable=True),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "(percent IS NULL) <> (amount_cents IS NULL)", name=op.f("ck_discount_codes_percent_or_amount")
        ),
        sa.CheckConstraint(
            "amount_cents IS NULL OR amount_cents > 0", name=op.f("ck_discount_codes_amount_positive")
        ),
        sa.CheckConstraint("code = upper(code)", name=op.f("ck_discount_codes_code_upper")),
        sa.CheckConstraint(
            "percent IS NULL OR percent BETWEEN 1 AND 100", name=op.f("ck_discount_codes_percent")
        ),
        sa.CheckConstraint(
            "uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name=op.f("ck_discount_codes_uses")
        ),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_discount_codes_course_id_courses")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_discount_codes_created_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_discount_codes_code")),
    )
    with op.batch_alter_table("discount_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_discount_codes_course_id"), ["course_id"], unique=False)

    op.create_table(
        "group_bookings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("offering_id", sa.Integer(), nullable=False),
        sa.Column("organization", sa.String(length=200), nullable=False),
        sa.Column("contact_name", sa.String(length=200), nullable=False),
        sa.Column("contact_email", sa.String(length=254), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("seats_open", sa.Integer(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "closed_at IS NULL OR seats_open = 0", name=op.f("ck_group_bookings_closed_holds_nothing")
        ),
        sa.CheckConstraint(
            "contact_email = lower(contact_email)", name=op.f("ck_group_bookings_email_lower")
        ),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_group_bookings_price_not_negative")),
        sa.CheckConstraint(
            "seats_open >= 0 AND seats_open <= seats", name=op.f("ck_group_bookings_seats_open")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_group_bookings_created_by_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offerings.id"], name=op.f("fk_group_bookings_offering_id_offerings")
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_group_bookings_policy_id_policies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_bookings")),
        sa.UniqueConstraint("token", name=op.f("uq_group_bookings_token")),
    )
    with op.batch_alter_table("group_bookings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_bookings_offering_id"), ["offering_id"], unique=False)

    op.create_table(
        "discount_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code_id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=False),
        sa.Column("given_back_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["code_id"], ["discount_codes.id"], name=op.f("fk_discount_uses_code_id_discount_codes")
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_discount_uses_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount_uses")),
    )
    with op.batch_alter_table("discount_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_discount_uses_code_id"), ["code_id"], unique=False)
        batch_op.create_index(
            "uq_discount_uses_in_force",
            ["enrollment_id"],
            unique=True,
            sqlite_where=sa.text("given_back_at IS NULL"),
            postgresql_where=sa.text("given_back_at IS NULL"),
        )

    op.create_table(
        "fee_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=True),
        sa.Column("group_booking_id", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("charged_cents", sa.Integer(), nullable=False),
        sa.Column("paid_cents", sa.Integer(), nullable=False),
        sa.Column("balance_cents", sa.Integer(), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "(enrollment_id IS NULL) <> (group_booking_id IS NULL)", name=op.f("ck_fee_accounts_one_owner")
        ),
        sa.CheckConstraint(
            "balance_cents = charged_cents - paid_cents", name=op.f("ck_fee_accounts_adds_up")
        ),
        sa.CheckConstraint(
            "charged_cents >= 0 AND paid_cents >= 0", name=op.f("ck_fee_accounts_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_fee_accounts_enrollment_id_enrollments")
        ),
        sa.ForeignKeyConstraint(
            ["group_booking_id"],
            ["group_bookings.id"],
            name=op.f("fk_fee_accounts_group_booking_id_group_bookings"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_accounts")),
        sa.UniqueConstraint("enrollment_id", name=op.f("uq_fee_accounts_enrollment_id")),
        sa.UniqueConstraint("group_booking_id", name=op.f("uq_fee_accounts_group_booking_id")),
    )
    with op.batch_alter_table("fee_accounts", schema=None) as batch_op:
        batch_op.create_index(
            "ix_fee_accounts_unsettled",
            ["due_on"],
            unique=False,
            sqlite_where=sa.text("balance_cents <> 0"),
            postgresql_where=sa.text("balance_cents <> 0"),
        )

    op.create_table(
        "fee_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "charge",
                "discount",
                "release",
                "refund_due",
                "payment",
                "refund",
                "moved",
                name="fee_entry_kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("balance_after_cents", sa.Integer(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=True),
        sa.Column(
            "method",
            sa.Enum(
                "transfer",
                "card",
                "cash",
                "check",
                "other",
                name="fee_method",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("corrects_id", sa.Integer(), nullable=True),
        sa.Column("discount_code_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind IN ('payment', 'refund')) = (method IS NOT NULL)"
            " AND (kind IN ('payment', 'refund')) = (made_on IS NOT NULL)",
            name=op.f("ck_fee_entries_money_has_a_method"),
        ),
        sa.CheckConstraint(
            "corrects_id IS NULL OR note <> ''", name=op.f("ck_fee_entries_corrections_say_why")
        ),
        sa.CheckConstraint(
            "kind = 'moved' OR (amount_cents > 0) = ((kind IN ('charge', 'refund')) = (corrects_id IS NULL))",
            name=op.f("ck_fee_entries_sign"),
        ),
        sa.CheckConstraint("amount_cents <> 0", name=op.f("ck_fee_entries_amount")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["fee_accounts.id"], name=op.f("fk_fee_entries_account_id_fee_accounts")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_fee_entries_by_id_users")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["fee_entries.id"], name=op.f("fk_fee_entries_corrects_id_fee_entries")
        ),
        sa.ForeignKeyConstraint(
            ["discount_code_id"],
            ["discount_codes.id"],
            name=op.f("fk_fee_entries_discount_code_id_discount_codes"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_entries")),
        sa.UniqueConstraint("account_id", "number", name=op.f("uq_fee_entries_account_id_number")),
        sa.UniqueConstraint("corrects_id", name=op.f("uq_fee_entries_corrects_id")),
    )
    with op.batch_alter_table("fee_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fee_entries_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_fee_entries_discount_code_id"), ["discount_code_id"], unique=False
        )

    op.create_table(
        "fee_documents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "invoice",
                "receipt",
                name="fee_document_kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("through_entry", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.Column("issued_at", sa.DateTime(), nullable=False),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'receipt') = (entry_id IS NOT NULL)", name=op.f("ck_fee_documents_receipt_has_a_payment")
        ),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_fee_documents_sequence_positive")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["fee_accounts.id"], name=op.f("fk_fee_documents_account_id_fee_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["fee_entries.id"], name=op.f("fk_fee_documents_entry_id_fee_entries")
        ),
        sa.ForeignKeyConstraint(
            ["issued_by_id"], ["users.id"], name=op.f("fk_fee_documents_issued_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_documents")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_fee_documents_entry_id")),
        sa.UniqueConstraint("kind", "year", "sequence", name=op.f("uq_fee_documents_kind_year_sequence")),
        sa.UniqueConstraint("number", name=op.f("uq_fee_documents_number")),
    )
    with op.batch_alter_table("fee_documents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fee_documents_account_id"), ["account_id"], unique=False)

    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("group_booking_id", sa.Integer(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_enrollments_group_booking_id"), ["group_booking_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_enrollments_group_booking_id_group_bookings"),
            "group_bookings",
            ["group_booking_id"],
            ["id"],
        )

    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tax_id", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("bank_details", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.alter_column("tax_id", server_default=None)
        batch_op.alter_column("bank_details", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.drop_column("bank_details")
        batch_op.drop_column("tax_id")

    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_enrollments_group_booking_id_group_bookings"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_enrollments_group_booking_id"))
        batch_op.drop_column("group_booking_id")

    with op.batch_alter_table("fee_documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_fee_documents_account_id"))

    op.drop_table("fee_documents")
    with op.batch_alter_table("fee_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_fee_entries_discount_code_id"))
        batch_op.drop_index(batch_op.f("ix_fee_entries_at"))

    op.drop_table("fee_entries")
    with op.batch_alter_table("fee_accounts", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_fee_accounts_unsettled",
            sqlite_where=sa.text("balance_cents <> 0"),
            postgresql_where=sa.text("balance_cents <> 0"),
        )

    op.drop_table("fee_accounts")
    with op.batch_alter_table("discount_uses", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_discount_uses_in_force",
            sqlite_where=sa.text("given_back_at IS NULL"),
            postgresql_where=sa.text("given_back_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_discount_uses_code_id"))

    op.drop_table("discount_uses")
    with op.batch_alter_table("group_bookings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_group_bookings_offering_id"))

    op.drop_table("group_bookings")
    with op.batch_alter_table("discount_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_discount_codes_course_id"))

    op.drop_table("discount_codes")
