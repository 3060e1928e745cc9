"""Tasks of lm-evaluation-harness with local data: its own documents, prompts, targets and scores are the oracle."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from seapo.errors import DataError, RecipeError
from seapo.evaluate.harness import count_requests, load_tasks, require_lm_eval, run_tasks
from seapo.tasks import benchmark
from seapo.tasks.benchmark import BenchmarkTask

lm_eval = pytest.importorskip("lm_eval", reason="needs the package lm-eval")

KNOWN = {
    "gsm8k_cot": benchmark.GSM8K,
    "minerva_math_precalc": benchmark.MINERVA_MATH[-1],
    "minerva_math500": benchmark.MATH_500,
    "bbh_cot_fewshot_snarks": next(task for task in benchmark.BBH if "snarks" in task.name),
    "mmlu_virology": next(task for task in benchmark.MMLU if "virology" in task.name),
    "truthfulqa_mc1": benchmark.TRUTHFULQA[0],
    "truthfulqa_mc2": benchmark.TRUTHFULQA[1],
}
FOLDERS = ("gsm8k", "minerva_math", "bbh/cot_fewshot", "mmlu/default", "truthfulqa")


def hub_rows(folder, path, name):
    """What the hub's data sets hold, made from the published files without our reader: (hub id, name) -> splits."""
    unpacked = {
        ("openai/gsm8k", "main"): lambda: {"test": lines(folder / "gsm8k/test.jsonl.gz")},
        ("EleutherAI/hendrycks_math", "precalculus"): lambda: {
            "test": [
                {key: row[key] for key in ("problem", "level", "type", "solution")}
                for row in lines(folder / "math/math_test.jsonl.gz")
                if row["type"] == "Precalculus"
            ]
        },
        ("HuggingFaceH4/MATH-500", "default"): lambda: {"test": lines(folder / "math/math500_test.jsonl.gz")},
        ("SaylorTwift/bbh", "snarks"): lambda: {
            "test": json.loads((folder / "bbh/snarks.json").read_text())["examples"]
        },
        ("cais/mmlu", "virology"): lambda: {split: virology(folder, split) for split in ("dev", "test")},
        ("truthfulqa/truthful_qa", "multiple_choice"): lambda: {"validation": truthful(folder)},
    }
    return unpacked[path, name]()


def lines(path):
    return [json.loads(line) for line in gzip.open(path, "rt", encoding="utf-8")]


def virology(folder, split):
    text = zipfile.ZipFile(folder / "mmlu/mmlu.zip").read(f"data/{split}/virology_{split}.csv").decode()
    return [
        {"question": row[0], "subject": "virology", "choices": row[1:5], "answer": ord(row[5]) - ord("A")}
        for row in csv.reader(io.StringIO(text))
    ]


def truthful(folder):
    rows = json.loads(gzip.decompress((folder / "truthfulqa/mc_task.json.gz").read_bytes()))
    return [
        {"question": row["question"]}
        | {
            key: {"choices": list(row[key]), "labels": list(row[key].values())}
            for key in ("mc1_targets", "mc2_targets")
        }
        for row in rows
    ]


@pytest.fixture(scope="module")
def theirs(data_dir):
    """lm-evaluation-harness's own tasks, as its manager makes them, from data in the hub's form."""
    import datasets
    from lm_eval.tasks import TaskManager

    def load(path, name=None, **_):
        rows = hub_rows(data_dir, path, name)
        return datasets.DatasetDict({split: datasets.Dataset.from_list(found) for split, found in rows.items()})

    root = Path(lm_eval.__file__).parent / "tasks"
    manager = TaskManager(include_defaults=False, include_path=[root / folder for folder in FOLDERS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load_dataset", load)
        tasks = manager.load(list(KNOWN))["tasks"]
    for task in tasks.values():
        if task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=1234)
    tasks["mmlu_virology"].set_config(key="num_fewshot", value=5)  # lm_eval --num_fewshot 5
    return tasks


@pytest.fixture(scope="module")
def ours(data_dir):
    """The same tasks as we load them, two items each."""
    loaded = load_tasks(list(KNOWN.values()), data_dir=data_dir, protocol="paper", limit=2, seed=0)
    return {each.name: each for each in loaded}


@pytest.fixture(scope="module")
def harness_model(tiny_model):
    """The tiny model behind lm-evaluation-harness's class for models of transformers; its answers are short."""
    import transformers
    from lm_eval.models.huggingface import HFLM

    class Brief(HFLM):
        def generate_until(self, requests, disable_tqdm=False):
            for request in requests:
                request.arguments = (request.args[0], request.args[1] | {"max_gen_toks": 6})
            return super().generate_until(requests, disable_tqdm=True)

    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    return Brief(pretrained=model, tokenizer=tokenizer, batch_size=4, device="cpu")


@pytest.mark.parametrize("name", KNOWN)
def test_documents_are_those_of_the_hub(ours, theirs, name):
    assert list(ours[name].task.eval_docs) == list(theirs[name].eval_docs)


@pytest.mark.parametrize("protocol", ["paper", "chat"])
@pytest.mark.parametrize("name", KNOWN)
def test_prompts_and_targets_are_the_harness_own(ours, theirs, harness_model, name, protocol):
    places, is_chat = list(ours[name].ids), protocol == "chat"
    options = {"samples": places, "apply_chat_template": is_chat, "fewshot_as_multiturn": is_chat}
    for task in (ours[name].task, theirs[name]):
        task.set_fewshot_seed(seed=1234)
        task.build_all_requests(chat_template=harness_model.apply_chat_template, **options)
    asked, expected = ours[name].task.instances, theirs[name].instances
    assert [request.args for request in asked] == [request.args for request in expected]
    assert all(("<|im_start|>" in str(request.args[0])) == is_chat for request in asked)
    targets = [
        [task.doc_to_target(task.eval_docs[place]) for place in places] for task in (ours[name].task, theirs[name])
    ]
    assert targets[0] == targets[1]


def test_the_examples_are_as_many_as_published(ours):
    for each in ours.values():
        each.task.build_all_requests(samples=list(each.ids))
    shots = {
        name: ours[name].task.instances[0].args[0].count(mark)
        for name, mark in (
            ("gsm8k_cot", "The answer is"),
            ("minerva_math_precalc", "I hope it is correct."),
            ("minerva_math500", "I hope it is correct."),
            ("bbh_cot_fewshot_snarks", "So the answer is"),
            ("mmlu_virology", "Answer: "),
            ("truthfulqa_mc1", "A: "),
        )
    }
    expected = {"gsm8k_cot": 8, "bbh_cot_fewshot_snarks": 3, "mmlu_virology": 5, "truthfulqa_mc1": 6}
    assert shots == expected | {"minerva_math_precalc": 4, "minerva_math500": 4}


def test_scores_are_the_harness_own(ours, theirs, harness_model):
    from lm_eval.evaluator import evaluate

    from seapo.evaluate.tally import tally, tally_others

    found = run_tasks(harness_model, list(ours.values()), protocol="paper")
    samples = {name: list(each.ids) for name, each in ours.items()}
    expected = evaluate(harness_model, {"tasks": theirs, "groups": {}}, samples=samples)["results"]
    rows = tally(found.scores, confidence=0.95, seed=0).tasks
    others = tally_others(found.others, confidence=0.95, seed=0)
    assert len(rows) == len(KNOWN)
    assert {row.metric for row in others} == {"exact_match,flexible-extract", "math_verify"}
    for row in (*rows, *(row for row in others if row.name in KNOWN)):
        metric, _, its_filter = row.metric.partition(",")
        assert row.items == 2
        assert row.value == pytest.approx(expected[row.name][f"{metric},{its_filter or 'none'}"], abs=1e-9)
        assert row.stderr == pytest.approx(expected[row.name][f"{metric}_stderr,{its_filter or 'none'}"], abs=1e-9)


def test_a_score_tells_what_was_asked_and_answered(ours, harness_model):
    found = run_tasks(harness_model, [ours["mmlu_virology"], ours["gsm8k_cot"]], protocol="chat")
    choice, written = found.scores[0], found.scores[-1]
    assert (choice.task, choice.group, choice.dimension) == ("mmlu_virology", "mmlu", "knowledge")
    assert (choice.metric, choice.protocol, len(choice.choice_logprobs_nats)) == ("acc", "chat", 4)
    assert choice.answer == "ABCD"[choice.choice_logprobs_nats.index(max(choice.choice_logprobs_nats))]
    assert (written.task, written.metric, written.choice_logprobs_nats) == ("gsm8k_cot", "exact_match,strict-match", ())
    assert written.answer
    plain = run_tasks(harness_model, [ours["mmlu_virology"]], protocol="paper").scores[0]
    assert plain.prompt_hash != choice.prompt_hash
    assert found.versions["lm_eval"]
    assert found.versions["gsm8k_cot"] == "3.0"


def test_items_are_drawn_by_the_seed_and_shared_by_tasks_over_the_same_questions(data_dir, ours):
    def drawn(limit, seed):
        tasks = [KNOWN["truthfulqa_mc1"], KNOWN["truthfulqa_mc2"]]
        mc1, mc2 = load_tasks(tasks, data_dir=data_dir, protocol="paper", limit=limit, seed=seed)
        assert list(mc1.ids) == list(mc2.ids)
        assert [each.removesuffix("#mc1") for each in mc1.ids.values()] == [
            each.removesuffix("#mc2") for each in mc2.ids.values()
        ]
        return list(mc1.ids)

    few, more = drawn(3, 0), drawn(6, 0)
    assert set(few) < set(more)
    assert more == sorted(more)
    assert drawn(3, 1) != few
    assert len(drawn(None, 0)) == 817
    own = replace(KNOWN["truthfulqa_mc1"], limit=3)
    (mc1,) = load_tasks([own], data_dir=data_dir, protocol="paper", limit=6, seed=0)
    assert list(mc1.ids) == few


def test_requests_are_counted_without_a_model(ours):
    counts = count_requests([ours["gsm8k_cot"], ours["mmlu_virology"]])
    assert counts == {"gsm8k_cot": 2, "mmlu_virology": 8}


def test_another_task_of_the_harness_takes_local_data_too(data_dir):
    (loaded,) = load_tasks([BenchmarkTask("gsm8k_cot_zeroshot")], data_dir=data_dir, protocol="paper", limit=2, seed=0)
    assert loaded.benchmark.dimension is None
    assert loaded.task.eval_docs[0] == lines(data_dir / "gsm8k/test.jsonl.gz")[0]
    group = load_tasks([BenchmarkTask("mmlu_stem")], data_dir=data_dir, protocol="paper", limit=1, seed=0)
    assert {each.benchmark.group for each in group} == {"mmlu_stem"}
    assert len(group) == 19


def test_an_unknown_task_is_named_with_the_nearest_known_one():
    with pytest.raises(
        RecipeError, match=r"no suite or task named 'arc_eassy'\. Did you mean 'arc_easy'\? Known are the"
    ):
        load_tasks([BenchmarkTask("arc_eassy")], data_dir=None, protocol="paper", limit=2, seed=0)


def test_without_a_network_the_error_says_how_to_name_a_folder():
    code = (
        "from seapo.evaluate.harness import load_tasks; from seapo.tasks.benchmark import GSM8K\n"
        "load_tasks([GSM8K], data_dir=None, protocol='paper', limit=1, seed=0)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "DataError: the task 'gsm8k_cot' cannot be loaded: " in done.stderr
    assert "where that cannot be reached, name a folder: --data-dir (docs/evaluation.md)" in done.stderr


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gsm8k/test\.jsonl\.gz is missing"):
        load_tasks([KNOWN["gsm8k_cot"]], data_dir=tmp_path, protocol="paper", limit=1, seed=0)


def test_a_task_without_a_share_for_each_item_is_refused(harness_model):
    loaded = own_tasks({"score": lambda doc, results: {"score": 7}})
    with pytest.raises(DataError, match=r"'own' is scored by score, which is no number between 0 and 1 for each item"):
        run_tasks(harness_model, loaded, protocol="paper")


def test_a_task_of_our_own_is_asked_like_the_others(harness_model):
    (score, _) = run_tasks(
        harness_model, own_tasks({"score": lambda doc, results: {"score": len(results[0]) > 0}}), protocol="paper"
    ).scores
    assert (score.id, score.task, score.value, score.suite) == ("own-0000", "own", 1.0, "exams")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"higher_is_better": False}, "scored by score, which is better when lower"),
        ({"unsafe_code": True}, "runs the model's code without a sandbox; the suite 'coding' asks such tasks in one"),
    ],
)
def test_tasks_that_cannot_be_compared_or_run_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        own_tasks({"score": lambda doc, results: {"score": 1}}, **changes)


def own_tasks(metric, *, higher_is_better=True, unsafe_code=False):
    """A task of two questions whose items a function scores."""
    import datasets
    from lm_eval.api.task import ConfigurableTask

    ((name, score),) = metric.items()

    def build(data_dir, protocol):
        rows = datasets.Dataset.from_list([{"question": "What is salt?"}, {"question": "What is wool?"}])
        config = {
            "task": "own",
            "custom_dataset": lambda **_: {"test": rows},
            "test_split": "test",
            "doc_to_text": "{{question}}",
            "doc_to_target": "",
            "generation_kwargs": {"until": ["\n"]},
            "process_results": score,
            "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": higher_is_better}],
            "unsafe_code": unsafe_code,
        }
        return ConfigurableTask(config=config)

    asked = BenchmarkTask("own", build=build, suite="exams")
    return load_tasks([asked], data_dir=None, protocol="paper", limit=None, seed=0)


def test_without_what_compares_maths_answers_the_error_says_how_to_install_it(data_dir):
    code = (
        "import sys; sys.modules['math_verify'] = None\nfrom pathlib import Path\n"
        "from seapo.evaluate.harness import load_tasks; from seapo.tasks.benchmark import MATH_500\n"
        f"load_tasks([MATH_500], data_dir=Path({str(data_dir)!r}), protocol='paper', limit=1, seed=0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "DataError: the task 'minerva_math500' needs packages that are missing (" in done.stderr
    assert done.stderr.endswith("run: pip install 'seapo[evaluate]'\n")


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("seapo.evaluate.harness.version", missing)
    with pytest.raises(
        DataError, match=r"benchmarks need the package lm_eval, .* run: pip install 'seapo\[evaluate\]'"
    ):
        require_lm_eval()
