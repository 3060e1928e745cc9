"""What is counted: the bar on a terminal, the file in the run's folder, and what they cost."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time

import pytest

from seapo.errors import StoppedError
from seapo.progress import (
    NAME,
    Bar,
    Counted,
    Pace,
    ProgressFile,
    Step,
    clock,
    gain,
    line_of,
    note,
    rate_in_words,
    read_progress,
)

WALK = """
import sys, time
from seapo.recipe import Recipe
from seapo.run import Run
run = Run(Recipe(runs_dir=sys.argv[1]), quiet=sys.argv[2] == "quiet")
for _ in run.progress("evaluate before")([None] * 40):
    time.sleep(0.03)
"""


def walk(tmp_path, *, columns=None, mood="loud", **environment):
    """What forty items look like: on a terminal of so many columns, or without one."""
    arguments = [sys.executable, "-c", WALK, str(tmp_path), mood]
    if columns is None:
        return subprocess.run(arguments, capture_output=True, text=True, timeout=60).stderr
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            arguments,
            stderr=follower,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        os.close(follower)
        shown = b""
        while True:
            try:
                part = terminal.read(4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        process.wait(timeout=60)
    return shown.decode()


@pytest.mark.parametrize("columns", [50, 60, 80, 120])
def test_a_bar_has_a_name_a_rate_and_the_time_left_on_any_terminal(columns, tmp_path):
    drawn = [line for line in walk(tmp_path, columns=columns).replace("\n", "\r").split("\r") if line.strip()]
    assert all(len(line) <= columns for line in drawn)
    assert all(line.startswith("  evaluate before  ") for line in drawn)
    assert any("/40  " in line and "/s  0:0" in line and " left" in line for line in drawn)
    assert any("[" in line for line in drawn) == (columns >= 76)
    assert "40/40" in drawn[-1]


def test_without_a_terminal_or_when_quiet_there_is_no_bar(tmp_path):
    assert walk(tmp_path) == ""
    assert walk(tmp_path, columns=80, mood="quiet") == ""


def test_a_bar_uses_no_colour(tmp_path):
    assert "\x1b[3" not in walk(tmp_path, columns=80, NO_COLOR="1")


def step(**values):
    return Step(**{"name": "train", "began_at": 0.0, "done": 3, "total": 10, "rate": 0.5, **values})


def test_of_a_long_line_the_most_wanted_parts_stay():
    figures = {"loss": 0.6931, "accuracy": 0.5, "margin": 12.0}
    whole = line_of(step(figures=figures, asked=9, accepted=6), 120)
    assert whole.startswith("  train  3/10  30.0/min  0:14 left  yield 67%  loss 0.693  accuracy 0.5  margin 12  [===")
    assert line_of(step(figures=figures), 50) == "  train  3/10  30.0/min  0:14 left  loss 0.693"
    assert line_of(step(), 30) == "  train  3/10  30.0/min"


def test_what_is_not_known_is_said_so():
    assert line_of(step(total=None, rate=None), 80) == "  train  3  -/s  ?:?? left"
    assert step(total=None).seconds_left is None
    assert step(rate=None).seconds_left is None
    assert step(done=12).seconds_left == 0


@pytest.mark.parametrize(
    ("rate", "words"), [(None, "-/s"), (1234.5, "1,234/s"), (4.21, "4.2/s"), (0.05, "3.0/min"), (0.001, "3.6/h")]
)
def test_rates(rate, words):
    assert rate_in_words(rate) == words


@pytest.mark.parametrize(("seconds", "words"), [(7, "0:07"), (163, "2:43"), (3763, "1:02:43"), (59.7, "1:00")])
def test_times(seconds, words):
    assert clock(seconds) == words


def test_the_rate_is_that_of_late():
    """A thousand items that the journal knew came at once; since then one a second."""
    pace = Pace()
    pace.mark(0.0, 0)
    for second in range(1, 100):
        pace.mark(second, 1000 + second)
    assert pace.rate(100.0, 1100) == pytest.approx(1.0)
    assert Pace().rate(1.0, 5) is None


def test_a_bar_counts_and_the_file_says_so(tmp_path):
    file = ProgressFile(tmp_path)
    with file.call(["inject", "verify"]):
        file.enter("inject")
        bar = Bar(Counted(iter("abc"), 3, done_before=2), "inject", file, is_shown=False)
        for _ in bar:
            gain(bar, asked=3, accepted=2)
            note(bar, {"loss": 0.5})
        file.warn("it is late")
        said = read_progress(tmp_path)
        assert (said.state, said.stage, said.stages) == ("running", "inject", ("inject", "verify"))
        assert (said.step.name, said.step.done, said.step.total) == ("inject", 5, 5)
        assert (said.step.asked, said.step.accepted, said.step.figures) == (9, 6, {"loss": 0.5})
        assert said.warnings == ("it is late",)
        assert said.pid == os.getpid()
    assert read_progress(tmp_path).state == "finished"
    assert [path.name for path in tmp_path.iterdir()] == [NAME], "nothing is left beside it"


@pytest.mark.parametrize(
    ("problem", "state"),
    [
        (StoppedError("the budget is used up"), "stopped"),
        (KeyboardInterrupt(), "interrupted"),
        (OSError(28, "full"), "failed"),
    ],
)
def test_the_file_says_how_a_call_ended(problem, state, tmp_path):
    file = ProgressFile(tmp_path)

    def work():
        file.enter("inject")
        raise problem

    with pytest.raises(type(problem)), file.call(["inject"]):
        work()
    said = read_progress(tmp_path)
    assert (said.state, said.stage) == (state, "inject")
    assert said.message == str(problem)


def test_a_bar_outside_of_a_call_writes_no_file(tmp_path):
    assert list(Bar([1, 2], "evaluate", ProgressFile(tmp_path), is_shown=False)) == [1, 2]
    note([1], {"loss": 1.0})  # what is no bar is left alone
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_stops_no_run(tmp_path):
    file = ProgressFile(tmp_path / "nowhere")
    with file.call(["inject"]):
        assert list(Bar([1], "inject", file, is_shown=False)) == [1]


def test_what_is_no_progress_is_none(tmp_path):
    assert read_progress(tmp_path) is None
    for text in ("", "{", '{"state": "running"}', json.dumps({"state": "asleep"})):
        (tmp_path / NAME).write_text(text)
        assert read_progress(tmp_path) is None


def test_counting_costs_next_to_nothing(tmp_path):
    """Less than 50 microseconds an item, where the cheapest item of any stage takes some hundred."""
    file, items = ProgressFile(tmp_path), range(20_000)
    with file.call(["source"]):
        start = time.process_time()
        for _ in Bar(items, "source", file, is_shown=False):
            pass
        spent = time.process_time() - start
    assert spent / len(items) < 50e-6


def test_the_file_is_written_about_once_a_second(tmp_path, monkeypatch):
    file, written = ProgressFile(tmp_path), []
    monkeypatch.setattr(file, "_write", lambda: written.append(setattr(file, "_written", time.monotonic())))
    with file.call(["source"]):
        until = time.monotonic() + 2.5
        for _ in Bar(iter(lambda: time.monotonic() < until, False), "source", file, is_shown=False):
            time.sleep(0.001)
    assert 5 <= len(written) <= 7  # begin, the step's begin and end, the end, and one a second
