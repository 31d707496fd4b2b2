"""Classes know how many guests their fullest meeting has."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = ()
depends_on = None

FULLEST = """
UPDATE offerings SET guest_places = coalesce((
    SELECT max(guests) FROM (
        SELECT count(*) AS guests, meetings.offering_id AS host
        FROM make_ups JOIN meetings ON meetings.id = make_ups.meeting_id
        WHERE make_ups.state IN ('planned', 'credited')
        GROUP BY make_ups.meeting_id, meetings.offering_id
    ) AS counted WHERE counted.host = offerings.id
), 0)
"""


def upgrade() -> None:
    with op.batch_alter_table("offerings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("guest_places", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_check_constraint("guests_not_negative", "guest_places >= 0")
    op.execute(FULLEST)
    with op.batch_alter_table("offerings", schema=None) as batch_op:
        batch_op.alter_column("guest_places", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("offerings", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_offerings_guests_not_negative"), type_="check")
        batch_op.drop_column("guest_places")
