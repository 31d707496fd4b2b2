"""Invoices and receipts keep the rate of the tax within them, for the report of taxes."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = ()
depends_on = None

_documents = sa.table(
    "fee_documents", sa.column("id"), sa.column("snapshot", sa.JSON()), sa.column("tax_rate")
)


def _printed_rate(snapshot: dict[str, object]) -> int:
    """The rate that a document prints ("Including 8.875% sales tax"), in ten-thousandths of a percent; 0 for none."""
    tax = snapshot.get("tax")
    text = str(tax["text"]) if isinstance(tax, dict) else ""
    found = re.search(r"(\d+)(?:[.,](\d{1,4}))?\s?%", text)
    return int(found[1]) * 10_000 + int((found[2] or "").ljust(4, "0")) if found else 0


def upgrade() -> None:
    with op.batch_alter_table("fee_documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tax_rate", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_check_constraint("tax_rate", "tax_rate BETWEEN 0 AND 1000000")
    connection = op.get_bind()
    for document_id, snapshot in connection.execute(sa.select(_documents.c.id, _documents.c.snapshot)).all():
        rate = _printed_rate(snapshot)
        if rate:
            connection.execute(
                sa.update(_documents).where(_documents.c.id == document_id).values(tax_rate=rate)
            )
    with op.batch_alter_table("fee_documents", schema=None) as batch_op:
        batch_op.alter_column("tax_rate", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("fee_documents", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_fee_documents_tax_rate"), type_="check")
        batch_op.drop_column("tax_rate")
