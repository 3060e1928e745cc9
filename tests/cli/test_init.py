"""`seapo init`: what it recognises, what it writes, and that a wrong file gets a sentence."""

import gzip
import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from seapo.beginning import begin, default_name
from seapo.beginning.forecast import forecast
from seapo.beginning.machine import Fit, Lengths, Machine
from seapo.beginning.survey import survey_data
from seapo.cli import main, seapo
from seapo.errors import RecipeError
from seapo.recipe import DataSection, InjectSection, Recipe, load_recipe

EGGS = (
    "A box holds {n} eggs. How many eggs are in 7 boxes, if 2 broke?",
    "7 boxes hold 7 * {n} = {all} eggs. 2 broke, so {all} - 2 = {left} eggs are left. The answer is {left}.",
)


def turns(*parts):
    return {"messages": [{"role": role, "content": content} for role, content in parts]}


def conversations():
    """Rows as a user may have them: system messages, several turns, emoji, code, one long answer, odd ones."""
    rows = []
    for n in range(3, 13):
        question, answer = (text.format(n=n, all=7 * n, left=7 * n - 2) for text in EGGS)
        rows.append(turns(("system", "You are a helpful tutor."), ("user", question), ("assistant", answer)))
    rows += [
        turns(
            ("user", "Where does the Nile end?"),
            ("assistant", "In Egypt."),
            ("user", "Why there?"),
            ("assistant", "The Nile ends in Egypt, because it flows north into the Mediterranean Sea 🌊."),
        ),
        turns(("user", "Add."), ("assistant", "```python\ndef add(a, b):\n    return a + b\n```")),
        turns(("user", "Tell all."), ("assistant", "In the year 1900 the town counted 1000 people. " * 300)),
        turns(),
        turns(("user", "Hello?")),
        rows[0],
    ]
    return rows


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def quiet(name):
    return lambda items: items


@pytest.fixture(scope="module")
def chats(tmp_path_factory):
    path = write_rows(tmp_path_factory.mktemp("data") / "my chats.jsonl", conversations())
    with path.open("a") as file:
        file.write("{broken\n")
    return path


@pytest.fixture(scope="module")
def beginning(chats):
    return begin(str(chats), overrides=["train.method=dpo", "evaluate.limit=1"], time_s=36_000, progress=quiet)


def test_it_tells_what_the_data_holds(beginning):
    survey = beginning.survey
    assert (survey.data.rows, survey.data.samples, survey.data.format) == (17, 13, "messages")
    assert sum(survey.data.set_aside.values()) == 4
    assert survey.data.set_aside["broken JSON"] == 1
    assert (survey.with_system, survey.several_turns, survey.most_turns, survey.with_rejected) == (10, 1, 2, 0)
    assert (survey.with_code, survey.with_python, survey.with_mathematics, survey.with_emoji) == (1, 1, 10, 1)
    assert survey.languages["en"] >= 1
    assert survey.errors["correctness"].with_candidate >= 10


def test_lengths_are_those_of_the_models_tokenizer(beginning, embedded):
    _, tokenizer = embedded
    text = conversations()[11]["messages"][1]["content"]
    tokens = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    assert tokens + 1 in beginning.fit.answers  # and the end of turn
    assert max(beginning.fit.answers) > 2048
    assert beginning.fit.bytes_per_token == 30 * (2 * 576 + 2 * 576 + 2 * 192 + 2 * 1536) * 4 or (
        beginning.fit.bytes_per_token == 30 * (2 * 576 + 2 * 576 + 2 * 192 + 2 * 1536) * 2
    )


def test_the_recipe_is_one_and_every_setting_has_its_reason(beginning, tmp_path, chats):
    path = tmp_path / "recipe.yaml"
    path.write_text(beginning.text)
    recipe = load_recipe(path)
    assert recipe.name == "my-chats"
    assert recipe.data.path == str(chats)
    assert recipe.engine.kind == "none"
    assert recipe.train.max_length <= 2048
    assert recipe.inject.max_completion_tokens <= recipe.train.max_length
    lines = beginning.text.splitlines()
    settings = [index for index, line in enumerate(lines) if ": " in line and not line.lstrip().startswith("#")]
    assert len(settings) > 12
    assert all(lines[index - 1].lstrip().startswith("#") for index in settings)
    assert all(len(line) <= 100 for line in lines if "path:" not in line and str(chats) not in line)


def test_what_the_user_says_counts(beginning):
    values = yaml.safe_load(beginning.text)
    assert values["train"]["method"] == "dpo"
    assert values["evaluate"] == {"suites": ["starter"], "limit": 1}
    said = [choice for choice in beginning.choices if choice.key in ("train.method", "evaluate.limit")]
    assert {choice.why for choice in said} == {"As you said."}


def test_the_long_answer_is_told_of_and_left_out(beginning):
    (choice,) = [one for one in beginning.choices if one.key == "train.max_length"]
    assert "room for 92% of the samples" in choice.why
    assert any("pairs to train on" in warning for warning in beginning.warnings)


def test_a_short_time_takes_fewer_samples(tmp_path, beginning):
    assert "limit" not in yaml.safe_load(beginning.text)["data"], "ten hours are enough for all"
    rows = [{"question": EGGS[0].format(n=n), "answer": f"There are {n} eggs in it."} for n in range(40)]
    path = write_rows(tmp_path / "eggs.jsonl", rows)
    hasty = begin(str(path), overrides=["evaluate.limit=1"], time_s=1, progress=quiet)
    assert yaml.safe_load(hasty.text)["data"]["limit"] == 20
    assert "the fewest that show anything" in hasty.text
    assert hasty.forecast.samples == 20


def test_a_forecast_grows_with_the_work():
    fit = Fit(
        model="m", parameters=1, machine=Machine(cores=2, free_bytes=10**10), answers=(100,), wholes=(200,),
        not_written=0, context=None, bytes_per_token=None, tokens_per_s=200.0,
    )  # fmt: skip
    dpo = Recipe().model_copy(update={"train": Recipe().train.model_copy(update={"method": "dpo"})})
    few, many = forecast(dpo, fit, 10, 1.0), forecast(dpo, fit, 100, 1.0)
    assert few.seconds < many.seconds < forecast(Recipe(), fit, 100, 1.0).seconds
    slow = fit.model_copy(update={"tokens_per_s": 100.0})
    assert forecast(dpo, slow, 100, 1.0).by_stage["train"] > 1.9 * many.by_stage["train"]
    assert many.pairs == 100
    assert forecast(dpo, fit, 100, 0.5).pairs == 50


def test_lengths_in_figures():
    assert Lengths.of(range(1, 101)) == Lengths(least=1, median=51, p95=95, most=100)
    assert Lengths.of([7]) == Lengths(least=7, median=7, p95=7, most=7)


@pytest.mark.parametrize(
    ("path", "name"),
    [("my.jsonl", "my"), ("a/b c.json.gz", "b-c"), ("train.v2.csv", "train.v2"), ("owner/name:x", "name-x"),
     ("数据.jsonl", "mine"), ("data/", "data")],
)  # fmt: skip
def test_names_of_runs(path, name):
    assert default_name(path) == name
    assert Recipe(name=name)


def mistake(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["init", *arguments])
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    return told.err


def test_a_wrong_file_gets_a_sentence_and_no_recipe(tmp_path, capsys, monkeypatch, chats):
    monkeypatch.chdir(tmp_path)
    Path("noise.bin").write_bytes(bytes(range(256)) * 20)
    Path("empty.jsonl").touch()
    Path("nothing").mkdir()
    Path("odd.csv").write_text("frage,antwort,nr\nWie hoch ist er?,Er ist 300 Meter hoch.,1\nWo liegt Rom?,In Rom.,2\n")
    Path("cut.jsonl.gz").write_bytes(gzip.compress(b"[1, 2]")[:12])
    assert "no data file" in mistake(["noise.bin"], capsys)
    assert "the file is empty" in mistake(["empty.jsonl"], capsys)
    assert "the folder holds no data file" in mistake(["nothing"], capsys)
    assert "there is no file or folder 'nowhere.jsonl'" in mistake(["nowhere.jsonl"], capsys)
    assert "cut.jsonl.gz" in mistake(["cut.jsonl.gz"], capsys)
    unknown = mistake(["odd.csv"], capsys)
    assert "found the columns frage (text), antwort (text), nr (text)" in unknown
    assert "perhaps: data.columns='{prompt: frage, chosen: antwort}'" in unknown
    assert "no such key" in mistake(["odd.csv", "train.metod=dpo"], capsys)
    assert not list(tmp_path.glob("*.yaml"))


def test_what_is_suggested_for_unknown_columns_is_taken(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("frage,antwort,nr\nWie hoch ist er?,Er ist 300 Meter hoch.,1\nWo liegt Rom?,In Italien.,2\n")
    data = DataSection(path=str(path), columns={"prompt": "frage", "chosen": "antwort"})
    found = survey_data(data, InjectSection(), seed=0, progress=quiet)
    assert found.survey.data.samples == 2


def test_nothing_is_written_over_unasked(tmp_path, capsys, chats):
    there = tmp_path / "mine.yaml"
    there.write_text("name: precious\n")
    assert "is there already; choose another --out, or say --overwrite" in mistake(
        [str(chats), "--out", str(there)], capsys
    )
    assert there.read_text() == "name: precious\n"
    assert "is a folder" in mistake([str(chats), "--out", str(tmp_path)], capsys)
    assert "there is no folder" in mistake([str(chats), "--out", str(tmp_path / "no" / "r.yaml")], capsys)


def test_the_command_writes_and_tells(tmp_path, monkeypatch, chats):
    monkeypatch.chdir(tmp_path)
    Path("my chats.jsonl").write_bytes(chats.read_bytes())
    arguments = ["init", "my chats.jsonl", "evaluate.limit=1", "--time", "10h"]
    done = CliRunner().invoke(seapo, [*arguments, "--out", "mine.yaml"], env={"COLUMNS": "50", "NO_COLOR": "1"})
    assert done.exit_code == 0, done.output
    assert all(len(line) < 50 for line in done.stdout.splitlines())
    told = " ".join(done.stdout.split())
    for part in ("17, of which 13 are samples", "1 x broken JSON", "10 with a system message", "code in 1, Python in 1",
                 "next seapo run mine.yaml"):  # fmt: skip
        assert part in told
    assert load_recipe(Path("mine.yaml")).name == "my-chats"

    again = CliRunner().invoke(seapo, [*arguments, "--out", "mine.yaml", "--overwrite", "--json"])
    values = json.loads(again.stdout)
    assert values["recipe"] == "mine.yaml"
    assert values["text"] == Path("mine.yaml").read_text()
    assert values["survey"]["data"]["samples"] == 13


def test_one_row_is_enough_for_a_recipe(tmp_path):
    path = write_rows(
        tmp_path / "one.jsonl", [{"prompt": EGGS[0].format(n=3), "response": "Seven boxes hold 7 * 3 = 21."}]
    )
    found = begin(str(path), overrides=[], time_s=3600, progress=quiet)
    assert load_one(found.text, tmp_path).train.per_device_train_batch_size == 2
    assert "pairs to train on: about 1." in found.warnings[0]


def load_one(text, folder):
    (folder / "one.yaml").write_text(text)
    return load_recipe(folder / "one.yaml")


def test_a_time_that_is_none_is_refused(chats, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(seapo, ["init", str(chats), "--time", "soon"])
    assert isinstance(done.exception, RecipeError)
    assert "--time 'soon' is no time" in str(done.exception)
