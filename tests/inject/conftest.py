"""What the tests of the injection rules share: samples of one sentence or two, and what a rule makes of them."""

from collections.abc import Callable
from random import Random

import pytest

from seapo.inject.draft import Rule
from seapo.inject.passage import Passage
from seapo.records import Message, Sample, Truth, apply_edits


@pytest.fixture(scope="session")
def make_sample() -> Callable[..., Sample]:
    """A factory of samples: the answer, the question, and what is known of the answer."""

    def make(
        answer: str, question: str = "What is known about it?", truth: Truth | None = None, id: str = "s1"
    ) -> Sample:
        prompt = (Message(role="user", content=question),)
        return Sample(id=id, source="test", line=1, prompt=prompt, chosen=answer, truth=truth)

    return make


@pytest.fixture(scope="session")
def outcomes(make_sample) -> Callable[..., set[str]]:
    """All texts that a rule makes of an answer, over several seeds."""

    def run(rule: Rule, answer: str, question: str = "What is known about it?", truth: Truth | None = None) -> set[str]:
        sample = make_sample(answer, question, truth)
        found = set()
        for seed in range(8):
            for draft in rule(Passage(sample), Random(seed)):
                found.add(apply_edits(answer, draft.edits))
        return found

    return run
