"""The whole stage: which candidate becomes the negative, what happens to the others, and what is counted."""

import json
import os
import subprocess
import sys

import pytest

from seapo import sandbox
from seapo.journal import Journal
from seapo.recipe import VerifySection
from seapo.records import NumberTruth, Skip, UnitTestTruth
from seapo.verify import CHECKS, verify_candidates

SUM = (
    "Each of 4 nets holds 6 eggs, so there are 4 * 6 = 24 eggs in Lyon. He eats 3 of them.\nThus 24 - 3 = 21 remain.\n"
    "#### 21"
)
TYPES = ("correctness", "logic", "hallucination")


@pytest.fixture(scope="module")
def sample(make_sample):
    return make_sample(SUM, truth=NumberTruth(value="21"))


def verify(samples, candidates, *, skips=(), settings=None, error_types=TYPES, **keywords):
    return verify_candidates(
        samples, candidates, skips, settings or VerifySection(), error_types=error_types, **keywords
    )


def test_the_first_candidate_by_rank_that_passes_becomes_the_negative(sample, make_candidate):
    candidates = [
        make_candidate(sample, SUM.replace("remain", "are left over for him"), rank=0),
        make_candidate(sample, SUM.replace("= 24 eggs", "= 28 eggs"), rank=2),
        make_candidate(sample, SUM.replace("= 24 eggs", "= 26 eggs"), rank=1),
    ]
    result = verify([sample], candidates, error_types=["correctness"], settings=VerifySection(balance=False))
    (negative,) = result.negatives
    assert negative.text == candidates[2].text
    assert (negative.verdict.status, negative.verdict.proofs) == ("proved", ("arithmetic",))
    assert 0 < negative.edit_ratio < 0.05
    assert [each.candidate.rank for each in result.dropped] == [0]
    assert {check.check for check in negative.verdict.checks} == set(CHECKS)


def test_each_type_gets_its_own_negative_and_status(sample, make_candidate):
    candidates = [
        make_candidate(sample, SUM.replace("in Lyon", "in Nice"), "correctness"),
        make_candidate(sample, SUM.replace("#### 21", "#### 24"), "logic"),
        make_candidate(sample, SUM.replace("in Lyon", "in Lyon, says Berta Quint's diary of 1911"), "hallucination"),
    ]
    result = verify([sample], candidates)
    assert [(each.error_type, each.verdict.status) for each in result.negatives] == [
        ("correctness", "constructed"), ("logic", "proved"), ("hallucination", "constructed"),
    ]  # fmt: skip
    assert result.skips == []
    assert result.summary.accepted == dict.fromkeys(TYPES, 1)
    assert result.summary.proofs["logic"] == {"contradiction": 1, "final_answer": 1}


def test_a_text_that_a_sibling_has_is_dropped(sample, make_candidate):
    text = SUM.replace("#### 21", "#### 24")
    result = verify([sample], [make_candidate(sample, text, "correctness"), make_candidate(sample, text, "logic")])
    assert [each.error_type for each in result.negatives] == ["correctness"]
    (dropped,) = result.dropped
    assert [each.check for each in dropped.failed] == ["duplicate"]


def test_what_is_not_accepted_is_dropped(sample, make_candidate):
    candidate = make_candidate(sample, SUM.replace("in Lyon", "in Nice"))
    strict = verify([sample], [candidate], settings=VerifySection(accept=("proved",)), error_types=["correctness"])
    assert strict.negatives == []
    assert [(each.check, each.evidence) for each in strict.dropped[0].failed] == [
        ("accept", "its status is constructed, accepted are: proved")
    ]
    vague = make_candidate(sample, SUM.replace("He eats 3 of them", "His dinner takes 3 of them"))
    lenient = VerifySection(accept=("proved", "constructed", "unverified"), max_edit_ratio=0.9)
    outcomes = verify([sample], [vague], settings=lenient, error_types=["correctness"])
    assert [each.verdict.status for each in outcomes.negatives] == ["unverified"]


def test_samples_without_a_negative_are_skipped_with_the_most_frequent_failure(sample, make_candidate):
    candidates = [
        make_candidate(sample, SUM.replace("remain", "stay"), rank=0),
        make_candidate(sample, SUM.replace("remain", "abide"), rank=1),
        make_candidate(sample, SUM.upper(), rank=2),
    ]
    given = [Skip(sample_id=sample.id, error_type="logic", stage="inject", reason="no step can be exchanged")]
    result = verify([sample], candidates, skips=given)
    assert [(skip.error_type, skip.stage, skip.reason) for skip in result.skips] == [
        ("correctness", "verify", "every candidate failed a check, most often type_applies"),
        ("logic", "inject", "no step can be exchanged"),
        ("hallucination", "verify", "nothing was proposed"),
    ]
    assert result.summary.without_negative["logic"] == {"no step can be exchanged": 1}
    assert result.summary.dropped_candidates["correctness"] == {"changed": 1, "edit_ratio": 1, "type_applies": 2}


def test_a_sample_whose_chosen_answer_is_wrong_is_set_aside(make_sample, make_candidate):
    good = make_sample(SUM, truth=NumberTruth(value="21"), id="good")
    bad = make_sample(SUM.replace("= 21", "= 20"), id="bad")
    candidates = [make_candidate(each, each.chosen.replace("= 24 eggs", "= 26 eggs")) for each in (bad, good)]
    result = verify([bad, good], candidates, error_types=["correctness"])
    assert [negative.sample_id for negative in result.negatives] == ["good"]
    assert [(each.sample_id, each.error_type, each.stage) for each in result.set_aside] == [("bad", "*", "verify")]
    assert result.summary.set_aside_samples == {"the chosen answer holds a false equation": 1}
    assert result.skips == []


def test_every_sample_and_type_is_accounted_for(make_sample, make_candidate):
    samples = [make_sample(SUM.replace("6 eggs", f"6 eggs and {n} pans"), id=f"s{n}") for n in range(2, 8)]
    samples.append(make_sample("It is 1 + 1 = 3.", id="wrong"))
    candidates = [make_candidate(each, each.chosen.replace("= 24 eggs", "= 26 eggs")) for each in samples[:4]]
    result = verify(samples, candidates)
    for error_type in TYPES:
        without = sum(result.summary.without_negative[error_type].values())
        aside = sum(result.summary.set_aside_samples.values())
        assert result.summary.asked[error_type] == result.summary.accepted[error_type] + without + aside


def test_the_order_of_candidates_makes_no_difference(sample, make_candidate):
    texts = [SUM.replace("remain", "stay"), SUM.replace("= 24 eggs", "= 26 eggs"), SUM.replace("Lyon", "Nice")]
    candidates = [make_candidate(sample, text, rank=rank) for rank, text in enumerate(texts)]
    assert verify([sample], candidates) == verify([sample], reversed(candidates))


def test_progress_sees_every_sample(sample, make_candidate):
    seen = []

    def progress(items):
        for item in items:
            seen.append(item.id)
            yield item

    verify([sample], [], progress=progress)
    assert seen == [sample.id]


@pytest.mark.skipif(not sandbox.is_available(), reason="needs bubblewrap (apt-get install bubblewrap)")
def test_a_second_call_runs_no_test_again(make_sample, make_candidate, tmp_path, monkeypatch):
    chosen = "```python\ndef f(n):\n    return n + 1\n```"
    sample = make_sample(chosen, truth=UnitTestTruth(tests="assert f(1) == 2"))
    candidates = [
        make_candidate(sample, chosen.replace("n + 1", body), rank=n) for n, body in enumerate(["1 + n", "n - 1"])
    ]
    with Journal(tmp_path / "journal.db") as journal:
        first = verify([sample], candidates, error_types=["correctness"], journal=journal)
        assert journal.counts() == {"unit_tests": 3}
        monkeypatch.setenv("PATH", str(tmp_path))
        second = verify([sample], candidates, error_types=["correctness"], journal=journal)
    assert first == second
    assert [negative.verdict.proofs for negative in first.negatives] == [("unit_tests",)]
    assert first.summary.dropped_candidates["correctness"] == {"unit_tests": 1}


def test_records_survive_the_way_to_disk_and_back(sample, make_candidate):
    result = verify([sample], [make_candidate(sample, SUM.replace("= 24 eggs", "= 26 eggs"))])
    for record in (*result.negatives, *result.skips, result.summary):
        assert type(record).model_validate(json.loads(record.model_dump_json())) == record


PLUG_IN = """
from seapo.verify import Check
from seapo.verify.check import failed, passed

def judge(sample, candidate, settings):
    return failed("no_lyon", "it names Lyon") if "Lyon" in candidate.text else passed("no_lyon", "it does not")

no_lyon = Check(judge, is_proof=True)
"""
USE = """
import sys
from seapo.recipe import VerifySection
from seapo.records import Candidate, Sample
from seapo.verify import verify_candidates

sample, *candidates = sys.stdin.read().splitlines()
result = verify_candidates(
    [Sample.model_validate_json(sample)], [Candidate.model_validate_json(line) for line in candidates], [],
    VerifySection(), error_types=["correctness"],
)
print(*(negative.rank for negative in result.negatives), *(negative.verdict.proofs for negative in result.negatives))
"""


def test_a_check_of_an_installed_package_is_asked_too(sample, make_candidate, tmp_path):
    package = tmp_path / "lyon-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: lyon\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[seapo.checks]\nno_lyon = lyon:no_lyon\n")
    (tmp_path / "lyon.py").write_text(PLUG_IN)
    texts = [SUM.replace("= 24 eggs", "= 26 eggs"), SUM.replace("Lyon", "Nice")]
    candidates = [make_candidate(sample, text, rank=rank) for rank, text in enumerate(texts)]
    lines = "\n".join(record.model_dump_json() for record in (sample, *candidates))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", USE], input=lines, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 ('no_lyon',)\n"
