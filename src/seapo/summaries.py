"""What each stage says of itself: the `summary.json` in its folder, read by the next call, the table and the report."""

from typing import Literal

from pydantic import Field

from seapo.interval import Interval, Share
from seapo.records import Dimension, Protocol, Record, Status

PROFILE_METHOD = (
    "Shares have Wilson's interval. Weights are (wrong answers of the type + pseudo count) / (wrong answers of all "
    "error types + types x pseudo count); their intervals hold together (Goodman's, of the shares before smoothing)."
)


class SourceSummary(Record):
    """From rows to samples."""

    path: str
    format: str
    """The format that was recognised or asked for."""
    columns: dict[str, str]
    """Our field -> the column it was read from."""
    rows: int
    samples: int
    """Good samples kept, after `data.limit`."""
    beyond_limit: int = 0
    """Good samples left out by `data.limit`."""
    merged: int = 0
    """Rows with an answer labelled bad that is now a rejected answer of another row's sample."""
    set_aside: dict[str, int]
    """Reason -> number of rows."""
    by_dimension: dict[str, int]
    """Dimension (or `unknown`) -> number of samples kept."""
    files_left_out: dict[str, str] = Field(default_factory=dict)
    """File of a folder -> why it was not read."""
    decontaminated: int = 0
    """Good samples dropped because they hold text of a benchmark's test item."""
    decontaminated_by: dict[str, int] = Field(default_factory=dict)
    """Benchmark -> samples that hold something of it; one sample may count for several."""
    compared_with: dict[str, int] = Field(default_factory=dict)
    """Benchmark -> test items that were looked for in the samples."""


class TypeShare(Record):
    """How many answers make errors of a type."""

    error_type: str
    of_wrong: Share
    of_all: Share
    proved: int = 0
    """By a program."""
    judged: int = 0
    """By a judge; the rest is the likeliest type that a program found."""


class DimensionProfile(Record):
    """The answers of one dimension, or of all."""

    name: str
    answers: int
    """Those that were looked at."""
    not_judged: int
    """Answers of which no program could tell whether they are right."""
    accuracy: Share
    """Right ones of those that could be judged."""
    wrong: int
    types: tuple[TypeShare, ...]
    """The error types, then `other`."""
    type_not_judged: Share
    """Wrong answers whose error could not be told, of the wrong ones."""


class TypeWeight(Record):
    """How often `mix` draws a type."""

    error_type: str
    count: int
    """Wrong answers of the type."""
    weight: float
    interval: Interval | None
    """None where no wrong answer has a type."""


class Profile(Record):
    """Which errors the model makes itself: what `profile.json` of the stage diagnose holds."""

    model: str
    answered_by: str
    judge: str | None
    questions: tuple[str, ...]
    """The sources."""
    seed: int
    limit: int | None
    confidence: float
    method: str = PROFILE_METHOD
    dimensions: tuple[DimensionProfile, ...]
    """All answers first."""
    weights: tuple[TypeWeight, ...]
    finish: dict[str, int] = Field(default_factory=dict)
    """How answers ended -> their number."""
    warnings: tuple[str, ...] = ()


class InjectSummary(Record):
    """From samples to candidates, each count by error type."""

    asked: dict[str, int]
    candidates: dict[str, int]
    by_strategy: dict[str, dict[str, int]]
    """Error type -> strategy -> number of candidates."""
    skipped: dict[str, dict[str, int]]
    """Error type -> reason -> number of samples without a candidate."""
    injector: str
    """The model that ranked them; empty where none did."""
    by_severity: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Error type -> severity -> number of candidates that were scored."""
    from_retries: dict[str, int] = Field(default_factory=dict)
    """Candidates of a model that had been told what its last one failed."""
    asks: dict[str, int] = Field(default_factory=dict)
    """Requests to the engine."""
    generated_tokens: dict[str, int] = Field(default_factory=dict)
    """Tokens of its replies."""
    unanswered: int = 0
    """Requests that got no usable reply."""


class Estimate(Record):
    """A figure with its 95% bootstrap interval over samples."""

    value: float
    low: float
    high: float


class AuditRow(Record):
    """How well a linear model tells the negatives of a type from their chosen answers by the surface of the texts."""

    error_type: str
    strategy: str | None = None
    """One strategy's negatives; None for those of all."""
    pairs: int
    pairs_used: int = 0
    """Fewer than `pairs` where a sub-sample was drawn."""
    auc: Estimate | None = None
    """Of single texts: is it a negative? 0.5 is no giveaway."""
    paired_accuracy: Estimate | None = None
    """Of pairs: which of the two is the negative? 0.5 is no giveaway."""
    telltales: tuple[str, ...] = ()
    """The features that the paired model leans on most, with their mean shift from chosen answer to negative."""
    not_judged: str | None = None
    """Why nothing was measured."""


class LogprobGap(Record):
    """How much likelier the reference finds chosen answers than worse ones, summed over the tokens of an answer."""

    of: str
    """`rejected`, the data's own rejected answers, or the error type of the negatives."""
    pairs: int
    mean_nats: Estimate
    median_nats: float
    prefers_chosen: float
    """Share of pairs in which the reference finds the chosen answer likelier."""


class AuditSummary(Record):
    """What gives the negatives away."""

    limit: float
    """Above it an AUC or a paired accuracy is a warning."""
    rows: tuple[AuditRow, ...]
    gaps: tuple[LogprobGap, ...] = ()
    warnings: tuple[str, ...] = ()


class VerifySummary(Record):
    """From candidates to negatives, each count by error type."""

    asked: dict[str, int]
    """Samples for which a negative was wanted."""
    checked: dict[str, int] = Field(default_factory=dict)
    """Candidates that were looked at."""
    accepted: dict[str, int]
    status: dict[str, dict[Status, int]]
    proofs: dict[str, dict[str, int]]
    """Error type -> check that proved the error -> number of negatives; one negative may have several proofs."""
    dropped_candidates: dict[str, dict[str, int]]
    """Error type -> check that failed -> number of candidates; one candidate may fail several."""
    without_negative: dict[str, dict[str, int]]
    """Error type -> reason -> number of samples."""
    set_aside_samples: dict[str, int]
    """Reason -> number of samples whose chosen answer failed a proof itself."""
    audit: AuditSummary | None = None
    """What gives the negatives away; None where none was made."""


class MixSummary(Record):
    """From negatives to training pairs."""

    kind: str
    samples: int
    pairs: int
    by_error_type: dict[str, int]
    without_pair: int
    """Samples for which the mix found no negative."""
    weights: dict[str, float] | None = None
    """Error type -> how often it was to be drawn; None where all types are drawn alike."""
    order: str = "shuffled"
    left_out: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Cap -> error type or source -> what was over it: of `max_per_type` pairs (of all epochs, where each is drawn
    anew), of `max_per_source` samples."""
    capped_samples: int = 0
    """Samples that no epoch trains, because of the caps."""
    by_epoch: tuple[dict[str, int], ...] = ()
    """Of each epoch its pairs by error type; empty where all epochs have the same."""


class TrainSummary(Record):
    """What training did."""

    method: str
    model: str
    samples: int
    pairs: int
    set_aside: dict[str, int]
    """Reason -> number of pairs."""
    steps: int
    trainable_parameters: int
    tokens_computed: int
    """Tokens of the packed trees over the whole training, reference pass left out."""
    tokens_padded: int
    """Tokens that separate, padded prompt + completion rows of the same batches would have held."""
    final: dict[str, float]
    """Metric -> mean over the last tenth of the steps (at least one)."""
    warnings: tuple[str, ...] = ()
    tuning: Literal["lora", "full"] = "lora"
    processes: int = 1
    """How many trained together."""
    label_weights: tuple[float, float] | None = None
    """Of desirable and undesirable answers; None for a method without."""


class ScoreRow(Record):
    """One line of the table of scores; scores and differences are shares between 0 and 1."""

    name: str
    """A task's name, or a dimension's."""
    dimension: Dimension | None
    metric: str
    items: int
    before: float
    before_interval: tuple[float, float]
    after: float
    after_interval: tuple[float, float]
    difference: float
    """Mean of the paired differences, after minus before."""
    difference_interval: tuple[float, float]
    verdict: Literal["better", "worse", "undecided"]
    """`undecided` where the interval of the difference holds zero."""
    mcnemar_p: float | None = None
    """Exact two-sided p-value of no difference; None for scores that are not 0 or 1 an item."""


class TaskResult(Record):
    """A model's score in one task, benchmark or dimension; a share between 0 and 1."""

    name: str
    dimension: Dimension | None
    metric: str
    items: int
    value: float
    stderr: float | None
    """Standard error over items; None where too few tell it."""
    interval: tuple[float, float]
    group: str = ""
    """The benchmark of which the task is a part."""


class EvaluationResults(Record):
    """What `results.json` of an evaluation's folder holds; `samples.parquet` beside it holds the items' scores."""

    model: str
    model_fingerprint: str
    dtype: str
    protocol: Protocol
    suites: tuple[str, ...]
    seed: int
    limit: int | None
    limits: dict[str, int] = Field(default_factory=dict)
    """Task, benchmark or suite -> items of each task, where it has a limit of its own."""
    confidence: float
    tasks: tuple[TaskResult, ...]
    groups: tuple[TaskResult, ...] = ()
    """Benchmarks of several tasks, as `mmlu` and `bbh`."""
    dimensions: tuple[TaskResult, ...] = ()
    further: tuple[TaskResult, ...] = ()
    """The same items by the other metrics and filters of their tasks."""
    not_measured: dict[str, str] = Field(default_factory=dict)
    """Dimension or task -> why it was not measured."""
    truncated: dict[str, int] = Field(default_factory=dict)
    """Task -> requests that were cut from the left to fit the model's context."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Package, or task, -> its version."""
    seconds: float | None = None
    fingerprint: str = ""
    """Stands for the model, the items and the settings, where it is no part of a run."""


class EvaluateSummary(Record):
    """Scores of the untouched and the trained model on the same items."""

    model: str
    confidence: float
    method: str
    """How the intervals were computed, in words."""
    tasks: tuple[ScoreRow, ...]
    dimensions: tuple[ScoreRow, ...]
    groups: tuple[ScoreRow, ...] = ()
    """Benchmarks of several tasks, as `mmlu` and `bbh`."""
    not_measured: dict[str, str] = Field(default_factory=dict)
    """Dimension or task -> why it was not measured."""
