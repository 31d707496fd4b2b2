"""Certificate designs in versions, and certificates whose time of keeping is over."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_designs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("layout", sa.String(length=40), nullable=False),
        sa.Column("page_size", sa.String(length=40), nullable=False),
        sa.Column("lang", sa.String(length=40), nullable=False),
        sa.Column("logo_sha256", sa.String(length=64), nullable=True),
        sa.Column("color_main", sa.String(length=40), nullable=False),
        sa.Column("color_second", sa.String(length=40), nullable=False),
        sa.Column("certify", sa.String(length=200), nullable=False),
        sa.Column("completed", sa.String(length=200), nullable=False),
        sa.Column("retention", sa.String(length=200), nullable=False),
        sa.Column("disclaimer", sa.String(length=200), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("css", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_certificate_designs_created_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_designs")),
    )
    with op.batch_alter_table("certificates") as batch_op:
        batch_op.add_column(sa.Column("anonymised_at", sa.DateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("certificates") as batch_op:
        batch_op.drop_column("anonymised_at")
    op.drop_table("certificate_designs")
