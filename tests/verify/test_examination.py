"""What a candidate is told that fails, and what status one gets that passes."""

import pytest

from seapo.recipe import VerifySection
from seapo.records import NumberTruth
from seapo.verify import examiner
from seapo.verify.check import CHECKS, Check, passed
from seapo.verify.examination import Panel, panel

SUM = "Each of 4 nets holds 6 eggs, so there are 4 * 6 = 24 eggs. He eats 3 of them.\nThus 24 - 3 = 21 remain.\n#### 21"


@pytest.fixture(scope="module")
def sample(make_sample):
    return make_sample(SUM, truth=NumberTruth(value="21"))


@pytest.mark.parametrize(
    ("text", "error_type", "said"),
    [
        (SUM, "correctness", "The answer was not changed: nothing but case"),
        (SUM.replace("He eats 3", "He eats three"), "correctness", "The answer was not changed: "),
        (SUM.replace("holds 6", "holds 7"), "correctness", "The answer is still right: its final answer is still 21"),
        (
            SUM.replace("remain", "are left"),
            "correctness",
            "Nothing shows that the change is an error: its status is un",
        ),
        (SUM.replace("remain", "stay"), "correctness", "This is no error of the type that was asked for: it may be a"),
        (SUM.replace("= 24 eggs", "= 26 eggs"), "hallucination", "This is no error of the type that was asked for: "),
        (SUM.replace("\n#### 21", ""), "correctness", "The format must stay as it was: the marker #### is gone."),
        ("I'm sorry, I cannot help with that.", "logic", "The answer must not refuse: it says"),
        (f"{SUM} Note: this is wrong.", "logic", "The answer must not talk about its error: it says"),
    ],
)
def test_a_model_is_told_in_a_sentence_what_failed(sample, make_candidate, text, error_type, said):
    told = examiner(VerifySection())(sample, make_candidate(sample, text, error_type))
    assert any(sentence.startswith(said) for sentence in told), told
    assert all(sentence.endswith(".") for sentence in told)


def test_nothing_is_said_of_what_would_be_accepted(sample, make_candidate):
    assert examiner(VerifySection())(sample, make_candidate(sample, SUM.replace("= 24 eggs", "= 26 eggs"))) == ()


def test_what_only_the_recipe_refuses_is_told_too(sample, make_candidate):
    moved = make_candidate(sample, SUM.replace("nets", "nets in Lyon, as Berta Quint's diary says,"), "hallucination")
    assert examiner(VerifySection())(sample, moved) == ()
    (told,) = examiner(VerifySection(accept=("proved",)))(sample, moved)
    assert told.startswith("Nothing shows that the change is an error: its status is constructed")


def test_a_proof_of_falsehood_is_none_of_a_users_own_type(sample, make_candidate):
    candidate = make_candidate(sample, SUM.replace("= 24 eggs", "= 26 eggs"), "style")
    (told,) = examiner(VerifySection())(sample, candidate)
    assert "its status is unverified" in told
    assert "only a judge can tell an error of type 'style' (verify.use_judge)" in told


def test_a_proof_of_ones_own_for_ones_own_type_counts(sample, make_candidate):
    shouts = Check(lambda *_: passed("shouts", "it shouts"), is_proof=True, proves=frozenset({"style"}))
    plain = panel(VerifySection())
    own = Panel(plain.settings, {**plain.checks, "shouts": shouts}, plain.run)
    statuses = {}
    for error_type in ("style", "correctness"):
        candidate = make_candidate(sample, SUM.replace("= 24 eggs", "= 26 eggs!"), error_type)
        statuses[error_type] = own.settle(sample, own.examine(sample, candidate)).verdict
    assert (statuses["style"].status, statuses["style"].proofs) == ("proved", ("shouts",))
    assert "shouts" not in statuses["correctness"].proofs


def test_slow_checks_are_not_asked_of_what_failed(sample, make_candidate):
    asked = []
    slow = Check(lambda *_: asked.append(1) or passed("slow", "done"), is_slow=True)
    own = Panel(VerifySection(), {"changed": CHECKS["changed"], "slow": slow}, panel(VerifySection()).run)
    own.examine(sample, make_candidate(sample, SUM))
    assert asked == []
    own.examine(sample, make_candidate(sample, SUM.replace("24", "26")))
    assert asked == [1]


@pytest.mark.parametrize(("chosen_nats", "nats", "outcome"), [(-5.0, -6.0, "pass"), (-5.0, -5.2, "not_judged")])
def test_the_reference_is_evidence_by_its_margin(sample, make_candidate, chosen_nats, nats, outcome):
    candidate = make_candidate(sample, SUM.replace("24", "26"))
    scored = candidate.model_copy(update={"logprob_nats": nats, "chosen_logprob_nats": chosen_nats})
    assert CHECKS["reference"](sample, scored, VerifySection()).outcome == outcome
    assert CHECKS["reference"](sample, scored, VerifySection(min_reference_margin_nats=2)).outcome == "not_judged"


def test_what_no_reference_scored_is_not_judged(sample, make_candidate):
    unscored = make_candidate(sample, SUM).model_copy(update={"logprob_nats": None})
    assert CHECKS["reference"](sample, unscored, VerifySection()).outcome == "not_judged"
