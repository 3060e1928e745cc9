"""The durable journal: what was computed at some cost, kept by the hash of what produced it.

One SQLite file in WAL mode. A value is written before it is used, so a killed run repeats at most the work that was
under way. Values are JSON, and a key that is there is never written again. Threads share one journal, and processes on
one machine share its file: the runs of one folder do.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seapo.errors import DataError

NAME = "journal.sqlite"
TIMEOUT_S = 60


@dataclass(frozen=True)
class KindStats:
    """What a journal holds of one kind."""

    entries: int
    bytes: int
    """Of keys and values, as UTF-8."""
    first: str | None
    """When the oldest one was written, ISO 8601 in UTC; None where files of an earlier version do not tell."""
    last: str | None


class Journal:
    """A key-value store on disk that survives kill -9 between any two calls, and serves several threads."""

    def __init__(self, path: Path, *, older: Path | None = None) -> None:
        """Open the file, made where it is missing; `older` is another journal to read from, where it is there."""
        self.path = path
        self.older = older
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=TIMEOUT_S, check_same_thread=False)
            _write_ahead(self._connection)
            # In WAL mode NORMAL keeps every commit through the death of a process; only a power cut may take the last.
            self._connection.execute("PRAGMA synchronous=NORMAL")
            _make_table(self._connection)
        except sqlite3.DatabaseError as problem:
            raise DataError(f"{path}: cannot be used as a journal: {problem}") from problem
        self._older = None if older is None or not older.is_file() else _open_to_read(older)

    def get(self, key: str) -> Any | None:
        """The value under a key, or None where there is none."""
        query = "SELECT value FROM entries WHERE key = ?"
        with self._lock:
            row = self._connection.execute(query, (key,)).fetchone()
            if row is None and self._older is not None:
                row = self._older.execute(query, (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, key: str, kind: str, value: Any) -> None:
        """Keep a JSON value; the first one under a key stays."""
        text = json.dumps(value, ensure_ascii=False)
        insert = "INSERT OR IGNORE INTO entries (key, kind, value, created_s) VALUES (?, ?, ?, ?)"
        try:
            with self._lock:
                self._connection.execute(insert, (key, kind, text, time.time()))
        except sqlite3.OperationalError as problem:
            raise DataError(
                f"{self.path}: the journal cannot be written: {problem}; the same command goes on from here"
            ) from problem

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
        return dict(self._rows("SELECT kind, count(*) FROM entries GROUP BY kind ORDER BY kind"))

    def stats(self) -> dict[str, KindStats]:
        """Kind -> its entries, their size and age."""
        query = (
            "SELECT kind, count(*), sum(length(CAST(key AS BLOB)) + length(CAST(value AS BLOB))), "
            "min(created_s), max(created_s) FROM entries GROUP BY kind ORDER BY kind"
        )
        return {
            kind: KindStats(entries, size, _iso(first), _iso(last))
            for kind, entries, size, first, last in self._rows(query)
        }

    def export(self, *, kind: str | None = None) -> Iterator[dict[str, Any]]:
        """Every entry (of one kind) as `key`, `kind`, `created`, `value`, in the order of writing."""
        place = -1
        query = (
            "SELECT rowid, key, kind, created_s, value FROM entries "
            "WHERE rowid > ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY rowid LIMIT 500"
        )
        while rows := self._rows(query, place, kind):
            place = rows[-1][0]
            for _, key, its_kind, created_s, value in rows:
                yield {"key": key, "kind": its_kind, "created": _iso(created_s), "value": json.loads(value)}

    def prune(self, *, kind: str | None = None, older_than_s: float | None = None, dry_run: bool = False) -> int:
        """Forget entries of a kind, over an age, or both, and give the space back; gives their number.

        Entries of unknown age, from files of an earlier version, are kept where an age is asked for.
        """
        before = None if older_than_s is None else time.time() - older_than_s
        where = "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR created_s < ?2)"
        with self._lock:
            found: int = self._connection.execute(f"SELECT count(*) FROM entries {where}", (kind, before)).fetchone()[0]
            if found and not dry_run:
                self._connection.execute(f"DELETE FROM entries {where}", (kind, before))
                self._connection.execute("VACUUM")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return found

    def close(self) -> None:
        """Close the file; the journal cannot be used after it."""
        with self._lock:
            self._connection.close()
            if self._older is not None:
                self._older.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


def find_journal(path: Path) -> Path:
    """The journal's file of a run's folder, a folder of runs, or itself; raises DataError where there is none."""
    own = [path / NAME] if path.is_dir() else [path]
    shared = [path.resolve().parent / NAME] if (path / "recipe.yaml").is_file() else []
    for candidate in (*shared, *own):
        if candidate.is_file():
            return candidate
    looked = " and ".join(str(candidate) for candidate in (*shared, *own))
    raise DataError(f"{path}: no journal here (looked for {looked}); give a run's folder, a folder of runs, or a file")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Put the file into WAL mode; where another process opens a new file, too, SQLite refuses without waiting."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _open_to_read(path: Path) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?mode=ro"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=TIMEOUT_S, check_same_thread=False)


def _make_table(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS entries "
        "(key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, created_s REAL)"
    )
    if "created_s" not in _columns(connection):  # a file of an earlier version
        try:
            connection.execute("ALTER TABLE entries ADD COLUMN created_s REAL")
        except sqlite3.OperationalError:
            if "created_s" not in _columns(connection):  # nor did another process add it at this moment
                raise


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("PRAGMA table_info(entries)")}


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
