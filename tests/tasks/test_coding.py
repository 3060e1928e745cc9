"""HumanEval and MBPP as tasks: their data, their prompts against lm-evaluation-harness's own, and scores of replies."""

import gzip
import json
import sys
import types
from functools import partial
from pathlib import Path

import pytest

from seapo import sandbox
from seapo.errors import DataError, SandboxError
from seapo.tasks import coding_prompts, coding_run
from seapo.tasks.coding import SAMPLED, all_coding_tasks, coding_tasks
from seapo.tasks.coding_data import HUMAN_EVAL, MBPP, MBPP_SANITIZED, read_items
from seapo.tasks.coding_prompts import finders, read_config

pytest.importorskip("lm_eval", reason="needs the package lm-eval")
REASON = sandbox.why_unavailable()
needs_sandbox = pytest.mark.skipif(
    REASON is not None, reason=f"needs bubblewrap (apt-get install bubblewrap): {REASON}"
)
NAMES = {"paper": ("humaneval", "mbpp"), "chat": ("humaneval_instruct", "mbpp_instruct")}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"
FILES = ("humaneval/HumanEval.jsonl.gz", "mbpp/mbpp.jsonl.gz", "mbpp/sanitized-mbpp.json")


def human_eval_row(number):
    add, tested = f"add_{number}", "    assert candidate({}) == {}\n"
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": f'def {add}(x):\n    """Add {number}."""\n',
        "entry_point": add,
        "canonical_solution": f"    return x + {number}\n",
        "test": f"\ndef check(candidate):\n{tested.format(1, number + 1)}{tested.format(0, number)}",
    }


def mbpp_row(number):
    return {
        "task_id": number,
        "text": f"Write a function to multiply by {number}.",
        "code": f"def times_{number}(x):\r\n  return x * {number}",
        "test_setup_code": "one = 1" if number == 12 else "",
        "test_list": [f"assert times_{number}({'one' if number == 12 else x}) == {number * x}" for x in (1, 1, 1)],
        "challenge_test_list": [],
    }


def sanitized_row(number):
    row = mbpp_row(number)
    return {
        "source_file": "own",
        "task_id": number,
        "prompt": row["text"],
        "code": row["code"],
        "test_imports": ["import math"],
        "test_list": [f"assert times_{number}(math.floor({x}.5)) == {number * x}" for x in (1, 2, 3, 4)],
    }


def own_rows():
    return {
        FILES[0]: [human_eval_row(number) for number in range(164)],
        FILES[1]: [mbpp_row(number) for number in range(1, 975)],
        FILES[2]: [sanitized_row(number) for number in [*range(1, 268), *range(600, 760)]],
    }


def write(folder, rows):
    for name, content in rows.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        lines = "".join(f"{json.dumps(row)}\n" for row in content)
        path.write_bytes(gzip.compress(lines.encode()) if name.endswith(".gz") else json.dumps(content).encode())
    return folder


@pytest.fixture(scope="module")
def own_dir(tmp_path_factory):
    """A data folder with rows of our own, as many as the real files have."""
    return write(tmp_path_factory.mktemp("data"), own_rows())


class TestData:
    def test_only_the_test_items_are_asked(self, own_dir):
        read = {benchmark.name: read_items(benchmark, own_dir) for benchmark in (HUMAN_EVAL, MBPP, MBPP_SANITIZED)}
        assert {name: len(rows) for name, rows in read.items()} == {
            "humaneval": 164,
            "mbpp": 500,
            "mbpp_sanitized": 257,
        }
        assert [row["task_id"] for row in read["mbpp"]] == list(range(11, 511))
        assert read["mbpp_sanitized"][0]["text"] == "Write a function to multiply by 11."

    def test_tests_come_with_what_they_need(self, own_dir):
        assert HUMAN_EVAL.tests(human_eval_row(3)).endswith("assert candidate(0) == 3\n\ncheck(add_3)")
        assert MBPP.tests(mbpp_row(11)) == "\n".join(mbpp_row(11)["test_list"])
        assert MBPP.tests(mbpp_row(12)).startswith("one = 1\nassert times_12(one) == 12")
        assert MBPP_SANITIZED.tests(sanitized_row(11)).splitlines()[::4] == [
            "import math",
            "assert times_11(math.floor(4.5)) == 44",
        ]

    @pytest.mark.parametrize("benchmark", [HUMAN_EVAL, MBPP, MBPP_SANITIZED], ids=lambda benchmark: benchmark.name)
    def test_a_missing_file_is_named(self, benchmark, tmp_path):
        with pytest.raises(DataError, match=rf"{benchmark.file.path} is missing: put .* there"):
            read_items(benchmark, tmp_path)

    @pytest.mark.parametrize("name", FILES)
    def test_a_file_with_another_number_of_rows_is_named(self, name, tmp_path):
        rows = own_rows()[name][1:]
        with pytest.raises(DataError, match=rf"{name}: holds {len(rows)} rows, expected {len(rows) + 1}"):
            read_items(by_file(name), write(tmp_path, {name: rows}))

    @pytest.mark.parametrize(
        ("name", "field"), [(FILES[0], "entry_point"), (FILES[1], "test_list"), (FILES[2], "test_imports")]
    )
    def test_a_row_without_a_field_is_named(self, name, field, tmp_path):
        rows = own_rows()[name]
        del rows[2][field]
        with pytest.raises(DataError, match=rf"{name}, row 3: lacks {field}"):
            read_items(by_file(name), write(tmp_path, {name: rows}))

    def test_other_items_of_the_same_number_are_named(self, tmp_path):
        rows = own_rows()[FILES[1]]
        rows[100]["task_id"] = 900
        with pytest.raises(DataError, match=r"mbpp: .* gives 499 test items, expected 500; it is another version"):
            read_items(MBPP, write(tmp_path, {FILES[1]: rows}))

    def test_without_a_folder_the_hub_is_asked_and_its_silence_explained(self, monkeypatch):
        import datasets

        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(
            DataError, match=r"openai/openai_humaneval cannot be loaded .* set evaluate\.data_dir and put"
        ):
            read_items(HUMAN_EVAL, None)

    def test_rows_of_the_hub_are_those_of_the_file(self, own_dir, monkeypatch):
        """The data sets of the hub have a split `test`, which `datasets` gives; here it gives our rows."""
        import datasets

        def load_dataset(hub_id, config, *, split):
            assert (hub_id, config, split) == ("google-research-datasets/mbpp", "full", "test")
            return datasets.Dataset.from_list([mbpp_row(number) for number in range(11, 511)])

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        assert read_items(MBPP, None) == read_items(MBPP, own_dir)

    def test_the_real_files_are_read_whole(self, data_dir):
        counts = [len(read_items(benchmark, data_dir)) for benchmark in (HUMAN_EVAL, MBPP, MBPP_SANITIZED)]
        assert counts == [164, 500, 257]


def by_file(name):
    return next(benchmark for benchmark in (HUMAN_EVAL, MBPP, MBPP_SANITIZED) if benchmark.file.path == name)


@pytest.fixture
def original(monkeypatch):
    """lm-evaluation-harness's own task under a name, over given rows; its metric comes from the hub and is left out."""
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks import _yaml_loader as loader

    metric = types.SimpleNamespace(compute=lambda **_: ({"pass@1": 0.0}, {}))
    monkeypatch.setitem(sys.modules, "evaluate", types.SimpleNamespace(load=lambda name: metric))
    for folder in ("humaneval", "mbpp"):
        monkeypatch.delitem(sys.modules, f"lm_eval.tasks.{folder}.utils", raising=False)

    def load(name, rows):
        import datasets

        path = Path(loader.__file__).parent / name.partition("_")[0] / f"{name}.yaml"
        splits = {"test": datasets.Dataset.from_list(rows)}
        return ConfigurableTask(config=loader.load_yaml(path) | {"custom_dataset": lambda **_: splits})

    yield load
    for folder in ("humaneval", "mbpp"):
        sys.modules.pop(f"lm_eval.tasks.{folder}.utils", None)


def requests_of(task, places, *, is_chat):
    """What a task asks of the items at some places: prompts, and settings of generation."""

    def template(messages, add_generation_prompt):
        return json.dumps([messages, add_generation_prompt])

    options = {"apply_chat_template": True, "fewshot_as_multiturn": True, "chat_template": template} if is_chat else {}
    task.set_fewshot_seed(1234)
    task.build_all_requests(samples=list(places), **options)
    return [instance.args for instance in task.instances]


REPLIES = (
    "",
    "    return 1\n",
    "\ndef f(x):\n  return x\n```\nThat is it.\n```python\ndef g(): pass\n```",
    "def f(x):\n  return x\n```",
    "```python\ndef f(x):\n  return x\n```",
    "python\nx = 1\n```",
    "\nx = 1\n\n```",
    "no end ``",
    "`` ` ``` ````",
    "```",
    "``````",
    "Sure:\n```\nx = 1\n```\n```\ny = 2\n```",
    "\r\nx = 1\r\n```",
)


class TestPrompts:
    @pytest.mark.parametrize(("protocol", "place"), [("paper", 0), ("paper", 1), ("chat", 0), ("chat", 1)])
    @pytest.mark.parametrize("source", ["own_dir", "data_dir"])
    def test_they_are_those_of_lm_evaluation_harness(self, protocol, place, source, original, request):
        folder = request.getfixturevalue(source)
        ours = list(coding_tasks(protocol, allow_unsandboxed=True))[place]
        benchmark = (HUMAN_EVAL, MBPP)[place]
        theirs = original(ours.name, read_items(benchmark, folder))
        task = ours.build(folder, protocol)
        places = range(0, benchmark.asked, 25)
        asked = requests_of(task, places, is_chat=protocol == "chat")
        assert asked == requests_of(theirs, places, is_chat=protocol == "chat")
        assert len({prompt for prompt, _ in asked}) == len(places)
        assert (task.config.num_fewshot, task.config.metadata) == (theirs.config.num_fewshot, theirs.config.metadata)
        assert theirs._filters[0].name in [each.name for each in task._filters]

    def test_three_examples_stand_before_a_question_of_mbpp(self, own_dir):
        task = all_coding_tasks(allow_unsandboxed=True)["mbpp"].build(own_dir, "paper")
        prompt, settings = requests_of(task, [0], is_chat=False)[0]
        assert prompt.count("[BEGIN]") == 4
        assert prompt.count("[DONE]") == 3
        assert prompt.endswith("assert times_11(1) == 11\n[BEGIN]\n")
        assert settings == {"until": ["[DONE]"], "do_sample": False}

    @pytest.mark.parametrize("protocol", ["paper", "chat"])
    @pytest.mark.parametrize("benchmark", [HUMAN_EVAL, MBPP], ids=lambda benchmark: benchmark.name)
    def test_the_program_in_a_reply_is_theirs(self, protocol, benchmark, original, own_dir):
        rows = read_items(benchmark, own_dir)[: len(REPLIES)]
        theirs = original(NAMES[protocol][benchmark is MBPP], rows)
        (filters,) = theirs._filters
        find = finders(benchmark.prompts, protocol)[filters.name]
        programs = [reply for (reply,) in applied(filters, rows)]
        assert [find(reply, row) for reply, row in zip(REPLIES, rows, strict=True)] == programs
        assert len(set(programs)) > 5

    @pytest.mark.parametrize(
        ("reply", "program"),
        [
            ("def f(x):\n  return x\n```", "def f(x):\n  return x\n"),
            ("\ndef f(x):\n  return x\n```\nThat is it.\n```python\ng()\n```", "\ndef f(x):\n  return x\n"),
            ("```python\ndef f(x):\n  return x\n```\nThat is it.", "def f(x):\n  return x\n"),
            ("\n```\r\nimport re\n```", "import re\n"),
            ("python\nimport re\n```", "import re\n"),
            ("def f(x):\n  return x", "def f(x):\n  return x"),
            ("pyramid\n", "pyramid\n"),
            ("```", ""),
            ("", ""),
        ],
    )
    def test_a_reply_goes_on_in_a_block_that_the_prompt_has_opened(self, reply, program):
        assert finders("mbpp", "chat")["open_block"](reply, {}) == program

    def test_the_first_word_of_a_program_is_no_language(self):
        """Why the block's rest decides, and not what lm-evaluation-harness finds."""
        found = {name: find("def f(x):\n  return x\n```", {}) for name, find in finders("mbpp", "chat").items()}
        assert list(found.items()) == [
            ("open_block", "def f(x):\n  return x\n"),
            ("extract_code", " f(x):\n  return x"),
        ]

    def test_without_lm_eval_the_error_says_how_to_install_it(self, monkeypatch):
        def files(name):
            raise ModuleNotFoundError(name)

        monkeypatch.setattr(coding_prompts, "files", files)
        with pytest.raises(DataError, match=r"lm_eval, which is not installed; run: pip install"):
            read_config("mbpp", "paper")

    def test_a_version_without_the_task_is_named(self, monkeypatch, tmp_path):
        monkeypatch.setattr(coding_prompts, "files", lambda name: tmp_path)
        with pytest.raises(DataError, match=r"lm_eval [\d.]+ holds no tasks/humaneval/humaneval_instruct\.yaml"):
            read_config("humaneval", "chat")


def applied(filters, rows):
    """What lm-evaluation-harness's filters make of the replies, as a list of one program each."""
    from lm_eval.api.instance import Instance

    instances = [Instance("generate_until", row, ("", {}), 0) for row in rows]
    for instance, reply in zip(instances, REPLIES, strict=True):
        instance.resps.append(reply)
    filters.apply(instances)
    found = [instance.filtered_resps[filters.name] for instance in instances]
    return [[each] if isinstance(each, str) else each for each in found]


class TestTasks:
    def test_their_names_are_those_of_lm_evaluation_harness_where_it_has_them(self):
        known = all_coding_tasks()
        for protocol, names in NAMES.items():
            assert tuple(task.name for task in coding_tasks(protocol)) == names
            assert set(names) | {f"{name}_pass10" for name in names} < set(known)
        assert {task.dimension for task in known.values()} == {"coding"}
        assert all(name == task.name for name, task in known.items())
        assert len(known) == 12

    def test_the_paper_s_samples(self, own_dir):
        task = all_coding_tasks(allow_unsandboxed=True)["humaneval_pass10"].build(own_dir, "paper")
        assert task.config.repeats == 20
        assert task.config.generation_kwargs == {
            "until": ["\nclass", "\ndef", "\n#", "\nif", "\nprint"],
            "max_gen_toks": 1024,
            "do_sample": True,
            "temperature": 0.8,
            "top_p": 0.95,
            "top_k": 0,
        }

    def test_nothing_is_asked_where_no_program_could_run(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SandboxError, match=r"no program bwrap.*evaluate\.allow_unsandboxed_code=true"):
            coding_tasks("paper")[0].build(tmp_path, "paper")

    def test_with_leave_programs_run_without_a_sandbox(self, monkeypatch, tmp_path, own_dir):
        monkeypatch.setenv("PATH", str(tmp_path))
        task = coding_tasks("paper", allow_unsandboxed=True)[0].build(own_dir, "paper")
        found = evaluated(task, {0: lambda row, number: row["canonical_solution"], 1: lambda row, number: "    pass"})
        assert values(found, "pass@1,create_test") == [1.0, 0.0]

    @needs_sandbox
    @pytest.mark.parametrize("protocol", ["paper", "chat"])
    def test_human_eval_scores_what_is_written_after_the_prompt(self, protocol, own_dir):
        fenced = "```\nThat adds." if protocol == "chat" else ""
        task = coding_tasks(protocol)[0].build(own_dir, protocol)
        found = evaluated(
            task,
            {
                0: lambda row, number: row["canonical_solution"] + fenced,
                1: lambda row, number: "    return x - 1\n" + fenced,
                2: lambda row, number: "    import sys\n    sys.exit(0)\n" + fenced,
                3: lambda row, number: "",
            },
            is_chat=protocol == "chat",
        )
        assert values(found, "pass@1,create_test") == [1.0, 0.0, 0.0, 0.0]
        assert found["results"][task.config.task]["pass@1,create_test"] == 0.25
        assert [sample["doc"]["task_id"] for sample in found["samples"][task.config.task]][:2] == [
            "HumanEval/0",
            "HumanEval/1",
        ]

    @needs_sandbox
    @pytest.mark.parametrize(
        ("protocol", "name", "key"),
        [("paper", "mbpp", "pass@1,none"), ("chat", "mbpp_sanitized_instruct", "pass@1,open_block")],
    )
    def test_mbpp_scores_the_whole_program(self, protocol, name, key, own_dir):
        shown = "{code}" if protocol == "paper" else "\n{code}\n```\nThat multiplies."
        task = all_coding_tasks()[name].build(own_dir, protocol)
        right = partial(shown.format_map)
        replies = {
            0: lambda row, number: right(row),
            1: lambda row, number: right(row).lstrip("\n"),
            2: lambda row, number: right({"code": "def times_13(x):\n  return x"}),
        }
        found = evaluated(task, replies, is_chat=protocol == "chat")
        assert values(found, key) == [1.0, 1.0, 0.0]
        if protocol == "chat":
            assert found["results"][name]["pass@1,extract_code"] == 1 / 3

    @needs_sandbox
    def test_pass_at_10_is_estimated_from_20_samples(self, own_dir):
        task = all_coding_tasks()["humaneval_pass10"].build(own_dir, "paper")
        passing = {0: 0, 1: 1, 2: 2, 3: 11}
        replies = {
            item: lambda row, number, passed=passed: row["canonical_solution"] if number < passed else "    pass"
            for item, passed in passing.items()
        }
        assert values(evaluated(task, replies), "pass@10,create_test") == [0.0, 0.5, 29 / 38, 1.0]

    @needs_sandbox
    def test_a_real_model_answers(self, own_dir, embedded):
        from lm_eval.evaluator import evaluate
        from lm_eval.models.huggingface import HFLM

        model, tokenizer = embedded
        task = all_coding_tasks()["humaneval_instruct_pass10"].build(own_dir, "chat")
        task.set_config("generation_kwargs", {"max_gen_toks": 8}, update=True)
        task.set_config("repeats", 10)
        lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=10)
        name = "humaneval_instruct_pass10"
        found = evaluate(
            lm, {"tasks": {name: task}}, samples={name: [1]}, apply_chat_template=True, fewshot_as_multiturn=True
        )
        (sample,) = found["samples"][name]
        assert len(sample["resps"][0]) == 10
        assert all(program.startswith(sample["doc"]["prompt"]) for program in sample["filtered_resps"][0])
        assert sample["pass@10"] in (0.0, 1.0)


def test_the_page_tells_the_tasks_and_limits_of_the_code():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    limits = f"{coding_run.CPU_S} s of processor time"
    for text in (
        *FILES,
        *all_coding_tasks(),
        limits,
        f"{coding_run.WALL_S:g} s of wall time, {coding_run.MEMORY_MB} MiB",
    ):
        assert text in page or text.removesuffix("_pass10") in page
    for benchmark in (HUMAN_EVAL, MBPP, MBPP_SANITIZED):
        assert f"| `{benchmark.name}`, `{benchmark.name}_instruct` | {benchmark.asked} | greedily" in page
    assert (SAMPLED.samples, SAMPLED.k) == (20, 10)
    assert "20 samples, temperature {temperature}, nucleus {top_p} | pass@10".format(**SAMPLED.generation) in page


def scripted_model(replies):
    """A model for lm-evaluation-harness whose replies to the items of a task are given."""
    from lm_eval.api.model import LM

    class Scripted(LM):
        def generate_until(self, requests):
            asked = []
            for request in requests:
                number = sum(other is request for other in asked)
                asked.append(request)
                yield replies[request.doc_id](request.doc, number)

        def apply_chat_template(self, messages, add_generation_prompt=True):
            return json.dumps(messages)

        tokenizer_name = "scripted"
        loglikelihood = loglikelihood_rolling = None

    return Scripted()


def evaluated(task, replies, *, is_chat=False):
    """lm-evaluation-harness's result of the first items, to each of which `replies` has a function."""
    from lm_eval.evaluator import evaluate

    assert list(replies) == list(range(len(replies)))
    return evaluate(
        scripted_model(replies),
        {"tasks": {task.config.task: task}},
        limit=len(replies),
        apply_chat_template=is_chat,
        fewshot_as_multiturn=is_chat,
        bootstrap_iters=0,
    )


def values(found, key):
    (samples,) = found["samples"].values()
    metric, name = key.split(",")
    assert samples[0]["filter"] == name
    of_filter = [sample for sample in samples if sample["filter"] == name]
    return [sample[metric] for sample in sorted(of_filter, key=lambda sample: sample["doc_id"])]
