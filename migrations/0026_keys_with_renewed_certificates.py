"""Keys with renewed certificates: two rows of the history may be the same key."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("signing_keys") as batch_op:
        batch_op.drop_constraint(op.f("uq_signing_keys_name"), type_="unique")


def downgrade() -> None:
    # of two rows with one name the older stays: what the newer certificate signed is not known as ours any more
    op.execute("DELETE FROM signing_keys WHERE id NOT IN (SELECT min(id) FROM signing_keys GROUP BY name)")
    with op.batch_alter_table("signing_keys") as batch_op:
        batch_op.create_unique_constraint(op.f("uq_signing_keys_name"), ["name"])
