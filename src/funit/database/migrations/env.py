"""What Alembic runs; `funit.database.connection` gives it an open connection."""

from alembic import context

from funit.database.connection import VERSION_TABLE
from funit.database.schema import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite cannot alter a table in place
)
with context.begin_transaction():
    context.run_migrations()
