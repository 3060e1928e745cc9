"""The wide file: all negatives of a sample in one row, streamed; what does not fit together is refused."""

import pytest

from seapo.errors import DataError
from seapo.records import Edit, Message, Negative, Sample, Verdict
from seapo.wide import read_wide, wide_rows, write_wide


def sample(name):
    return Sample(
        id=name, source="a.jsonl", line=1, prompt=(Message(role="user", content="?"),), chosen="It is 4.",
        rejected=("No.",), dimension="mathematics",
    )  # fmt: skip


def negative(name, error_type="logic", text="It is 5.", **values):
    return Negative(
        sample_id=name, error_type=error_type, subtype="s", strategy="rule", injector="number", rank=0, text=text,
        edits=(Edit(start=6, end=7, original="4", replacement="5"),), edit_ratio=0.1,
        verdict=Verdict(status="proved", proofs=("arithmetic",)), **values,
    )  # fmt: skip


SAMPLES = [sample(name) for name in "abc"]
NEGATIVES = [
    negative("a", "logic", logprob_nats=-9.0, chosen_logprob_nats=-7.5, severity="subtle"),
    negative("a", "correctness"),
    negative("c", choice=1),
    negative("c"),
]


def test_a_row_holds_the_sample_and_its_negatives_by_type_and_choice(tmp_path):
    path = tmp_path / "wide.jsonl"
    assert write_wide(path, iter(SAMPLES), iter(NEGATIVES)) == 3
    rows = list(read_wide(path))
    assert [row.id for row in rows] == ["a", "b", "c"]
    assert [(row.chosen, row.rejected, row.source, row.dimension) for row in rows] == [
        ("It is 4.", ("No.",), "a.jsonl", "mathematics")
    ] * 3
    first, second = rows[0].negatives
    assert (first.error_type, first.gap_nats, first.severity) == ("correctness", None, None)
    assert (second.error_type, second.gap_nats, second.severity, second.proofs) == (
        "logic", 1.5, "subtle", ("arithmetic",),
    )  # fmt: skip
    assert rows[0].text(second) == "It is 5."
    assert rows[1].negatives == ()
    assert [each.choice for each in rows[2].negatives] == [0, 1]


def test_rows_of_records_at_hand_are_those_of_the_file_in_any_order(tmp_path):
    write_wide(tmp_path / "wide.jsonl", SAMPLES, NEGATIVES)
    assert wide_rows(SAMPLES, NEGATIVES[::-1]) == list(read_wide(tmp_path / "wide.jsonl"))


def test_a_negative_of_no_sample_or_out_of_order_leaves_no_file(tmp_path):
    path = tmp_path / "wide.jsonl"
    for negatives in ([negative("z")], NEGATIVES[::-1]):
        with pytest.raises(DataError, match=r"a negative of the sample '.', which is not among the samples that are"):
            write_wide(path, SAMPLES, negatives)
        assert not path.exists()
    with pytest.raises(DataError, match="'z', which is not among the 3 samples; repeat the stages from source on"):
        wide_rows(SAMPLES, [negative("z")])


def test_edits_that_do_not_lead_to_the_negative_are_refused():
    with pytest.raises(DataError, match=r"the edits of a negative of the sample 'a' \(type logic\) do not lead"):
        wide_rows(SAMPLES, [negative("a", text="It is 6.")])
    wrong = negative("a").model_copy(update={"edits": (Edit(start=0, end=1, original="X", replacement="5"),)})
    with pytest.raises(DataError, match="do not lead from its chosen answer"):
        wide_rows(SAMPLES, [wrong])


def test_a_damaged_row_names_its_line(tmp_path):
    path = tmp_path / "wide.jsonl"
    write_wide(path, SAMPLES, NEGATIVES)
    path.write_text(path.read_text() + '{"id": "d"}\n')
    with pytest.raises(DataError, match=r"wide\.jsonl, line 4: not a WideRow"):
        list(read_wide(path))
