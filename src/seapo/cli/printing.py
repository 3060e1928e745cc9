"""What the commands print of a run: read from its folder, so that a reused run prints the same."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from seapo.records import Status
from seapo.runfolder import RunFolder
from seapo.store import read_json
from seapo.summaries import (
    AuditRow,
    AuditSummary,
    Estimate,
    EvaluateSummary,
    InjectSummary,
    MixSummary,
    SourceSummary,
    TrainSummary,
    VerifySummary,
)
from seapo.trained import trained_weights

if TYPE_CHECKING:
    from seapo.interval import Share


def describe_run(folder: RunFolder) -> str:
    """The table of scores, the negatives with their proofs, and where everything lies."""
    parts = [
        describe_evaluate(folder),
        describe_verify(folder),
        describe_train(folder),
        _paths(folder),
    ]
    return "\n\n".join(parts)


def run_as_json(folder: RunFolder) -> dict[str, Any]:
    """The summaries of all stages, and the paths."""
    stages = ("source", "inject", "verify", "mix", "train", "evaluate")
    summaries = {stage: read_json(folder.stage(stage) / "summary.json") for stage in stages}
    profile = folder.stage("diagnose") / "profile.json"
    if profile.is_file():
        summaries["diagnose"] = read_json(profile)
    return {"folder": str(folder.path), "paths": {k: str(v) for k, v in artefacts(folder).items()}, **summaries}


def artefacts(folder: RunFolder) -> dict[str, Path]:
    """What a user takes from a run."""
    weights = trained_weights(folder)
    return {
        "dataset": folder.stage("mix") / "pairs.jsonl",
        weights.name: weights,
        "report": folder.stage("report") / "index.html",
    }


def describe_stage(name: str, folder: RunFolder) -> str:
    """A few lines on what one stage did."""
    describe: dict[str, Callable[[RunFolder], str]] = {
        "source": describe_source,
        "diagnose": describe_diagnose,
        "inject": describe_inject,
        "verify": describe_verify,
        "mix": describe_mix,
        "train": describe_train,
        "evaluate": describe_evaluate,
        "report": describe_report,
    }
    return describe[name](folder)


def describe_source(folder: RunFolder) -> str:
    """Rows, samples, and what was set aside."""
    summary = SourceSummary.model_validate(read_json(folder.stage("source") / "summary.json"))
    lines = [
        f"{summary.path}: {summary.rows} rows, format {summary.format}",
        f"columns: {', '.join(f'{ours} from {theirs!r}' for ours, theirs in summary.columns.items()) or 'as they are'}",
        f"samples: {summary.samples}"
        + (f" ({summary.beyond_limit} beyond data.limit)" if summary.beyond_limit else ""),
        *([f"merged: {summary.merged} bad answers to a sample's prompt"] if summary.merged else []),
        *_counts("set aside", summary.set_aside),
        *_dropped(summary),
        *(f"left out: {file}: {reason}" for file, reason in summary.files_left_out.items()),
        f"files: {folder.stage('source')}/samples.jsonl, rejected_rows.jsonl"
        + (", decontaminated.jsonl" if summary.compared_with else ""),
    ]
    return "\n".join(lines)


def _dropped(summary: SourceSummary) -> list[str]:
    """Samples that hold text of benchmarks, where they were looked for."""
    if not summary.compared_with:
        return []
    compared = ", ".join(f"{items:,} of {name}" for name, items in summary.compared_with.items())
    by = ", ".join(f"{name} {count}" for name, count in summary.decontaminated_by.items())
    told = f"{summary.decontaminated} samples hold text of benchmarks" + (f" ({by})" if by else "")
    return [f"dropped: {told}; compared with the test items {compared}"]


def describe_diagnose(folder: RunFolder) -> str:
    """The profile as a table: shares of the wrong answers by type, and the weights that follow."""
    from seapo.diagnose import Profile

    profile = Profile.model_validate(read_json(folder.stage("diagnose") / "profile.json"))
    names = [each.error_type for each in profile.dimensions[0].types]
    head = "".join(f"{name:>15}" for name in (*names, "not judged"))
    lines = [f"Errors of {profile.model}, as shares of its wrong answers ({profile.confidence:.0%} intervals)"]
    lines.append(f"{'':14}{'answers':>8}{'right':>16}{'wrong':>7}{head}")
    for each in profile.dimensions:
        shares = [_percent(one.of_wrong) for one in each.types] + [_percent(each.type_not_judged)]
        told = "".join(f"{one:>15}" for one in shares)
        lines.append(f"{each.name:14}{each.answers:>8}{_percent(each.accuracy):>16}{each.wrong:>7}{told}")
    undecided = profile.dimensions[0].not_judged
    lines += [f"answers of which no program can tell whether they are right: {undecided}"] if undecided else []
    lines += _counts("answers", {f"ended by {how}": n for how, n in profile.finish.items() if how != "stop"})
    weights = ", ".join(f"{each.error_type} {each.weight:.3f} ({each.count})" for each in profile.weights)
    lines.append(f"weights for mix (wrong answers that they follow from): {weights}")
    lines += [f"  warning: {warning}" for warning in profile.warnings]
    return "\n".join([*lines, f"files: {folder.stage('diagnose')}/profile.json, answers.jsonl"])


def _percent(share: "Share") -> str:
    """`25% (13-43)`."""
    if share.interval is None:
        return "-"
    low, high = share.interval
    return f"{share.part / share.whole:.0%} ({100 * low:.0f}-{100 * high:.0f})"


def describe_inject(folder: RunFolder) -> str:
    """Candidates by type, and what was skipped."""
    summary = InjectSummary.model_validate(read_json(folder.stage("inject") / "summary.json"))
    order = f"ranked by {summary.injector}" if summary.injector else "in the order of their strategies"
    lines = [f"candidates for {max(summary.asked.values(), default=0)} samples, {order}:"]
    for error_type, count in summary.candidates.items():
        by_strategy = ", ".join(f"{n} {strategy}" for strategy, n in summary.by_strategy.get(error_type, {}).items())
        lines.append(f"  {error_type:15}{count:6}  ({by_strategy})")
        severities = summary.by_severity.get(error_type, {})
        if severities:
            lines.append("    severity: " + ", ".join(f"{n} {severity}" for severity, n in severities.items()))
        if error_type in summary.asks:
            told = summary.from_retries.get(error_type, 0)
            lines.append(
                f"    engine: {summary.asks[error_type]} requests, {summary.generated_tokens[error_type]:,} tokens "
                f"generated, {told} candidates of a second attempt or later"
            )
        lines += _counts("    skipped", summary.skipped.get(error_type, {}))
    if summary.unanswered:
        lines.append(f"requests without a usable reply: {summary.unanswered}")
    return "\n".join(lines)


def describe_verify(folder: RunFolder) -> str:
    """Negatives by type, and how each was proved."""
    summary = VerifySummary.model_validate(read_json(folder.stage("verify") / "summary.json"))
    statuses = _statuses(summary)
    names = "".join(f"{name:>{len(name) + 2}}" for name in statuses)
    lines = [f"{'Negatives':16}{'asked':>6}{'kept':>6}{names}  proofs"]
    for error_type, asked in summary.asked.items():
        counts = summary.status.get(error_type, {})
        proofs = ", ".join(f"{name} {count}" for name, count in summary.proofs.get(error_type, {}).items())
        kept = summary.accepted.get(error_type, 0)
        by_status = "".join(f"{counts.get(name, 0):>{len(name) + 2}}" for name in statuses)
        lines.append(f"{error_type:16}{asked:>6}{kept:>6}{by_status}  {proofs}")
        lines += _counts("  no negative", summary.without_negative.get(error_type, {}))
    lines += _counts("samples set aside", summary.set_aside_samples)
    return "\n".join([*lines, *_giveaways(summary.audit)])


def _statuses(summary: VerifySummary) -> list[Status]:
    """Those that have a column: a judge's verdict, or none, only where there is one."""
    found = {status for counts in summary.status.values() for status, count in counts.items() if count}
    return [status for status in get_args(Status) if status in ("proved", "constructed") or status in found]


def _giveaways(audit: AuditSummary | None) -> list[str]:
    """How well the negatives can be told by their surface, and what the reference makes of them."""
    if audit is None:
        return []
    lines = [f"{'Giveaways':16}{'pairs':>6}  {'AUC':18}{'paired accuracy':18}  (0.5 is none; 95% intervals)"]
    for row in (row for row in audit.rows if row.strategy is None or _judged(row)):
        name = row.error_type if row.strategy is None else f"  by {row.strategy}"
        figures = [f"{each.value:.2f} ({each.low:.2f}-{each.high:.2f})" for each in _judged(row)]
        told = "".join(f"{figure:18}" for figure in figures) or row.not_judged or "not judged"
        lines.append(f"{name:16}{row.pairs:>6}  {told}".rstrip())
    for gap in audit.gaps:
        whose = "the data's own rejected answers" if gap.of == "rejected" else f"{gap.of} negatives"
        lines.append(f"the reference prefers chosen answers to {whose} by {gap.mean_nats.value:.1f} nats in the mean")
    return [*lines, *(f"  warning: {warning}" for warning in audit.warnings)]


def _judged(row: AuditRow) -> list[Estimate]:
    return [each for each in (row.auc, row.paired_accuracy) if each is not None]


def describe_mix(folder: RunFolder) -> str:
    """Pairs by type."""
    summary = MixSummary.model_validate(read_json(folder.stage("mix") / "summary.json"))
    lines = [f"{summary.pairs} pairs of {summary.samples} samples, mix {summary.kind}"]
    lines += [f"  {error_type:15}{count:6}" for error_type, count in summary.by_error_type.items()]
    if summary.weights is not None:
        lines.append("  drawn by weight: " + ", ".join(f"{name} {each:g}" for name, each in summary.weights.items()))
    lines += _mix_details(summary)
    return "\n".join([*lines, f"file: {folder.stage('mix') / 'pairs.jsonl'}"])


def _mix_details(summary: MixSummary) -> list[str]:
    """Epochs, order, and samples and pairs that are not trained, where there is something to say."""
    lines = [] if summary.order == "shuffled" else [f"  in the order of: {summary.order}"]
    for epoch, counts in enumerate(summary.by_epoch, start=1):
        own = ", ".join(f"{name} {count}" for name, count in counts.items())
        lines.append(f"  epoch {epoch}: {sum(counts.values())} pairs ({own})")
    if summary.without_pair:
        lines.append(f"  samples without a negative for this mix: {summary.without_pair}")
    for cap, counts in summary.left_out.items():
        what = "samples" if cap == "max_per_source" else "pairs"
        lines += [f"  over mix.{cap}: {count} {what} of {name} left out" for name, count in counts.items()]
    if summary.capped_samples:
        lines.append(f"  samples that no epoch trains, because of the caps: {summary.capped_samples}")
    return lines


def describe_train(folder: RunFolder) -> str:
    """Steps, what the tree saved, and warnings."""
    summary = TrainSummary.model_validate(read_json(folder.stage("train") / "summary.json"))
    saved = summary.tokens_padded / max(summary.tokens_computed, 1)
    lines = [
        f"Training: {summary.method}, {summary.pairs} pairs, {summary.steps} steps, "
        f"{summary.tokens_computed:,} tokens computed where padded rows hold {summary.tokens_padded:,} ({saved:.1f}x)"
    ]
    lines += _counts("  set aside", summary.set_aside)
    return "\n".join([*lines, *(f"  warning: {warning}" for warning in summary.warnings)])


def describe_evaluate(folder: RunFolder) -> str:
    """The table of scores before and after, as wide as the terminal."""
    from seapo.evaluate import format_table

    summary = EvaluateSummary.model_validate(read_json(folder.stage("evaluate") / "summary.json"))
    return format_table(summary, width=shutil.get_terminal_size((100, 24)).columns)


def describe_report(folder: RunFolder) -> str:
    """Where the page lies, and what lies beside it."""
    return f"report: {artefacts(folder)['report']} (and beside it report.md, results.json)"


def _paths(folder: RunFolder) -> str:
    return "\n".join(f"{name:8} {path}" for name, path in artefacts(folder).items())


def _counts(title: str, counts: Mapping[str, int]) -> list[str]:
    return [f"{title}: {count} x {reason}" for reason, count in counts.items()]
