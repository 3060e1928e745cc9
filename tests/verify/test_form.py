"""Checks of the outward form, each with what it must accept and what it must reject."""

import pytest

from seapo.recipe import VerifySection
from seapo.records import Edit
from seapo.verify import CHECKS

FACT = "Water boils at 1,000 degrees. It doesn't freeze - it never did."
BLOCK = "Use this:\n```python\ndef f(n):\n    return n + 1\n```\nIt adds one."


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        (FACT, FACT.replace("1,000", "1,001")),
        (FACT, FACT.replace("doesn't", "does")),
        (BLOCK, BLOCK.replace("n + 1", "n - 1")),
        (BLOCK, BLOCK.replace("adds", "subtracts")),
        ("if a < b: stop", "if a <= b: stop"),
        ("```c\nif (!done) go();\n```", "```c\nif (done) go();\n```"),
        ("It prints `!ok`", "It prints `ok`"),
        ("It is 3.5 m.", "It is 35 m."),
        ("def f():\n    return 1\n", "def f():\n    return 2\n"),
    ],
)
def test_changed_accepts_what_says_something_else(judge, chosen, text):
    assert judge("changed", chosen, text).outcome == "pass"


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        (FACT, FACT),
        (FACT, FACT.replace("1,000", "1000")),
        (FACT, FACT.replace("1,000", "1000.0")),
        (FACT, FACT.replace("Water", "water").replace(".", " !")),
        (FACT, FACT.replace("doesn't", "does not")),
        (FACT, FACT.replace(" ", "  ")),
        ("He cannot see two cats.", "He can't see 2 cats."),
        ("A well-known *fact*", "a well known fact."),
        (BLOCK, BLOCK.replace("    return n + 1", "    # one more\n    return (n + 1)")),
        ("def f():\n    return 1\n", "def f():\n  return  1  # done\n"),
    ],
)
def test_changed_rejects_cosmetics(judge, chosen, text):
    assert judge("changed", chosen, text).outcome == "fail"


def test_edit_ratio_wants_a_small_change(judge):
    chosen = "The river flows north through four countries and ends in a wide delta."
    small = judge("edit_ratio", chosen, chosen.replace("north", "south"))
    rewritten = judge("edit_ratio", chosen, "Nobody has ever measured how long it takes that stream to get anywhere.")
    assert (small.outcome, small.evidence) == ("pass", "7.1% of the answer differs")
    assert rewritten.outcome == "fail"
    assert judge("edit_ratio", chosen, chosen).outcome == "fail"
    strict = VerifySection(max_edit_ratio=0.05)
    assert judge("edit_ratio", chosen, chosen.replace("north", "south"), settings=strict).outcome == "fail"


def test_what_was_moved_counts_once(judge):
    chosen = "First we add them up. Then we take the half of it. At last we are done."
    moved = "Then we take the half of it. First we add them up. At last we are done."
    dropped = "First we add them up. At last we are done."
    assert judge("edit_ratio", chosen, moved).outcome == "pass"
    assert judge("edit_ratio", chosen, dropped).outcome == "pass"


@pytest.mark.parametrize(("words", "outcome"), [(5, "fail"), (6, "pass"), (10, "pass"), (16, "pass"), (17, "fail")])
def test_length_keeps_to_its_bounds(judge, words, outcome):
    assert judge("length", "word " * 10, "word " * words).outcome == outcome


@pytest.mark.parametrize(
    ("chosen", "text", "outcome"),
    [
        (FACT, FACT, "pass"),
        (FACT, FACT[:-8], "fail"),
        ("#### 72", "#### 73", "pass"),
        ("no end", "no other end", "pass"),
        (BLOCK, BLOCK.partition("\n```\nIt")[0], "fail"),
        (BLOCK + "\n```\nopen", BLOCK + "\n```\nopen too", "pass"),
    ],
)
def test_truncated_rejects_what_breaks_off(judge, chosen, text, outcome):
    assert judge("truncated", chosen, text).outcome == outcome


@pytest.mark.parametrize(
    ("chosen", "text", "outcome"),
    [
        (BLOCK, BLOCK.replace("n + 1", "n + 2"), "pass"),
        (BLOCK, BLOCK.replace("n + 1", "n +"), "fail"),
        (BLOCK, BLOCK.replace("```python\n", "").replace("```\n", ""), "fail"),
        (BLOCK, BLOCK.replace("```python", "```java"), "fail"),
        ("def f():\n    return 1\n", "def f(:\n    return 1\n", "fail"),
        ("It is 72.\n#### 72", "It is 72.", "fail"),
        (r"So \boxed{7}.", r"So \boxed{8}.", "pass"),
        (r"So \boxed{7}.", r"So \boxed{8.", "fail"),
        ("It is (as they say) so.", "It is (as they said so.", "fail"),
        ('He said "yes" twice.', 'He said "no twice.', "fail"),
        ("a) one b) two", "a) one b) three", "pass"),
    ],
)
def test_format_kept(judge, chosen, text, outcome):
    assert judge("format_kept", chosen, text).outcome == outcome


def test_edits_must_give_the_text(make_sample, make_candidate):
    sample = make_sample("It is red.")
    honest = make_candidate(sample, "It is blue.")
    other = honest.model_copy(update={"text": "It is green."})
    torn = honest.model_copy(update={"edits": (Edit(start=0, end=4, original="They", replacement="We"),)})
    outcomes = [CHECKS["edits"](sample, each, VerifySection()).outcome for each in (honest, other, torn)]
    assert outcomes == ["pass", "fail", "fail"]
