"""Several processes at work on the samples: the same results, a journal that all of them use, and nothing left over."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from seapo.inject import inject
from seapo.journal import Journal
from seapo.model import ChatScorer
from seapo.model.embedded import NAME
from seapo.recipe import InjectSection, Recipe
from seapo.tasks.starter import training_samples
from seapo.trained import load_scorer

RULES = InjectSection(strategies=("rule",), rank_by="none", candidates_per_type=2)
MODEL = InjectSection(candidates_per_type=2, error_types=("correctness",))


def load(recipe):
    return partial(load_scorer, recipe, dtype="float32")


def no_model(recipe):
    """Fails where it is loaded; other processes can import it, as they could not a function of this file."""
    return load(recipe.model_copy(update={"model": recipe.model.model_copy(update={"name": "/no/such/model"})}))


def beside(settings, workers):
    return settings.model_copy(update={"workers": workers})


def test_rules_give_the_same_in_two_processes():
    samples = list(training_samples())[:40]
    alone = list(inject(samples, RULES, seed=0))
    assert list(inject(samples, beside(RULES, 2), seed=0)) == alone
    assert [result.sample_id for result in alone] == [sample.id for sample in samples]


def test_two_processes_with_a_model_each_give_what_one_gives(embedded, tmp_path):
    """Three samples are two tasks, one for each process."""
    samples = sorted(training_samples(), key=lambda sample: len(sample.chosen) + len(sample.question))[:3]
    arguments = {"seed": 0, "fingerprint": "f"}
    recipe = Recipe.model_validate({"name": "run", "data": {"path": "starter"}})
    alone = list(inject(samples, MODEL, scorer=ChatScorer(*embedded, NAME, "f"), **arguments))
    with Journal(tmp_path / "journal.sqlite") as journal:
        two = list(inject(samples, beside(MODEL, 2), scorer=load(recipe), journal=journal, **arguments))
        assert journal.counts() == {"inject": len(samples)}
        again = list(inject(samples, beside(MODEL, 2), scorer=no_model(recipe), journal=journal, **arguments))
    assert again == two
    assert any(result.candidates for result in alone)
    assert [shape(result) for result in two] == [shape(result) for result in alone]
    values = [[c.logprob_nats for result in results for c in result.candidates] for results in (alone, two)]
    assert values[1] == pytest.approx(values[0], abs=5e-4)


def shape(result):
    return result.sample_id, [(c.text, c.rank, c.severity) for c in result.candidates], result.skips, result.reader


SLEEPERS = """
import sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import getpid
from seapo.parallel import end_with_parent

if __name__ == "__main__":
    initializer = end_with_parent if sys.argv[1] == "guarded" else None
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=initializer)
    print(pool.submit(getpid).result(), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize(("kind", "is_gone"), [("guarded", True), ("unguarded", False)])
def test_a_process_ends_with_the_one_that_started_it_though_that_be_killed(tmp_path, kind, is_gone):
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    parent = subprocess.Popen([sys.executable, script, kind], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    try:
        assert waited_for(child, 20 if is_gone else 3) == is_gone
    finally:
        if is_alive(child):
            os.kill(child, signal.SIGKILL)


def waited_for(process, seconds):
    """Whether a process was gone in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and is_alive(process):
        time.sleep(0.05)
    return not is_alive(process)


def is_alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
