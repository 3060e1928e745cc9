"""The pairs that go into the page: which ones, how they are packed, and that they come out as they went in."""

import base64
import gzip
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.records import Edit, Negative, Sample, apply_edits
from seapo.report import RunContents
from seapo.report.browser import LONGEST_PAIR, PairBrowser, pack_pairs


def unpack(browser: PairBrowser | None) -> dict[str, Any]:
    assert browser is not None
    values = json.loads(gzip.decompress(base64.b64decode(browser.data)))
    assert isinstance(values, dict)
    return values


def negative_text(chosen: str, edits: list[Any]) -> str:
    """The negative as the page's script makes it, in UTF-16 code units."""
    units, parts, position = chosen.encode("utf-16-le"), [], 0
    for start, end, replacement in edits:
        parts += [units[2 * position : 2 * start], replacement.encode("utf-16-le")]
        position = end
    return b"".join([*parts, units[2 * position :]]).decode("utf-16-le")


def texts(packed: dict[str, Any]) -> list[str]:
    pairs, chosen = packed["pairs"], packed["samples"]["chosen"]
    return [negative_text(chosen[at], edits) for at, edits in zip(pairs["sample"], pairs["edits"], strict=True)]


def with_one(contents: RunContents, chosen: str, **changes: Any) -> RunContents:
    """The run with one pair alone, of that chosen answer and negative."""
    sample = next(iter(contents.samples.values())).model_copy(update={"chosen": chosen})
    negative = contents.negatives[0].model_copy(update={"sample_id": sample.id, **changes})
    return replace(contents, samples={sample.id: sample}, negatives=(negative,))


def test_every_pair_comes_out_as_it_went_in(made_contents: RunContents) -> None:
    packed = unpack(pack_pairs(made_contents, limit=5000))
    samples, pairs = packed["samples"], packed["pairs"]
    for at, negative in enumerate(made_contents.negatives):
        sample = made_contents.samples[negative.sample_id]
        number = pairs["sample"][at]
        assert samples["id"][number] == sample.id
        assert samples["chosen"][number] == sample.chosen
        assert samples["prompt"][number] == [[message.role, message.content] for message in sample.prompt]
        assert texts(packed)[at] == negative.text
        assert pairs["sha256"][at] == hashlib.sha256(negative.text.encode()).hexdigest()
        checks = [packed["checks"][one] for one in pairs["checks"][at]]
        assert checks == [[one.check, one.outcome, one.evidence] for one in negative.verdict.checks]
    assert len(samples["id"]) == len(set(samples["id"]))


@given(data=st.data())
def test_edits_fit_whatever_the_characters(made_contents: RunContents, data: st.DataObject) -> None:
    text = st.text(st.sampled_from("ab \n😀é中\u202e\x00"), max_size=12)
    chosen = data.draw(text)
    places = sorted(data.draw(st.lists(st.integers(0, len(chosen)), min_size=2, max_size=2)))
    edit = Edit(start=places[0], end=places[1], original=chosen[slice(*places)], replacement=data.draw(text))
    wanted = apply_edits(chosen, (edit,))
    assert texts(unpack(pack_pairs(with_one(made_contents, chosen, text=wanted, edits=(edit,)), limit=1))) == [wanted]


@given(chosen=st.text(st.sampled_from("ab😀"), max_size=9), text=st.text(st.sampled_from("ab😀"), max_size=9))
def test_a_negative_that_its_edits_do_not_give_is_shown_all_the_same(
    made_contents: RunContents, chosen: str, text: str
) -> None:
    false = Edit(start=0, end=1, original="?", replacement="!")
    assert texts(unpack(pack_pairs(with_one(made_contents, chosen, text=text, edits=(false,)), limit=1))) == [text]


def test_the_seed_draws_whole_samples(made_contents: RunContents) -> None:
    browser = pack_pairs(made_contents, limit=20)
    packed = unpack(browser)
    assert browser is not None
    assert (browser.shown, browser.total, browser.is_full) == (20, 60, False)
    assert browser.told.startswith("20 of the run's 60 negatives, each beside")
    assert "The seed drew them" in browser.told
    assert sorted(packed["pairs"]["sample"]) == sorted([*range(10), *range(10)])
    assert unpack(pack_pairs(made_contents, limit=20)) == packed
    other = replace(made_contents, recipe=made_contents.recipe.model_copy(update={"seed": 8}))
    assert set(unpack(pack_pairs(other, limit=20))["samples"]["id"]) != set(packed["samples"]["id"])
    assert packed["content"] != unpack(pack_pairs(other, limit=20))["content"]


def test_what_would_make_the_page_too_large_stays_out_and_is_told(made_contents: RunContents) -> None:
    whole = pack_pairs(made_contents, limit=5000)
    assert whole is not None
    assert whole.told.startswith("60 negatives are all that the run has")
    limited = pack_pairs(made_contents, limit=5000, most_bytes=len(whole.data) * 2 // 3)
    assert limited is not None
    assert len(limited.data) <= len(whole.data) * 2 // 3
    assert 0 < limited.shown < 60
    assert "More would make this file too large." in limited.told


def test_a_pair_longer_than_any_reader_wants_is_left_out_and_counted(made_contents: RunContents) -> None:
    first = made_contents.negatives[0]
    grown: list[Negative] = [first.model_copy(update={"text": "z" * LONGEST_PAIR}), *made_contents.negatives[1:]]
    browser = pack_pairs(replace(made_contents, negatives=tuple(grown)), limit=5000)
    assert browser is not None
    assert (browser.shown, browser.too_long) == (59, 1)
    assert browser.told.endswith("1 with more than 100,000 characters are left out.")


@pytest.mark.parametrize("limit", [0, 5000])
def test_without_pairs_there_is_nothing_to_browse(made_contents: RunContents, limit: int) -> None:
    contents = made_contents if limit == 0 else replace(made_contents, negatives=())
    assert pack_pairs(contents, limit=limit) is None


def test_five_thousand_pairs_of_real_size_stay_below_six_megabytes(real_pairs: RunContents) -> None:
    """About 1,940 characters of prompt and chosen answer a sample, as in UltraFeedback, and one negative of each."""
    number = len(real_pairs.negatives)
    browser = pack_pairs(real_pairs, limit=5000)
    assert browser is not None
    assert browser.shown == number
    assert len(browser.data) / number * 5000 < 5_500_000


@pytest.fixture
def real_pairs(made_contents: RunContents, data_dir: Any) -> RunContents:
    """Real prompts and answers of UltraFeedback; of each, the rejected answer's first word is the error."""
    with gzip.open(data_dir / "ultrafeedback" / "train_clean_1000.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    negatives, samples = [], {}
    for number, row in enumerate(rows):
        values = {
            "id": f"{number:016x}",
            "source": "train.jsonl",
            "line": number + 1,
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "chosen": row["chosen"] if isinstance(row["chosen"], str) else row["chosen"][-1]["content"],
        }
        sample = Sample.model_validate(values)
        edit = Edit(start=0, end=0, original="", replacement=f"{number} ")
        changes = {"sample_id": sample.id, "edits": (edit,), "text": apply_edits(sample.chosen, (edit,))}
        samples[sample.id] = sample
        negatives.append(made_contents.negatives[number % 60].model_copy(update=changes))
    return replace(made_contents, samples=samples, negatives=tuple(negatives))
