"""kill -9 in every stage: the same command again ends with the files of an undisturbed run."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """
name: {name}
runs_dir: {folder}
data: {{limit: 5}}
model: {{dtype: float32}}
inject: {{candidates_per_type: 2}}
train:
  {{method: dpo, learning_rate: 2.0e-4, num_train_epochs: 2, per_device_train_batch_size: 3,
    gradient_accumulation_steps: 1, save_steps: 1}}
evaluate: {{limit: 1}}
"""

# Runs seapo and kills it with -9 at the n-th event of the interpreter's audit whose text matches: a file opened for
# writing, a folder made, a rename, and a row entering the journal (seen by the trace of SQLite itself).
KILLER = """
import os, re, signal, sqlite3, sys
pattern, count, recipe = re.compile(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
seen = 0

def look(text):
    global seen
    if pattern.search(text):
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

def hook(event, arguments):
    if event == "open" and (isinstance(arguments[1], str) and "w" in arguments[1]):
        look(f"write {arguments[0]}")
    elif event in ("os.rename", "os.mkdir"):
        look(f"{event} {arguments[0]} {arguments[1]}")

def connect(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(lambda statement: look(f"sql {statement}"))
    return connection

sqlite3.connect = connect
sys.addaudithook(hook)
from seapo.cli import main
main(["run", recipe])
"""

KILLS = {
    "source: after the first write": (r"write .*/\.source\.\w+\.partial/", 2),
    "source: before the last rename": (r"os\.rename .*/\.source\.\w+\.partial .*/source", 1),
    "inject: after two samples": (r"sql INSERT.*'inject'", 3),
    "inject: before the last rename": (r"os\.rename .*/\.inject\.\w+\.partial .*/inject", 1),
    "verify: after the first write": (r"write .*/\.verify\.\w+\.partial/", 2),
    "verify: before the last rename": (r"os\.rename .*/\.verify\.\w+\.partial .*/verify", 1),
    "mix: after the first write": (r"write .*/\.mix\.\w+\.partial/", 2),
    "mix: before the last rename": (r"os\.rename .*/\.mix\.\w+\.partial .*/mix", 1),
    "train: after three reference scores": (r"sql INSERT.*'reference'", 4),
    "train: in the second checkpoint": (r"(write|os\.mkdir|os\.rename) .*checkpoint-2", 1),
    "train: before the last rename": (r"os\.rename .*/\.train\.\w+\.partial .*/train", 1),
    "evaluate: after three items": (r"sql INSERT.*'evaluate'", 4),
    "evaluate: before the last rename": (r"os\.rename .*/\.evaluate\.\w+\.partial .*/evaluate", 1),
    "report: after the first write": (r"write .*/\.report\.\w+\.partial/", 2),
    "report: before the last rename": (r"os\.rename .*/\.report\.\w+\.partial .*/report", 1),
}


def recipe(folder: Path, name: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(RECIPE.format(name=name, folder=folder))
    return path


def run(*command: object) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300, env={**os.environ, "COLUMNS": "100"})


def final_files(run_dir: Path) -> dict[str, bytes]:
    """Every file of a finished run, without the book-keeping of times and the folder that the run lies in."""
    files = {path.relative_to(run_dir).as_posix(): path for path in run_dir.rglob("*") if path.is_file()}
    kept = {name: path.read_bytes() for name, path in files.items() if not re.match(r"journal|\.lock|run\.json", name)}
    kept["recipe.yaml"] = kept["recipe.yaml"].replace(str(run_dir.parent).encode(), b"FOLDER")
    return {name: content for name, content in kept.items() if not name.startswith("report/")}


def report_text(run_dir: Path) -> str:
    """The report without its times and the folder that the run lies in."""
    page = (run_dir / "report" / "index.html").read_text(encoding="utf-8").replace(str(run_dir.parent), "FOLDER")
    return re.sub(r"(\d+(\.\d+)? (s|min|h)\b ?)+", "TIME", page)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run("from seapo.cli import main; main()", "run", recipe(folder, "journey"))
    assert done.returncode == 0, done.stderr
    return folder / "journey", done.stdout


def test_a_run_killed_in_every_stage_ends_like_an_undisturbed_one(tmp_path, undisturbed):
    whole, printed = undisturbed
    path = recipe(tmp_path, "journey")
    for moment, (pattern, count) in KILLS.items():
        done = run(KILLER, pattern, count, path)
        assert done.returncode == -signal.SIGKILL, f"{moment}: not reached: {done.stderr}"
        print("killed in", moment)
    done = run("from seapo.cli import main; main()", "run", path)
    assert done.returncode == 0, done.stderr
    assert final_files(tmp_path / "journey") == final_files(whole)
    assert report_text(tmp_path / "journey") == report_text(whole)
    assert done.stdout.replace(str(tmp_path / "journey"), str(whole)) == printed


def test_a_finished_run_is_reused_whole_and_loads_no_model(undisturbed):
    whole, printed = undisturbed
    code = "import sys; from seapo.cli import main; main(); sys.exit('peft' in sys.modules)"
    done = run(code, "run", whole)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
    assert done.stderr.count("reused") == 7


def test_a_changed_recipe_repeats_only_what_depends_on_it(undisturbed):
    whole, _ = undisturbed
    done = run("from seapo.cli import main; main()", "run", whole, "--dry-run", "--json", "mix.kind=all")
    doings = json.loads(done.stdout)
    assert [name for name, doing in doings.items() if doing == "reuse"] == ["source", "inject", "verify"]
