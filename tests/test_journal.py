"""The journal: threads, processes, files of an earlier version, and what `seapo journal` says and forgets."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from seapo.cli import main
from seapo.errors import DataError
from seapo.journal import Journal, find_journal
from seapo.recipe import Recipe
from seapo.run import Run


def test_threads_share_a_journal(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: journal.put(str(n % 100), "n", n % 100), range(1000)))
        assert list(pool.map(journal.get, map(str, range(100)))) == list(range(100))
        assert journal.counts() == {"n": 100}


SHARER = """
import sys
from pathlib import Path
from seapo.journal import Journal
with Journal(Path(sys.argv[1])) as journal:
    print(flush=True)
    sys.stdin.readline()
    for number in range(300):
        journal.put(str(number), "n", [number, sys.argv[2]])
"""


def test_processes_share_a_file_and_the_first_value_stays(tmp_path):
    path = tmp_path / "j.sqlite"
    command = [sys.executable, "-c", SHARER, str(path)]
    children = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in "abc"
    ]
    for child in children:
        child.stdout.readline()
    for child in children:  # all have it open before one writes
        child.stdin.write("\n")
        child.stdin.flush()
    assert [child.wait(60) for child in children] == [0, 0, 0]
    with Journal(path) as journal:
        values = {number: journal.get(str(number)) for number in range(300)}
        journal.put("0", "n", "late")
        assert journal.get("0") == values[0]
    assert all(value[0] == number and value[1] in "abc" for number, value in values.items())


def test_a_file_of_an_earlier_version_gets_its_column_and_keeps_its_values(tmp_path):
    path = tmp_path / "j.sqlite"
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE entries (key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL)")
        old.execute("INSERT INTO entries VALUES ('k', 'n', '1')")
    old.close()
    for _ in range(2):
        with Journal(path) as journal:
            assert journal.get("k") == 1
            assert journal.stats()["n"].first is None
    with Journal(path) as journal:
        assert journal.prune(older_than_s=0) == 0  # its age is unknown
        assert journal.prune() == 1


def test_runs_of_one_folder_share_a_journal_and_read_the_one_that_a_run_had_alone(tmp_path):
    runs = [Run(Recipe(runs_dir=str(tmp_path), name=name)) for name in ("one", "two")]
    with Journal(tmp_path / "two" / "journal.sqlite") as own:
        own.put("before", "n", "own")
    with runs[0].journal() as first, runs[1].journal() as second:
        assert first.path == tmp_path / "journal.sqlite"
        first.put("key", "n", "shared")
        assert second.get("key") == "shared"
        assert second.get("before") == "own"
        assert first.get("before") is None
        second.put("later", "n", 1)
    with Journal(tmp_path / "two" / "journal.sqlite") as own:
        assert own.counts() == {"n": 1}


def test_what_is_no_journal_is_refused_with_its_place(tmp_path):
    (tmp_path / "j.sqlite").write_text("no database, but some text that is long enough" * 100)
    with pytest.raises(DataError, match=r"j\.sqlite: cannot be used as a journal"):
        Journal(tmp_path / "j.sqlite")
    with pytest.raises(DataError, match="no journal here"):
        find_journal(tmp_path)


@pytest.fixture
def folder(tmp_path):
    """A folder of runs with a journal of two kinds, and a run in it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "recipe.yaml").write_text("name: a\n")
    with Journal(tmp_path / "journal.sqlite") as journal:
        for number in range(700):
            journal.put(f"r{number}", "reply", {"text": "ü" * 3})
        journal.put("s", "inject", [1])
    return tmp_path


def call(capsys, *arguments):
    main(["journal", *map(str, arguments)])
    return capsys.readouterr().out


@pytest.mark.parametrize("place", ["", "a", "journal.sqlite"])
def test_stats_of_a_run_of_its_folder_and_of_the_file(folder, capsys, place):
    told = json.loads(call(capsys, "stats", folder / place, "--json"))
    assert told["kinds"]["reply"]["entries"] == 700
    assert told["kinds"]["inject"]["bytes"] == len("s") + len("[1]")
    assert told["kinds"]["reply"]["first"] <= told["kinds"]["reply"]["last"]
    assert "700 entries" in call(capsys, "stats", folder / place)


def test_export_prints_every_entry(folder, capsys):
    rows = [json.loads(line) for line in call(capsys, "export", folder).splitlines()]
    assert len({row["key"] for row in rows}) == 701
    assert rows[3] == {"key": "r3", "kind": "reply", "created": rows[3]["created"], "value": {"text": "üüü"}}
    assert len(call(capsys, "export", folder, "--kind", "inject").splitlines()) == 1


def test_prune_asks_for_yes_and_goes_by_kind_and_age(folder, capsys):
    assert "would be forgotten; add --yes" in call(capsys, "prune", folder, "--kind", "reply")
    size = (folder / "journal.sqlite").stat().st_size
    assert json.loads(call(capsys, "prune", folder, "--older-than-days", 1, "--yes", "--json"))["entries"] == 0
    assert "700 entries forgotten" in call(capsys, "prune", folder, "--kind", "reply", "--yes")
    assert (folder / "journal.sqlite").stat().st_size < size
    with Journal(folder / "journal.sqlite") as journal:
        assert journal.counts() == {"inject": 1}
        time.sleep(0.01)
        assert journal.prune(older_than_s=0.005) == 1


def test_a_slow_reader_of_an_export_does_not_hold_up_a_writer(folder):
    with Journal(folder / "journal.sqlite") as journal:
        entries = journal.export()
        next(entries)
        writer = threading.Thread(target=journal.put, args=("new", "late", 1))
        writer.start()
        writer.join(5)
        assert not writer.is_alive()
        assert sum(1 for _ in entries) == 701


def test_a_full_disk_is_a_sentence(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(DataError, match=r"j\.sqlite: the journal cannot be written: .*full"):
            journal.put("key", "kind", "x" * 100_000)
        assert journal.get("key") is None
