"""The pair browser's data: which pairs go into the page, packed so that thousands of them fit into one file.

    pairs -> JSON in columns -> gzip -> base64 -> a block of the page that no browser runs or shows

Samples are stored once, each negative as its edits against the chosen answer. The script of the page
(`templates/browser_*.js`) unpacks it; what it does with the text stands there.
"""

import base64
import gzip
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from seapo.records import Edit, Negative, Sample
from seapo.report.contents import RunContents
from seapo.report.examples import edits_fit
from seapo.report.quality import gap_nats
from seapo.report.untrusted import INVISIBLE_RANGES

LONGEST_PAIR: Final = 100_000
"""Characters of prompt, chosen answer and negative together; a pair of more stays out of the page."""
MOST_BYTES: Final = 5_450_000
"""Bytes of the packed pairs; with all else on it, the page stays below 6 MB."""


SCRIPTS: Final = (
    "browser_text.js",
    "browser_diff.js",
    "browser_ticks.js",
    "browser_pairs.js",
    "browser_pair.js",
    "browser.js",
)
"""Files of the page's one script, each building on those before it."""


@dataclass(frozen=True)
class PairBrowser:
    """What the page holds for its pair browser."""

    data: str
    """The packed pairs: base64 of gzip of JSON."""
    shown: int
    total: int
    """Negatives of the run."""
    too_long: int
    """Negatives left out because they are longer than `LONGEST_PAIR`."""
    is_full: bool
    """Fewer pairs than asked for are in the page because it would have become too large."""

    @property
    def told(self) -> str:
        """Which pairs these are, in sentences."""
        beside = "each beside the answer that it was made from"
        if self.shown == self.total:
            return f"{self.total:,} negatives are all that the run has, {beside}."
        drawn = self.shown < self.total - self.too_long
        sentences = [f"{self.shown:,} of the run's {self.total:,} negatives, {beside}."]
        sentences += ["The seed drew them, sample by sample."] * drawn
        sentences += ["More would make this file too large."] * self.is_full
        sentences += [f"{self.too_long:,} with more than {LONGEST_PAIR:,} characters are left out."] * bool(
            self.too_long
        )
        return " ".join(sentences)


def pack_pairs(contents: RunContents, *, limit: int, most_bytes: int = MOST_BYTES) -> PairBrowser | None:
    """At most `limit` pairs of the run, packed into at most `most_bytes`; None where there is nothing to browse.

    Where there are more, samples are drawn by the seed, each with all its negatives.
    """
    fitting = [one for one in contents.negatives if _length(contents.samples[one.sample_id], one) <= LONGEST_PAIR]
    order = _drawn(fitting, contents.recipe.seed)
    wanted = number = min(limit, len(order))
    while number:
        shown = set(order[:number])
        data = _pack(contents, [one for index, one in enumerate(fitting) if index in shown])
        if len(data) <= most_bytes:
            return PairBrowser(
                data=data,
                shown=number,
                total=len(contents.negatives),
                too_long=len(contents.negatives) - len(fitting),
                is_full=number < wanted,
            )
        number = min(number - 1, int(number * most_bytes / len(data) * 0.98))
    return None


def _length(sample: Sample, negative: Negative) -> int:
    return len(sample.chosen) + len(negative.text) + sum(len(message.content) for message in sample.prompt)


def _drawn(negatives: Sequence[Negative], seed: int) -> list[int]:
    """Indices of the negatives, sample by sample, the samples in an order that the seed draws."""
    keys = {one.sample_id: random.Random(f"{seed}:{one.sample_id}:browser").random() for one in negatives}
    return sorted(range(len(negatives)), key=lambda index: (keys[negatives[index].sample_id], index))


def _pack(contents: RunContents, negatives: Sequence[Negative]) -> str:
    text = json.dumps(_columns(contents, negatives), ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _columns(contents: RunContents, negatives: Sequence[Negative]) -> dict[str, Any]:
    """The pairs as columns of equal length, which pack better than rows do."""
    samples = {one.sample_id: contents.samples[one.sample_id] for one in negatives}
    numbers = {sample_id: number for number, sample_id in enumerate(samples)}
    checks: dict[tuple[str, str, str], int] = {}
    pairs = [
        _pair(one, samples[one.sample_id].chosen, checks) | {"sample": numbers[one.sample_id]} for one in negatives
    ]
    return {
        "run": contents.recipe.name,
        "content": _content_hash(pairs, list(samples)),
        "invisible": INVISIBLE_RANGES,
        "samples": _transposed([_sample(sample) for sample in samples.values()]),
        "checks": list(checks),
        "pairs": _transposed(pairs),
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "where": f"{sample.source}, line {sample.line}",
        "dimension": sample.dimension,
        "prompt": [[message.role, message.content] for message in sample.prompt],
        "chosen": sample.chosen,
    }


def _pair(negative: Negative, chosen: str, checks: dict[tuple[str, str, str], int]) -> dict[str, Any]:
    """One negative; its checks are numbers of rows of a table that all pairs share, which grows here."""
    gap = gap_nats(negative)
    made = [(one.check, one.outcome, one.evidence) for one in negative.verdict.checks]
    return {
        "type": negative.error_type,
        "subtype": negative.subtype,
        "strategy": negative.strategy,
        "injector": negative.injector,
        "severity": negative.severity,
        "edit_ratio": negative.edit_ratio,
        "gap_nats": None if gap is None else round(gap, 2),
        "status": negative.verdict.status,
        "proofs": negative.verdict.proofs,
        "checks": [checks.setdefault(one, len(checks)) for one in made],
        "edits": _edits(chosen, negative),
        "sha256": hashlib.sha256(negative.text.encode()).hexdigest(),
    }


def _edits(chosen: str, negative: Negative) -> list[list[Any]]:
    """[start, end, replacement] of each edit; offsets count UTF-16 code units, as JavaScript does."""
    return [
        [_utf16_length(chosen[: edit.start]), _utf16_length(chosen[: edit.end]), edit.replacement]
        for edit in (negative.edits if edits_fit(chosen, negative) else _whole_edit(chosen, negative.text))
    ]


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _whole_edit(chosen: str, text: str) -> tuple[Edit, ...]:
    """One edit between what both texts begin and end with, for a negative whose own edits don't lead to it."""
    shorter = min(len(chosen), len(text))
    start = next((at for at in range(shorter) if chosen[at] != text[at]), shorter)
    rest = shorter - start
    tail = next((at for at in range(rest) if chosen[-1 - at] != text[-1 - at]), rest)
    end = len(chosen) - tail
    return (Edit(start=start, end=end, original=chosen[start:end], replacement=text[start : len(text) - tail]),)


def _content_hash(pairs: Sequence[dict[str, Any]], sample_ids: Sequence[str]) -> str:
    """16 hex digits that stand for the pairs in the page: ticks that are kept in a browser belong to these alone."""
    keys = [[sample_ids[pair["sample"]], pair["type"], pair["sha256"]] for pair in pairs]
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:16]


def _transposed(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {key: [row[key] for row in rows] for key in rows[0]}
