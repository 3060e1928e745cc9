"""`seapo status`: of runs under way, finished, killed, stopped by a mistake, on another machine; in text and JSON."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from seapo.cli import main, seapo
from seapo.progress import NAME, Bar, ProgressFile, read_progress
from seapo.stages import STAGES
from seapo.status import ORDER, find_runs, is_alive, read_status
from seapo.store import write_json

WORK = """
import sys, time
from pathlib import Path
from seapo.progress import Bar, ProgressFile, gain, note
folder = Path(sys.argv[1])
file = ProgressFile(folder)
with file.call(["source", "inject", "train"]):
    file.enter("inject")
    file.warn("one answer is very long")
    bar = Bar(range(100), "inject", file, is_shown=False)
    for number in bar:
        gain(bar, asked=3, accepted=2)
        note(bar, {"loss": 0.25})
        time.sleep(0.1)
"""


def make_run(folder: Path, *finished: str) -> Path:
    """A run's folder in which some stages are finished."""
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text("name: made\n")
    for stage in finished:
        (folder / stage).mkdir()
        write_json(folder / stage / "manifest.json", {"fingerprint": "f", "outputs": {}})
    stages = {stage: {"fingerprint": "f", "seconds": 75.0} for stage in finished}
    write_json(folder / "run.json", {"stages": stages})
    return folder


def call(*arguments):
    return CliRunner().invoke(seapo, ["status", *map(str, arguments)])


@pytest.fixture
def working(tmp_path):
    """A run's folder in which another process is at work, and that process."""
    folder = make_run(tmp_path / "runs" / "mine", "source")
    write_json(folder / "source" / "summary.json", {"samples": 12, "rows": 16})
    process = subprocess.Popen([sys.executable, "-c", WORK, str(folder)])
    until = time.monotonic() + 60
    while time.monotonic() < until and not ((said := read_progress(folder)) and said.step and said.step.done > 2):
        time.sleep(0.05)
    yield folder, process
    process.kill()
    process.wait()


def test_the_stages_are_those_of_a_run_in_their_order():
    assert tuple(STAGES) == ORDER


def test_a_run_under_way_and_then_killed(working):
    folder, process = working
    status = read_status(folder)
    assert (status.state, status.pid, status.go_on) == ("running", process.pid, None)
    assert [(stage.name, stage.state) for stage in status.stages][:2] == [
        ("source", "finished"),
        ("inject", "under way"),
    ]
    assert status.under_way.total == 100
    assert status.seconds_left > 0
    shown = call(folder).stdout
    assert f"running, process {process.pid}, for " in shown
    assert "12 samples of 16 rows" in shown
    assert "inject    under way" in shown
    assert " of 100 (" in shown
    assert " left" in shown
    assert "yield" in shown
    assert "last loss: 0.25" in shown
    assert "warning: one answer is very long" in shown
    assert "disk:" in shown

    process.send_signal(signal.SIGKILL)
    process.wait()
    status = read_status(folder)
    assert (status.state, status.go_on) == ("killed", f"seapo run {folder}")
    assert [stage.state for stage in status.stages if stage.name == "inject"] == ["to come"]
    shown = call(folder).stdout
    assert "killed: its process is gone" in shown
    assert f"go on with: seapo run {folder}" in shown


def test_watching_ends_when_the_run_does(working):
    folder, process = working
    watch = subprocess.Popen(
        [Path(sys.executable).with_name("seapo"), "status", str(folder), "--watch", "--every", "0.1", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert json.loads(watch.stdout.readline())["state"] == "running"
    process.kill()
    process.wait()
    rest = watch.communicate(timeout=30)[0].splitlines()
    assert json.loads(rest[-1])["state"] == "killed"
    assert watch.returncode == 0


def test_a_number_that_another_process_has_now_is_not_the_run(working):
    said = read_progress(working[0])
    assert is_alive(said) is True
    assert is_alive(said.model_copy(update={"pid": os.getpid()})) is False
    assert is_alive(said.model_copy(update={"host": "elsewhere"})) is None


def test_a_run_on_another_machine_is_not_called_killed(working):
    folder, process = working
    process.kill()
    process.wait()
    said = read_progress(folder).model_copy(update={"host": "elsewhere"})
    (folder / NAME).write_text(said.model_dump_json())
    status = read_status(folder)
    assert (status.state, status.go_on) == ("unknown", None)
    assert "runs on the machine elsewhere" in call(folder).stdout


def test_a_finished_run_and_one_of_an_older_version(tmp_path):
    folder = make_run(tmp_path / "old", *(stage for stage in ORDER if stage != "diagnose"))
    write_json(folder / "train" / "summary.json", {"steps": 16, "method": "dpo", "final": {"loss": 0.5449}})
    write_json(folder / "verify" / "summary.json", {"of": "another version"})
    status = read_status(folder)
    assert (status.state, status.go_on, status.last_loss) == ("finished", None, 0.5449)
    assert {stage.seconds for stage in status.stages} == {75.0}
    assert [stage.outcome for stage in status.stages if stage.name in ("train", "verify")] == ["", "16 steps, dpo"]


def test_a_run_that_was_stopped_says_why(tmp_path):
    folder = make_run(tmp_path / "mine", "source")
    (folder / ".inject.0123.partial").mkdir()
    file = ProgressFile(folder)

    def work():
        file.enter("inject")
        raise ValueError("the loss is nan")

    with pytest.raises(ValueError, match="nan"), file.call(["inject"]):
        work()
    status = read_status(folder)
    assert (status.state, status.message, status.go_on) == ("failed", "the loss is nan", f"seapo inject {folder}")
    assert [stage.state for stage in status.stages][:2] == ["finished", "begun"]
    assert "failed under 1 s ago: the loss is nan" in call(folder).stdout


def test_a_run_of_some_stages_is_incomplete(tmp_path):
    status = read_status(make_run(tmp_path / "mine", "source", "inject"))
    assert (status.state, status.go_on) == ("incomplete", f"seapo run {tmp_path / 'mine'}")


def test_all_runs_of_a_folder_are_a_line_each(tmp_path, working):
    runs = working[0].parent
    make_run(runs / "older", *(stage for stage in ORDER if stage != "diagnose"))
    (runs / "no_run").mkdir()
    lines = call("--runs-dir", runs).stdout
    assert {path.name for path in find_runs(runs)} == {"mine", "older"}
    assert "7 of 7 stages finished" in lines
    assert "running" in lines
    values = json.loads(call("--runs-dir", runs, "--json").stdout)
    assert {Path(value["folder"]).name: value["state"] for value in values} == {"mine": "running", "older": "finished"}


def test_an_experiment_is_told_by_its_runs_and_goes_on_as_one(tmp_path):
    experiment = tmp_path / "runs" / "matrix"
    experiment.mkdir(parents=True)
    (experiment / "recipe.yaml").write_text("name: matrix\n")
    make_run(experiment / "mixed-0", "source", "inject")
    make_run(tmp_path / "runs" / "alone", "source")
    assert {path.name for path in find_runs(tmp_path / "runs")} == {"mixed-0", "alone"}
    for arguments in ([experiment], [experiment, "--json"]):
        shown = call(*arguments).stdout
        assert "mixed-0" in shown
        assert "seapo run" not in shown
    (status,) = json.loads(call(experiment, "--json").stdout)
    assert status["go_on"] == f"seapo experiment {experiment}"
    assert read_status(tmp_path / "runs" / "alone").go_on == f"seapo run {tmp_path / 'runs' / 'alone'}"


def test_where_no_run_is_the_message_names_those_that_are(tmp_path, capsys):
    make_run(tmp_path / "mine")
    for arguments, message in (
        (["status", str(tmp_path / "mime")], "Did you mean 'mine'? Runs there: mine"),
        (["status", "--runs-dir", str(tmp_path / "nowhere")], "there is no run in it; begin one with seapo run RECIPE"),
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("columns", [40, 50, 120])
def test_lines_are_broken_to_the_terminals_width(columns, tmp_path, monkeypatch):
    folder = make_run(tmp_path / "mine", "source")
    file = ProgressFile(folder)
    with file.call(["source"]):
        file.warn("so long a warning that no terminal takes it in one line, and so it is broken " * 2)
        list(Bar([1], "source", file, is_shown=False))
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = call(folder).stdout.splitlines()
    assert all(len(line) < columns for line in lines if str(folder) not in line)
