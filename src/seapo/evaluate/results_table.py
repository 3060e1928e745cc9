"""The table of one model's scores for a terminal, after lm-evaluation-harness's own."""

from seapo.evaluate.grid import Column, grid, interval, score, wrapped
from seapo.summaries import EvaluationResults, TaskResult

PROTOCOLS = {
    "": "",
    "paper": "; benchmarks as plain text (protocol paper)",
    "chat": "; benchmarks through the chat template (protocol chat)",
}


def format_results(results: EvaluationResults, *, width: int) -> str:
    """Dimensions, benchmarks and tasks with metric, items, score, standard error and interval, in percent."""
    level = f"{100 * results.confidence:g}%"
    asked = "all items" if results.limit is None else f"{results.limit} items of each task"
    asked += "".join(f", {count} of {name}" for name, count in results.limits.items())
    asked += f", seed {results.seed}" if results.limit or results.limits else ""
    title = (
        f"{results.model}, {results.dtype}, {asked}, in percent, with {level} intervals{PROTOCOLS[results.protocol]}"
    )
    rows = [*results.dimensions, *results.groups, *results.tasks]
    notes = [f"{name}: {reason}" for name, reason in results.not_measured.items()]
    notes += [
        f"{name}: {count} {'request' if count == 1 else 'requests'} cut from the left to fit the model's context"
        for name, count in results.truncated.items()
    ]
    lines = [*wrapped(title, width), "", *_grid(rows, width)]
    if results.further:
        lines += ["", *wrapped("The same items by other metrics and filters:", width), *_grid(results.further, width)]
    return "\n".join([*lines, *([""] if notes else []), *(line for note in notes for line in wrapped(note, width))])


def _grid(rows: "list[TaskResult] | tuple[TaskResult, ...]", width: int) -> list[str]:
    name = Column[TaskResult]("", lambda row: row.name, is_text=True)
    metric = Column[TaskResult]("metric", lambda row: row.metric, is_text=True)
    items = Column[TaskResult]("items", lambda row: str(row.items))
    value = Column[TaskResult]("score", lambda row: score(row.value))
    stderr = Column[TaskResult]("stderr", lambda row: "N/A" if row.stderr is None else score(row.stderr))
    ends = Column[TaskResult]("interval", lambda row: interval(row.interval))
    layouts = [([name, metric, items, value, stderr, ends], "  "), ([name, items, value, ends], " ")]
    return grid(layouts, rows, width=width, stack=_stacked)


def _stacked(row: TaskResult) -> list[str]:
    return [row.name, f"  {score(row.value)}, {row.items} items", f"  {interval(row.interval)}"]
