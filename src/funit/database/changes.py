"""Whether anything in a database has changed since it was read, told in microseconds."""

import sqlite3
import threading

from sqlalchemy import Engine


class Changes:
    """Counts the changes of a database, by whichever process."""

    def __init__(self, database: Engine) -> None:
        self._turn = threading.Lock()
        self._own = None
        if database.dialect.name == "sqlite" and database.url.database not in (None, ":memory:"):
            self._own = database.raw_connection()  # it counts what all others commit
            self._own.detach()

    def count(self) -> int | None:
        """Another number after every change; None where it cannot be told, as of PostgreSQL."""
        with self._turn:
            if self._own is None:
                return None
            cursor = self._own.cursor()
            try:
                cursor.execute("PRAGMA data_version")
                (count,) = cursor.fetchone() or (None,)
            except sqlite3.Error:  # whoever asks the database itself is told what is wrong
                return None
            finally:
                cursor.close()
            return count

    def close(self) -> None:
        """From now on nothing can be told."""
        with self._turn:
            if self._own is not None:
                self._own.close()
                self._own = None
