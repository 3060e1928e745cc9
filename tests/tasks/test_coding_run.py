"""Programs and their tests in the sandbox, hostile ones included; pass@k against counting."""

import ast
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from seapo import sandbox
from seapo.errors import SandboxError
from seapo.tasks import coding_run
from seapo.tasks.coding_data import HUMAN_EVAL, MBPP, MBPP_SANITIZED, read_items
from seapo.tasks.coding_run import Program, pass_at_k, passes, run_all

REASON = sandbox.why_unavailable()
needs_sandbox = pytest.mark.skipif(
    REASON is not None, reason=f"needs bubblewrap (apt-get install bubblewrap): {REASON}"
)
TESTS = "def check(candidate):\n    assert candidate(2) == 3\n    assert candidate(-1) == 0\ncheck(increment)"
RIGHT = "def increment(x):\n    return x + 1\n"


def test_pass_at_k_is_the_share_of_choices_of_k_samples_that_hold_one_that_passes():
    for samples in range(1, 8):
        for passed in range(samples + 1):
            outcomes = [True] * passed + [False] * (samples - passed)
            for k in range(1, samples + 1):
                chosen = list(itertools.combinations(outcomes, k))
                assert pass_at_k(samples, passed, k) == sum(map(any, chosen)) / len(chosen)


def test_pass_at_k_of_values_worked_out_by_hand():
    # 1 - C(19, 10) / C(20, 10) = 1 - 92378 / 184756
    assert pass_at_k(20, 1, 10) == 0.5
    # 1 - C(18, 10) / C(20, 10) = 1 - 43758 / 184756 = 1 - 9 / 38
    assert pass_at_k(20, 2, 10) == 29 / 38
    assert pass_at_k(20, 0, 10) == 0.0
    assert pass_at_k(20, 11, 10) == 1.0
    assert [pass_at_k(1, passed, 1) for passed in (0, 1)] == [0.0, 1.0]


@pytest.mark.parametrize(("samples", "passed", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 6), (5, 1, 0)])
def test_pass_at_k_is_refused_where_it_is_not_defined(samples, passed, k):
    with pytest.raises(ValueError, match=f"pass@{k} of {samples} samples"):
        pass_at_k(samples, passed, k)


@needs_sandbox
def test_each_program_is_run_once_and_has_its_own_verdict(monkeypatch):
    ran = []
    real = sandbox.run_python
    monkeypatch.setattr(sandbox, "run_python", lambda code, **options: ran.append(code) or real(code, **options))
    wrong = [Program(f"def increment(x):\n    return x + {number}\n", TESTS) for number in range(2, 6)]
    programs = [Program(RIGHT, TESTS), *wrong, Program(RIGHT, TESTS), Program(RIGHT, "assert increment(1) == 3")]
    verdicts = run_all(programs)
    assert [verdicts[program] for program in programs] == [True, False, False, False, False, True, False]
    assert sorted(ran) == sorted([RIGHT, RIGHT, *(program.code for program in wrong)])
    assert run_all([]) == {}


@needs_sandbox
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("", id="nothing"),
        pytest.param("def increment(x):\n    return x + 2\n", id="wrong"),
        pytest.param("def increment(x):\n    return x + 1\n\nincrement(", id="cut off"),
        pytest.param("import sys\nsys.exit(0)\n", id="exits"),
        pytest.param("def increment(x):\n    import os\n    os._exit(0)\n", id="exits when it is called"),
        pytest.param(f"{RIGHT}\nimport os\nos.fork()\n", id="forks"),
        pytest.param(f"{RIGHT}\nimport subprocess\nsubprocess.run(['true'])\n", id="starts a program"),
        pytest.param(f"{RIGHT}\nimport socket\nsocket.create_server(('127.0.0.1', 0))\n", id="opens a socket"),
        pytest.param(f"{RIGHT}\nopen('/etc/passwd').read()\n", id="reads a file"),
        pytest.param(f"{RIGHT}\nx = bytearray(2**30)\n", id="takes memory"),
        pytest.param(f"{RIGHT}\ninput()\n", id="waits for input"),
        pytest.param("def increment(x):\n    return increment(x)\n", id="recurses"),
        pytest.param("print('passed' * 1000)\nprint('0')\nimport sys\nsys.exit(77)", id="prints what may be a sign"),
        pytest.param(f"{RIGHT}\ndef check(candidate): pass\nraise SystemExit", id="brings tests of its own"),
    ],
)
def test_a_program_that_does_not_pass_its_tests_does_not_pass(code):
    assert not passes(Program(code, TESTS))


@needs_sandbox
@pytest.mark.parametrize(
    "code",
    [
        "def increment(x):\n    while True: pass\n",
        "while True: print('x' * 1000)\n",
        "import threading\nfor _ in range(4): threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()\n"
        "while True: pass",
        "def increment(x):\n    return 9 ** 9 ** 9 ** 9\n",
    ],
)
def test_a_program_without_an_end_is_stopped(code, monkeypatch):
    monkeypatch.setattr(coding_run, "CPU_S", 1)
    assert not passes(Program(code, TESTS))


@needs_sandbox
def test_a_program_that_sleeps_is_stopped(monkeypatch):
    monkeypatch.setattr(coding_run, "WALL_S", 0.5)
    assert not passes(Program("import time\ntime.sleep(60)\n", TESTS))


@needs_sandbox
def test_what_a_program_prints_or_leaves_behind_does_not_matter():
    code = "import atexit, os, threading, time\natexit.register(os._exit, 1)\nprint('x' * 10**6)\n"
    assert passes(Program(f"{code}threading.Thread(target=time.sleep, args=(60,)).start()\n{RIGHT}", TESTS))
    main = "if __name__ == '__main__':\n    raise SystemExit\n"
    assert passes(Program(f"{RIGHT}{main}", TESTS))


def test_without_a_sandbox_nothing_runs_unless_it_is_allowed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="no program bwrap"):
        run_all([Program(RIGHT, TESTS)])
    programs = [Program(code, TESTS) for code in (RIGHT, "import os\nos._exit(0)", "def increment(x): return 0")]
    assert list(run_all(programs, allow_unsandboxed=True).values()) == [True, False, False]


@needs_sandbox
@pytest.mark.parametrize(
    ("benchmark", "step"), [(HUMAN_EVAL, 20), (MBPP, 60), (MBPP_SANITIZED, 60)], ids=["humaneval", "mbpp", "sanitized"]
)
def test_solutions_of_the_authors_pass_and_broken_ones_fail(benchmark, step, data_dir):
    items = read_items(benchmark, data_dir)[step // 2 :: step]
    right = [Program(benchmark.solution(item), benchmark.tests(item)) for item in items]
    broken = [Program(with_other_results(program.code), program.tests) for program in right]
    verdicts = run_all(right + broken)
    assert [item["task_id"] for item, program in zip(items, right, strict=True) if not verdicts[program]] == []
    assert [item["task_id"] for item, program in zip(items, broken, strict=True) if verdicts[program]] == []


@needs_sandbox
def test_tests_that_need_the_authors_preparation_have_it(data_dir):
    """MBPP's 367 tests trees that its setup code builds; without it, no program can pass."""
    (item,) = [item for item in read_items(MBPP, data_dir) if item["task_id"] == 367]
    assert item["test_setup_code"].startswith("root = Node(1)")
    assert passes(Program(item["code"], MBPP.tests(item)))
    assert not passes(Program(item["code"], "\n".join(item["test_list"])))


class OtherResults(ast.NodeTransformer):
    """Turns every value that a program returns into a list that holds it."""

    def visit_Return(self, node):
        return ast.Return(ast.List([node.value or ast.Constant(None)], ast.Load()))


def with_other_results(code):
    return ast.unparse(ast.fix_missing_locations(OtherResults().visit(ast.parse(code))))


def test_it_loads_no_torch_and_no_lm_eval():
    heavy = ("torch", "lm_eval", "datasets", "numpy")
    code = f"import sys; import seapo.tasks.coding; sys.exit(any(name in sys.modules for name in {heavy}))"
    folder = str(Path(coding_run.__file__).parents[2])
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=folder).returncode == 0
    assert subprocess.run([sys.executable, "-c", f"import numpy; {code}"], check=False, cwd=folder).returncode == 1
