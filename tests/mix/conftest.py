"""Samples with negatives whose place, type, severity and gap are chosen by the tests."""

import pytest

from seapo.records import Edit, Message, Sample
from seapo.wide import WideNegative, WideRow

TYPES = ("correctness", "hallucination", "logic")


def make_sample(name, source="a.jsonl", rejected=()):
    question = Message(role="user", content=f"What is {name}?")
    return Sample(id=name, source=source, line=1, prompt=(question,), chosen=f"{name} is 4.", rejected=rejected)


def make_negative(row, error_type, *, choice=0, replacement=None, severity="moderate", gap=1.0):
    start = len(row.chosen) - 2
    text = replacement or f"{5 + TYPES.index(error_type)}{choice}"
    return WideNegative(
        error_type=error_type,
        subtype="of a test",
        strategy="rule",
        injector="number",
        choice=choice,
        rank=choice,
        edits=(Edit(start=start, end=start + 1, original="4", replacement=text),),
        edit_ratio=0.1,
        severity=severity,
        gap_nats=gap,
        status="proved",
    )


def make_row(name, *, types=TYPES, kept=1, source="a.jsonl", rejected=(), severity="moderate", gap=1.0):
    sample = make_sample(name, source, rejected)
    row = WideRow(id=name, source=source, prompt=sample.prompt, chosen=sample.chosen, rejected=rejected)
    negatives = tuple(
        make_negative(row, each, choice=choice, severity=severity, gap=gap) for each in types for choice in range(kept)
    )
    return row.model_copy(update={"negatives": negatives})


@pytest.fixture(scope="session")
def row():
    return make_row
