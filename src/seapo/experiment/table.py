"""The results of an experiment for people: plain text for a terminal, and Markdown."""

from collections.abc import Iterator, Sequence

from seapo.amounts import duration
from seapo.evaluate.grid import Column, grid, interval, plain, score, wrapped
from seapo.experiment.claims import ASKED_BY
from seapo.experiment.effects import Effect
from seapo.experiment.estimate import Estimate
from seapo.experiment.harm import WORDS, Harm
from seapo.experiment.results import ArmResult, Results
from seapo.records import Protocol

MARK = {"better": "+", "worse": "-", "undecided": ""}
SHOWN_TASKS = 20


def format_estimate(found: Estimate, *, name: str, width: int) -> str:
    """What an experiment will do, and how long it takes."""
    arms = [f"  {arm:<14} {_overrides(values)}" for arm, values in found.arms.items()]
    of = "" if found.total_samples == found.samples else f" of {found.total_samples}"
    items = ", ".join(f"{task} {count}" for task, count in list(found.items.items())[:SHOWN_TASKS])
    more = f" and {len(found.items) - SHOWN_TASKS} more tasks" if len(found.items) > SHOWN_TASKS else ""
    lines = [
        f"{name}: {len(found.arms)} arms x {len(found.seeds)} seeds = {found.runs} trainings, and the untouched model",
        *arms,
        f"seeds {', '.join(map(str, found.seeds))}; at most {found.samples}{of} samples to train on, "
        f"{found.held_out} held out",
        f"each model is asked {sum(found.items.values())} items ({found.requests} requests): {items}{more}",
    ]
    told = [line for text in lines for line in wrapped_lines(text, width)]
    if found.parts:
        rows = [f"  {duration(part.seconds):>10}  {part.name} (from {part.basis})" for part in found.parts]
        told += [f"about {duration(found.seconds)} to go on this machine, in {_processes(found.jobs)}:"]
        told += [line for row in rows for line in wrapped_lines(row, width)]
    return "\n".join([*told, *(f"not estimated: {text}" for text in found.not_estimated)])


def wrapped_lines(text: str, width: int) -> list[str]:
    """A line, broken where it is too long; its own indent is kept."""
    indent = text[: len(text) - len(text.lstrip())]
    return [indent + line for line in wrapped(text.strip(), max(20, width - len(indent)), indent="    ")]


def _processes(jobs: int) -> str:
    return "one process" if jobs == 1 else f"{jobs} processes side by side"


def _overrides(values: dict[str, object]) -> str:
    shown = {key: value for key, value in values.items() if value is not None}
    return plain(", ".join(f"{key}: {value}" for key, value in shown.items())) or "as the recipe says"


def format_results(found: Results, *, width: int) -> str:
    """Arms by dimension against each baseline, what held-out rows say, and the claims."""
    lines = [*_head(found, width), ""]
    for protocol in found.items:
        for base in found.baselines:
            rows = [row for row in found.effects if (row.protocol, row.base) == (protocol, base)]
            if rows:
                lines += [*wrapped(_title(found, base, protocol), width), *_table(rows, width), ""]
    lines += [*wrapped(_legend(found), width), ""]
    if found.no_harm:
        lines += [
            f"Held-out rows ({found.split.held_out}), against the untouched model",
            *_harm_table(found, width),
            "",
        ]
    lines.append("Claims")
    for claim in found.claims:
        lines += wrapped(f"* {claim.text}", width, indent="  ")
        lines += [f"  {line}" for line in wrapped(claim.sentence, width - 2)]
    lines += [line for text in _gaps(found) for line in wrapped(text, width)]
    return "\n".join(lines)


def _gaps(found: Results) -> Iterator[str]:
    """What the tables do not hold, and why."""
    for base, arm in found.unpaired:
        yield f"{arm} is not compared with {base}: no seed was finished by both"
    for name, why in found.failed.items():
        yield f"{name} has no result: {why}"


def _head(found: Results, width: int) -> list[str]:
    text = (
        f"{found.model} on {found.data}: {len(found.arms)} arms, seeds {', '.join(map(str, found.seeds))}, "
        f"{sum(found.items.values())} items for each model"
    )
    return [*wrapped(plain(text), width), *(f"  {_trained(arm)}" for arm in found.arms)]


def _trained(arm: ArmResult) -> str:
    pairs = f"{arm.pairs[0]}" if len(set(arm.pairs)) == 1 else f"{min(arm.pairs)} to {max(arm.pairs)}"
    return f"{arm.name}: {arm.method}, {pairs} pairs, {arm.steps} steps"


def _title(found: Results, base: str, protocol: Protocol) -> str:
    level = f"{100 * found.confidence:g}%"
    return f"Against {base}, {ASKED_BY[protocol]}: points with {level} intervals"


def _columns() -> dict[str, Column[Effect]]:
    return {
        "arm": Column("arm", lambda row: plain(row.arm), is_text=True),
        "what": Column("", lambda row: plain(row.name), is_text=True),
        "items": Column("items", lambda row: str(row.items)),
        "score": Column("score", lambda row: score(row.arm_score)),
        "difference": Column("difference", _difference),
        "seeds": Column("with seeds", _with_seeds),
        "sd": Column("seed sd", _spread),
        "p": Column("p", lambda row: _p(row.p_adjusted)),
        "verdict": Column("", lambda row: row.verdict, is_text=True),
    }


def _table(rows: Sequence[Effect], width: int) -> list[str]:
    shown = [*(row for row in rows if row.kind == "dimension"), *_further(rows)]
    ordered = sorted(shown, key=lambda row: [each.arm for each in shown].index(row.arm))
    every = _columns()
    seeded = ("seeds", "sd") if any(row.seed_sd is not None for row in shown) else ()
    layouts = [
        ([every[name] for name in names], gap)
        for names, gap in (
            (("arm", "what", "items", "score", "difference", *seeded, "p", "verdict"), "  "),
            (("arm", "what", "items", "difference", *seeded[:1], "p", "verdict"), "  "),
            (("arm", "what", "difference", "p", "verdict"), " "),
        )
    ]
    return grid(layouts, ordered, width=width, stack=lambda row: _stacked(row, width))


def _further(rows: Sequence[Effect]) -> list[Effect]:
    """Benchmarks that say more than their dimension: those that share it with others."""
    dims = [row.dimension for row in rows if row.kind == "benchmark" and row.arm == rows[0].arm]
    return [row for row in rows if row.kind == "benchmark" and (dims.count(row.dimension) > 1 or not row.dimension)]


def _stacked(row: Effect, width: int) -> list[str]:
    return [*wrapped(plain(f"{row.arm}: {row.name}"), width), f"  {_difference(row)}", f"  {row.verdict}"]


def _difference(row: Effect) -> str:
    return f"{score(row.difference, sign='+')} {interval(row.interval, sign='+')}"


def _with_seeds(row: Effect) -> str:
    return "" if row.seeds_interval is None else interval(row.seeds_interval, sign="+")


def _spread(row: Effect) -> str:
    return "" if row.seed_sd is None else score(row.seed_sd)


def _p(value: float) -> str:
    return "<.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def _legend(found: Results) -> str:
    seeds = (
        "; with seeds: were the trainings drawn anew, too; seed sd: spread of the difference between seeds"
        if any(row.seed_sd is not None for row in found.effects)
        else ""
    )
    return (
        f"difference: were the items drawn anew, for these trained models{seeds}. better, worse: p, corrected by "
        f"Holm's method over all arms and baselines, is at most {1 - found.confidence:.2g}; else undecided."
    )


def _harm_table(found: Results, width: int) -> list[str]:
    columns: list[Column[Harm]] = [
        Column("arm", lambda row: plain(row.arm), is_text=True),
        Column("", lambda row: WORDS[row.measure], is_text=True),
        Column("before", lambda row: _figure(row.before)),
        Column("after", lambda row: _figure(row.after)),
        Column("difference", _harm_difference),
    ]
    layouts = [(columns, "  "), ([columns[0], columns[1], columns[4]], " ")]
    return grid(layouts, found.no_harm, width=width, stack=lambda row: _harm_stacked(row, width))


def _harm_stacked(row: Harm, width: int) -> list[str]:
    return [*wrapped(f"{plain(row.arm)}: {WORDS[row.measure]}", width), f"  {_harm_difference(row)}"]


def _harm_difference(row: Harm) -> str:
    ends = "" if row.interval is None else f" [{_figure(row.interval[0], '+')}, {_figure(row.interval[1], '+')}]"
    return f"{_figure(row.difference, '+')}{ends}"


def _figure(value: float, sign: str = "") -> str:
    return f"{value + 0.0:{sign}.1f}" if abs(value) >= 10 else f"{value + 0.0:{sign}.3f}"


def format_markdown(found: Results) -> str:
    """The same as Markdown, with every figure."""
    parts = [f"# {_cell(found.name)}", "", *(f"{line}  " for line in _head(found, 10_000)), "", "## Claims", ""]
    parts += [f"* *{_cell(claim.text)}*: {_cell(claim.sentence)}" for claim in found.claims]
    for protocol in found.items:
        for base in found.baselines:
            rows = [row for row in found.effects if (row.protocol, row.base) == (protocol, base)]
            if rows:
                parts += ["", f"## {_cell(_title(found, base, protocol))}", "", *_matrix(rows), "", *_markdown(rows)]
    parts += ["", _legend(found), ""]
    if found.no_harm:
        parts += ["## Held-out rows", "", *_harm_markdown(found), ""]
    parts += [f"Method: {found.method}", ""]
    parts += [f"* {_cell(text)}" for text in _gaps(found)]
    return "\n".join(parts) + "\n"


def _matrix(rows: Sequence[Effect]) -> Iterator[str]:
    """Arms by dimensions."""
    dims = [row for row in rows if row.kind == "dimension"]
    names = list(dict.fromkeys(row.name for row in dims))
    yield f"| arm | {' | '.join(map(_cell, names))} |"
    yield f"|{'---|' * (len(names) + 1)}"
    for arm in dict.fromkeys(row.arm for row in dims):
        own = {row.name: row for row in dims if row.arm == arm}
        yield f"| {_cell(arm)} | {' | '.join(_difference(own[name]) + MARK[own[name].verdict] for name in names)} |"


def _markdown(rows: Sequence[Effect]) -> Iterator[str]:
    every = [column for name, column in _columns().items() if name != "what"]
    yield f"| {' | '.join(['kind', 'name', *(column.heading or 'verdict' for column in every)])} |"
    yield f"|{'---|' * (len(every) + 2)}"
    for row in rows:
        yield f"| {row.kind} | {_cell(row.name)} | {' | '.join(_cell(column.show(row)) for column in every)} |"


def _harm_markdown(found: Results) -> Iterator[str]:
    yield "| arm | measure | rows | before | after | difference | seed sd |"
    yield "|---|---|---|---|---|---|---|"
    for row in found.no_harm:
        spread = "" if row.seed_sd is None else _figure(row.seed_sd)
        figures = (str(row.rows), _figure(row.before), _figure(row.after), _harm_difference(row), spread)
        yield f"| {_cell(row.arm)} | {WORDS[row.measure]} | {' | '.join(figures)} |"


def _cell(text: str) -> str:
    """Text of a recipe or a model on one line of a table."""
    return plain(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
