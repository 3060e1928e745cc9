"""The durable journal: what was computed at some cost, kept by the hash of what produced it.

One SQLite file in WAL mode. A value is written before it is used, so a killed run repeats at most the one piece of work
that was under way. Values are JSON, and a key that is there is never written again.
"""

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TIMEOUT_S = 60


class Journal:
    """A key-value store on disk that survives kill -9 between any two calls."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=TIMEOUT_S)
        _write_ahead(self._connection)
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL)"
        )

    def get(self, key: str) -> Any | None:
        """The value under a key, or None where there is none."""
        row = self._connection.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, key: str, kind: str, value: Any) -> None:
        """Keep a JSON value; the first one under a key stays."""
        self._connection.execute(
            "INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", (key, kind, json.dumps(value, ensure_ascii=False))
        )

    def remember(self, key: str, kind: str, compute: Callable[[], Any]) -> Any:
        """The value under the key; computed and kept first where it is missing."""
        value = self.get(key)
        if value is None:
            # Through JSON both times, so that a fresh value and a remembered one are the same to the last digit.
            value = json.loads(json.dumps(compute(), ensure_ascii=False))
            self.put(key, kind, value)
        return value

    def counts(self) -> dict[str, int]:
        """Number of entries of each kind."""
        return dict(self._connection.execute("SELECT kind, count(*) FROM entries GROUP BY kind ORDER BY kind"))

    def close(self) -> None:
        """Close the file; the journal cannot be used after it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Put the file into WAL mode; where another process opens a new file, too, SQLite refuses without waiting."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
