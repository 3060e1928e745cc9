"""`seapo diagnose` on a run's folder, with the embedded model, and the mix that follows from it."""

import json

import pytest
import yaml
from click.testing import CliRunner

from seapo.cli import seapo
from seapo.diagnose import Profile
from seapo.diagnosing import diagnosed_weights
from seapo.errors import DataError, RecipeError, RunError
from seapo.pipeline import Run, plan, wanted
from seapo.recipe import load_recipe
from seapo.runfolder import RunFolder
from seapo.stages import STAGES, stage_fingerprint
from seapo.store import read_json, write_json

QUESTIONS = [
    {"question": "How much is 2 + 2?", "answer": "4", "dimension": "mathematics"},
    {"question": "How much is 917 * 283?", "answer": "917 * 283 = 259511. The answer is 259511."},
    {"question": "Which colour has fresh grass?", "answer": "green", "dimension": "knowledge"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run's recipe over three questions, answered in at most 16 tokens."""
    path = tmp_path_factory.mktemp("diagnosis")
    (path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    recipe = {
        "name": "run",
        "runs_dir": str(path),
        "model": {"dtype": "float32"},
        "data": {"limit": 5},
        "inject": {"rank_by": "none", "strategies": ["rule"]},
        "diagnose": {"questions": [str(path / "mine.jsonl")], "max_completion_tokens": 16},
    }
    (path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return path


def call(*arguments):
    return CliRunner().invoke(seapo, [str(argument) for argument in arguments], catch_exceptions=True)


@pytest.fixture(scope="module")
def diagnosed(folder):
    done = call("diagnose", folder / "recipe.yaml", "--json", "-q")
    assert done.exit_code == 0, done
    return folder / "run", json.loads(done.stdout)


def test_it_writes_the_answers_and_the_profile(diagnosed):
    run, printed = diagnosed
    profile = Profile.model_validate(read_json(run / "diagnose" / "profile.json"))
    assert printed["summary"] == profile.model_dump(mode="json")
    rows = [json.loads(line) for line in (run / "diagnose" / "answers.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["mine-1", "mine-2", "mine-3"]
    assert all(row["answer"] for row in rows)
    assert [one.name for one in profile.dimensions] == ["all", "mathematics", "knowledge"]
    assert profile.dimensions[0].answers == 3
    assert rows[1]["diagnosis"]["outcome"] == "wrong"  # six digits are beyond a model of its size


def test_a_second_call_reuses_it_and_prints_the_table(diagnosed, folder):
    run, _ = diagnosed
    assert call("diagnose", run, "--dry-run").stdout == "diagnose: reuse\n"
    done = call("diagnose", folder / "recipe.yaml")
    assert "diagnose: reused" in done.stderr
    assert "Errors of embedded, as shares of its wrong answers (95% intervals)" in done.stdout
    assert "weights for mix" in done.stdout


def test_a_run_does_it_only_where_the_recipe_asks_and_no_other_stage_is_touched(folder):
    path = folder / "recipe.yaml"
    plain, enabled = (Run(load_recipe(path, more), quiet=True) for more in ((), ("diagnose.enabled=true",)))
    weighted = Run(load_recipe(path, ("mix.weights=from_diagnosis",)), quiet=True)
    assert "diagnose" not in wanted(plain)
    assert "diagnose" not in plan(plain)
    assert list(STAGES)[:2] == wanted(enabled)[:2] == wanted(weighted)[:2] == ["source", "diagnose"]
    before = stage_fingerprint(plain, STAGES["source"])
    assert stage_fingerprint(enabled, STAGES["source"]) == stage_fingerprint(weighted, STAGES["source"]) == before
    assert stage_fingerprint(enabled, STAGES["diagnose"]) == stage_fingerprint(plain, STAGES["diagnose"])


def test_settings_of_the_diagnosis_and_unset_weights_are_no_part_of_a_mix(diagnosed, folder):
    """What was mixed before there were weights is still reused."""
    run, _ = diagnosed
    for stage in ("source", "inject", "verify"):
        assert call(stage, run, "-q").exit_code == 0
    recipe = load_recipe(run / "recipe.yaml")
    values = recipe.model_dump(mode="json")["mix"]
    assert values["weights"] is None
    explicit = load_recipe(run / "recipe.yaml", ("mix.weights={logic: 1}",))
    other = load_recipe(run / "recipe.yaml", ("diagnose.limit=7",))
    prints = [stage_fingerprint(Run(each, quiet=True), STAGES["mix"]) for each in (recipe, other, explicit)]
    assert prints[0] == prints[1] != prints[2]


def test_the_mix_follows_from_the_diagnosis(diagnosed):
    run, _ = diagnosed
    for stage in ("source", "inject", "verify"):
        assert call(stage, run, "-q").exit_code == 0
    done = call("mix", run, "mix.weights=from_diagnosis", "--json", "-q")
    assert done.exit_code == 0, done
    weights = {each["error_type"]: each["weight"] for each in read_json(run / "diagnose" / "profile.json")["weights"]}
    assert json.loads(done.stdout)["summary"]["weights"] == weights
    assert "drawn by weight: correctness" in call("mix", run).stdout


def test_a_mix_from_a_diagnosis_that_is_not_there_says_what_to_do(folder):
    path = folder / "recipe.yaml"
    assert call("source", path, "name=bare", "-q").exit_code == 0
    for stage in ("inject", "verify"):
        assert call(stage, folder / "bare", "-q").exit_code == 0
    done = call("mix", folder / "bare", "mix.weights=from_diagnosis")
    assert isinstance(done.exception, RunError)
    assert "'mix' needs the output of 'diagnose', which is not there; run: seapo diagnose" in str(done.exception)
    with pytest.raises(RunError, match="there is none; run: seapo diagnose"):
        diagnosed_weights(Run(load_recipe(path, ("name=nothing",)), quiet=True))


def test_an_engine_answers_where_the_recipe_says_so(folder, served):
    def answer(text):
        return "The answer is 5." if "2 + 2" in text else "Green. The answer is green."

    with served(answer) as server:
        done = call(
            "diagnose", folder / "recipe.yaml", "name=served", "diagnose.answered_by=engine", "engine.kind=openai",
            "engine.model=m", f"engine.base_url=http://127.0.0.1:{server.server_port}/v1", "--json", "-q",
        )  # fmt: skip
    assert done.exit_code == 0, done
    found = json.loads(done.stdout)["summary"]
    assert (found["answered_by"], found["model"]) == ("engine", "m")
    assert [each["accuracy"]["part"] for each in found["dimensions"]] == [1, 0, 1]


def test_an_engine_that_is_not_configured_is_a_mistake_before_any_work(folder):
    done = call("diagnose", folder / "recipe.yaml", "name=none", "diagnose.answered_by=engine")
    assert isinstance(done.exception, RecipeError)
    assert "set engine.kind to embedded, vllm or openai" in str(done.exception)
    assert not (folder / "none").exists()


def test_weights_of_another_version_are_refused(diagnosed, tmp_path):
    run, _ = diagnosed
    copy = RunFolder(tmp_path / "copy")
    copy.stage("diagnose").mkdir(parents=True)
    profile = read_json(run / "diagnose" / "profile.json")
    write_json(copy.stage("diagnose") / "profile.json", {**profile, "weights": "all"})
    recipe = load_recipe(run / "recipe.yaml", (f"runs_dir={tmp_path}", "name=copy"))
    with pytest.raises(DataError, match="is no diagnosis that this version of seapo can read"):
        diagnosed_weights(Run(recipe, quiet=True))
