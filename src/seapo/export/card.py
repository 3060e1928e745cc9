"""The dataset card: what the rows are, that half of them are false on purpose, and how they came to be."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import yaml

from seapo.export.pairs import RunPairs
from seapo.export.provenance import Provenance
from seapo.export.written import Written

CARD = """---
{front}---

# {title}

**The rejected answers are false on purpose.** Each is a good answer with one known error put in, made to teach models
the difference. Do not show them as facts, and do not train on them as if they were good.

{count} by error type: {types}; by what is known of the error: {statuses}.

## Use

{use}{notes}

## Columns

| column | meaning |
|---|---|
{columns}

## How the pairs came to be

Made with seapo {seapo} in the run `{run}`: errors were put into good answers, and each was checked by programs{judged}.

{facts}

{funnel}{aside}

{fence}yaml
{recipe}{fence}

## Licence

Prompts and good answers come from {source}, and its licence binds what is made of them; the rejected answers are
those answers with a few words changed{written}. Whoever publishes this sets `license` above.
"""
COLUMNS = {
    "id": "the sample; pairs of one sample share it",
    "prompt": "the conversation up to the answer, as messages with `role` and `content`",
    "chosen": "the good answer, as one message",
    "rejected": "the same answer with one error in it, as one message",
    "completion": "an answer, as one message",
    "label": "true for a good answer, false for one with an error in it",
    "messages": "the conversation; of labelled rows, with the answer as its last message",
    "source": "where the sample was read from",
    "dimension": "mathematics, reasoning, coding, knowledge or truthfulness, where it is known",
    "error_type": "what kind of error was put in; `original`: the data's own rejected answer",
    "subtype": "the kind within the type",
    "strategy": "how the error was found: `rule`, `pivot`, `edit`, `rewrite`, `person`",
    "severity": "subtle, moderate or gross, by how much less plausible a model finds the text",
    "edits": "what was replaced: character offsets in the good answer, the old words and the new ones",
    "edit_ratio": "share of the answer that differs",
    "injector": "the rule or model that made the error",
    "verdict": "`status` (proved, judged, constructed, unverified), the proofs, and what they found in words",
}
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def dataset_card(provenance: Provenance, pairs: RunPairs, written: Written) -> str:
    """The README of an export."""
    types = Counter(row["error_type"] for row in pairs.rows)
    statuses = Counter(row["verdict"]["status"] for row in pairs.rows)
    judge = provenance.recipe.get("judge") if provenance.recipe["verify"]["use_judge"] else None
    engine = provenance.recipe.get("engine")
    recipe = yaml.safe_dump(provenance.recipe, sort_keys=False, allow_unicode=True)
    return CARD.format(
        front=_front_matter(provenance, written),
        title=f"Preference pairs with known errors: {provenance.run}",
        count=f"{len(pairs.rows)} pairs of {len({row['id'] for row in pairs.rows})} samples,",
        types=_counted(types),
        statuses=_counted(statuses),
        use=written.use,
        notes="".join(f"\n\n{note}" for note in written.notes),
        columns="\n".join(f"| `{name}` | {meaning} |" for name, meaning in COLUMNS.items()),
        seapo=version("seapo"),
        run=provenance.run,
        judged=f" and by the model {_code(judge['model'] or judge['kind'])}" if judge else "",
        facts=_table(("", ""), _facts(provenance)),
        funnel=_table(("step", "left", "why others went"), _funnel(provenance, pairs)),
        aside=_aside(written),
        recipe=recipe,
        fence=_fence(recipe),
        source=_code(provenance.recipe["data"]["path"]),
        written=f", which the model {_code(engine['model'] or engine['kind'])} wrote" if engine else "",
    )


def _front_matter(provenance: Provenance, written: Written) -> str:
    size = next((name for limit, name in SIZES if written.rows < limit), "1M<n<10M")
    values: dict[str, Any] = {
        "pretty_name": f"Preference pairs with known errors: {provenance.run}",
        "task_categories": ["text-generation"],
        "tags": ["preference", "dpo", "kto", "synthetic", "false-on-purpose", "seapo"],
        "size_categories": [size],
    }
    if written.data_files is not None:
        split = {"split": "train", "path": written.data_files}
        values["configs"] = [{"config_name": "default", "data_files": [split]}]
    note = "# license: yours to set; that of the prompts and good answers binds (see Licence below)\n"
    return note + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _facts(provenance: Provenance) -> Iterator[tuple[str, str]]:
    yield "data", _code(provenance.recipe["data"]["path"])
    yield "model", _code(provenance.model)
    yield "errors ranked by", _code(provenance.inject.injector) if provenance.inject.injector else "no model"
    if engine := provenance.recipe.get("engine"):
        yield "errors written by", _code(engine["model"] or engine["kind"])
    yield "seed", str(provenance.seed)
    yield "versions", ", ".join(f"{name} {number}" for name, number in provenance.versions.items())


def _funnel(provenance: Provenance, pairs: RunPairs) -> Iterator[tuple[str, str, str]]:
    source, inject, verify = provenance.source, provenance.inject, provenance.verify
    yield "rows read", str(source.rows), ""
    lost = {**source.set_aside, "left out by data.limit": source.beyond_limit, "benchmark text": source.decontaminated}
    yield "samples", str(source.samples), _counted(lost)
    aside = {f"good answer: {reason}": count for reason, count in verify.set_aside_samples.items()}
    yield "samples whose good answer passed", str(source.samples - sum(aside.values())), _counted(aside)
    for name, asked in inject.asked.items():
        skipped = _counted(inject.skipped.get(name, {}))
        yield f"{name}: candidates of {asked} samples", str(inject.candidates.get(name, 0)), skipped
        dropped = verify.dropped_candidates.get(name, {})
        yield f"{name}: verified negatives", str(verify.accepted.get(name, 0)), _counted(dropped)
    how = "every verified negative" if pairs.all_negatives else _mixed(provenance)
    yield "pairs", str(len(pairs.rows)), how


def _mixed(provenance: Provenance) -> str:
    mix = provenance.mix
    if mix is None:
        return ""
    without = f", {mix.without_pair} samples without a pair" if mix.without_pair else ""
    return f"mix `{mix.kind}`{without}"


def _aside(written: Written) -> str:
    if not written.set_aside:
        return ""
    return "\n\nPairs that the format could not take and that were left out: " + _counted(written.set_aside) + "."


def _counted(counts: dict[str, int]) -> str:
    told = [f"{count} {_cell(name)}" for name, count in sorted(counts.items(), key=lambda one: -one[1]) if count]
    return ", ".join(told)


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *([_cell(part) for part in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """On one line, and without what would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{' '.join(text.replace('`', '').split())}`"


def _fence(text: str) -> str:
    """Longer than any row of backticks in the text."""
    longest = max((len(row) for row in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)
