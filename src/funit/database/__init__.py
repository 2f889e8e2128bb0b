"""The database of models, data sets, jobs, looks, poses and keys: SQLite, or PostgreSQL by URL."""
