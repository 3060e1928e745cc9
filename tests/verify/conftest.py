"""Samples and candidates for the tests of the checks."""

from collections.abc import Callable
from itertools import takewhile

import pytest

from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Edit, Message, Sample, Truth
from seapo.verify import CHECKS

MakeSample = Callable[..., Sample]
MakeCandidate = Callable[..., Candidate]
Judge = Callable[..., CheckResult]


def shared(left: str, right: str) -> int:
    """Number of characters at the start of both."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def one_edit(chosen: str, text: str) -> tuple[Edit, ...]:
    """The edit between what two texts have in common at their start and end."""
    head = shared(chosen, text)
    tail = shared(chosen[head:][::-1], text[head:][::-1])
    original, replacement = chosen[head : len(chosen) - tail], text[head : len(text) - tail]
    return (Edit(start=head, end=head + len(original), original=original, replacement=replacement),)


@pytest.fixture(scope="session")
def make_sample() -> MakeSample:
    def make(chosen: str, *, question: str = "Tell me.", truth: Truth | None = None, id: str = "s1") -> Sample:
        prompt = (Message(role="user", content=question),)
        return Sample(id=id, source="test", line=1, prompt=prompt, chosen=chosen, truth=truth)

    return make


@pytest.fixture(scope="session")
def make_candidate() -> MakeCandidate:
    def make(sample: Sample, text: str, error_type: str = "correctness", *, rank: int = 0) -> Candidate:
        return Candidate(
            sample_id=sample.id,
            error_type=error_type,
            subtype="any",
            strategy="test",
            injector="test",
            rank=rank,
            text=text,
            edits=one_edit(sample.chosen, text),
            logprob_nats=-1.0,
            chosen_logprob_nats=-1.0,
        )

    return make


@pytest.fixture(scope="session")
def judge(make_sample: MakeSample, make_candidate: MakeCandidate) -> Judge:
    """Put one check to a negative of a chosen answer."""

    def put(
        check: str,
        chosen: str,
        text: str,
        error_type: str = "correctness",
        *,
        question: str = "Tell me.",
        truth: Truth | None = None,
        settings: VerifySection | None = None,
    ) -> CheckResult:
        sample = make_sample(chosen, question=question, truth=truth)
        result = CHECKS[check](sample, make_candidate(sample, text, error_type), settings or VerifySection())
        assert result.check == check
        assert result.evidence
        return result

    return put
