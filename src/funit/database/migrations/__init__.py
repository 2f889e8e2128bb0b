"""Alembic's migrations: each brings the tables of the version before to its own."""
