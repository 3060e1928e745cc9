import os
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from seapo.errors import DataError
from seapo.journal import Journal
from seapo.records import Message
from seapo.store import read_json, read_records, write_json, write_records, write_text


def test_records_come_back_in_order(tmp_path):
    messages = [Message(role="user", content=text) for text in ("one", "zwei\n", "три", "\u2028")]
    assert write_records(tmp_path / "m.jsonl", messages) == 4
    assert list(read_records(tmp_path / "m.jsonl", Message)) == messages


def test_a_row_that_does_not_fit_is_named_by_file_and_line(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"role":"user","content":"a"}\n{"role":"queen","content":"b"}\n')
    with pytest.raises(DataError, match=r"m\.jsonl, line 2: not a Message: role"):
        list(read_records(path, Message))


def test_a_failure_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.jsonl"
    write_records(path, [Message(role="user", content="old")])

    def broken():
        yield Message(role="user", content="new")
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        write_records(path, broken())
    assert [message.content for message in read_records(path, Message)] == ["old"]


def test_json_refuses_what_json_has_not(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    write_text(tmp_path / "b.json", "{")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read_json(tmp_path / "b.json")


def test_the_journal_computes_once(tmp_path):
    calls = []
    for _ in range(2):
        with Journal(tmp_path / "j.sqlite") as journal:
            value = journal.remember("key", "test", lambda: calls.append(1) or {"x": (1, 0.1)})
            assert value == {"x": [1, 0.1]}
    assert len(calls) == 1
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.counts() == {"test": 1}
        assert journal.get("other") is None


WRITER = """
import sys
from pathlib import Path
from seapo.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(1_000_000):
    journal.put(str(number), "n", number)
    print(number, flush=True)
"""


def test_what_the_journal_took_survives_kill_9(tmp_path):
    path = tmp_path / "j.sqlite"
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(50):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    told = [50, *(int(line) for line in child.stdout.read().split()[:-1])]
    child.wait()
    with Journal(path) as journal:
        assert all(journal.get(str(number)) == number for number in range(max(told)))


def test_a_new_journal_waits_for_a_process_that_opens_it_too(tmp_path):
    other = sqlite3.connect(tmp_path / "j.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(tmp_path / "j.sqlite", timeout=60).execute("PRAGMA journal_mode=WAL")
    threading.Timer(0.2, other.execute, ["COMMIT"]).start()
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.counts() == {}
    other.close()
