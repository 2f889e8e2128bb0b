"""What is about to be stored; why a schedule made no job."""

import sqlalchemy as sa
from alembic import op

from funit.database.schema import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table and the column."""
    op.create_table(
        "reserved_contents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reserved_contents")),
    )
    for column in ("owner", "sha256"):
        op.create_index(op.f(f"ix_reserved_contents_{column}"), "reserved_contents", [column])
    op.add_column("schedules", sa.Column("error", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drops them."""
    with op.batch_alter_table("schedules") as table:
        table.drop_column("error")
    op.drop_table("reserved_contents")
