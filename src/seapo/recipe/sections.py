"""The sections of a recipe, but for `train`."""

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from seapo.recipe.section import Section
from seapo.records import Status


class ModelSection(Section):
    """The model that judges plausibility, is trained, and is evaluated."""

    name: str = "embedded"
    """`embedded` (SmolLM2-135M-Instruct), a local folder, or a hub id."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the forward passes in inject and train; `auto` is bfloat16 where the processor multiplies it natively."""
    attention: Literal["auto", "sdpa", "eager", "flex_attention"] = "auto"
    """`auto` is what transformers chooses. On a GPU, `flex_attention` skips what trees do not share; it compiles."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Leave it off unless you have read that code."""


class DecontaminateSection(Section):
    """Which samples are dropped because they hold what a benchmark's test item says."""

    data_dir: str | None = None
    """Folder of benchmark data, laid out as for `evaluate.data_dir`; nothing is dropped where it is left out."""
    words: int = Field(default=13, ge=5)
    """So many words in a row, in a question or answer of a test item, make a match; shorter texts match as a whole."""


class DataSection(Section):
    """Where prompts and good answers come from."""

    path: str = "starter"
    """`starter` (shipped with seapo), a file, a `datasets` folder, or a hub id."""
    format: str = "auto"
    """A known format's name, where recognising it goes wrong; `seapo source --help` lists them."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Column map, as `{prompt: question, chosen: answer}`."""
    split: str = "train"
    """Split of a hub data set or `datasets` folder that has several."""
    limit: int | None = Field(default=None, gt=0)
    """Number of samples to keep, drawn by the seed; all where it is left out."""
    decontaminate: DecontaminateSection = DecontaminateSection()


class EngineSection(Section):
    """The model that writes text (`engine`), or that judges it (`judge`): an OpenAI-compatible server."""

    kind: Literal["none", "embedded", "vllm", "openai"] = "none"
    """`none`; `embedded`, a llama.cpp server that seapo starts; `vllm`, which seapo starts on this machine; `openai`,
    any server that speaks its protocol, under `base_url`."""
    model: str | None = None
    """Its name at the server; for `vllm` a folder or hub id, for `embedded` a GGUF file (left out: SmolLM2-135M)."""
    base_url: str | None = None
    """As https://api.openai.com/v1 or http://127.0.0.1:8000/v1."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; the key itself never stands in a recipe."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=1024, gt=0)
    """Longest reply."""
    context_tokens: int = Field(default=4096, gt=0)
    """Of one request, where seapo starts the server."""
    response_format: Literal["auto", "json_schema", "json_object", "none"] = "auto"
    """How replies are held to a JSON schema; `auto` asks for `json_schema` until the server refuses it."""
    concurrency: int = Field(default=8, gt=0)
    """Requests under way at most; fewer where the server says it is busy."""
    timeout_s: float = Field(default=120.0, gt=0)
    max_retries: int = Field(default=6, ge=0)
    """Of one request, for what is worth trying again: a lost connection, 408, 409, 429 and 5xx, a broken reply."""
    tensor_parallel_size: int = Field(default=1, gt=0)
    data_parallel_size: int = Field(default=1, gt=0)
    price_per_million_input_tokens: float | None = Field(default=None, ge=0)
    """In US dollars."""
    price_per_million_output_tokens: float | None = Field(default=None, ge=0)
    budget_tokens: int | None = Field(default=None, gt=0)
    """Prompt and reply tokens after which a run stops, to be gone on with later."""
    budget_usd: float | None = Field(default=None, gt=0)
    deadline_s: float | None = Field(default=None, gt=0)
    """Seconds after which a run stops in order."""

    @model_validator(mode="after")
    def _check_server(self) -> Self:
        if self.kind == "openai" and not (self.base_url and self.model):
            raise ValueError("kind: openai needs base_url and model")
        if self.kind == "vllm" and not self.model:
            raise ValueError("kind: vllm needs model, a folder or hub id")
        prices = (self.price_per_million_input_tokens, self.price_per_million_output_tokens)
        if self.budget_usd is not None and None in prices:
            raise ValueError("budget_usd needs price_per_million_input_tokens and price_per_million_output_tokens")
        return self


class ErrorTypeSection(Section):
    """An error type of the user's own."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    definition: str
    """What the error is, in a sentence that a model or a person can follow."""
    subtypes: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    """Each a short passage before and after, or a description."""


class InjectSection(Section):
    """Which errors to put in, and how."""

    error_types: tuple[str, ...] = ("correctness", "logic", "hallucination")
    types: tuple[ErrorTypeSection, ...] = ()
    """Error types of your own, to be named in `error_types`."""
    strategies: tuple[str, ...] = ("chain",)
    """`chain`, or any of `rule`, `pivot`, `edit`, `rewrite` and your own, whose proposals compete."""
    chain: tuple[tuple[str, ...], ...] | None = None
    """The steps of `chain`: the next one is tried where no proposal of the one before passes the checks. Left out:
    [[edit], [rule, pivot]] with an engine that follows instructions, [[rule, pivot]] with the embedded one or none."""
    candidates_per_type: int = Field(default=6, gt=0)
    """Candidates of a sample and type that are kept for the checks."""
    candidate_tokens: int = Field(default=300, gt=0)
    """Tokens of a sample's candidates, each from its error on, that the model reads to rank them. Of a long answer
    fewer candidates are kept, but at least two of each type, and three of `logic`."""
    edits_per_answer: int = Field(default=1, ge=1, le=5)
    """Errors of the type in one answer."""
    severity: Literal["any", "subtle", "moderate", "gross"] = "any"
    """Prefer candidates of a measured severity (docs/injection.md)."""
    max_attempts: int = Field(default=3, gt=0)
    """How often a model is asked for one sample and type; it is told what the last answer failed."""
    rank_by: Literal["model", "none"] = "model"
    """`none` takes proposals in the order of their strategies and loads no model."""
    max_completion_tokens: int = Field(default=512, gt=0)
    """Samples with a longer answer are skipped."""
    workers: int = Field(default=1, gt=0)
    """Processes that work on samples side by side, each with a model of its own where one ranks; an engine is asked
    from one process."""


class VerifySection(Section):
    """What a negative must pass."""

    accept: tuple[Status, ...] = ("proved", "judged", "constructed")
    min_length_ratio: float = 0.6
    """Length of the negative over the length of the chosen answer, in characters."""
    max_length_ratio: float = 1.6
    max_edit_ratio: float = 0.5
    """Share of the answer that may be replaced."""
    min_reference_margin_nats: float = Field(default=0.5, ge=0)
    """By so much must the reference prefer the original span for `reference` to count as evidence."""
    use_judge: bool = False
    """Ask the model of the section `judge` about every candidate that the other checks let pass."""
    balance: bool = True
    """Of several candidates that pass, choose so that no surface feature tells negatives from chosen answers."""
    keep_per_type: int = Field(default=1, gt=0)
    """Negatives of each type that are kept of a sample, where so many pass; `mix.negatives_per_sample` takes them."""
    giveaway_limit: float = Field(default=0.7, gt=0.5, le=1)
    """Warn where a classifier of surface features tells more of the pairs apart."""
    rejected_scored: int = Field(default=20, ge=0)
    """The data's own rejected answers that the model scores beside their chosen ones, to compare the negatives with;
    where no model ranks candidates (`inject.rank_by: none`), none is scored."""
    allow_unsandboxed_code: bool = False
    """Run unit tests without a sandbox where bubblewrap is missing. The code comes from data and models."""
    test_timeout_s: float = Field(default=5.0, gt=0)
    workers: int = Field(default=1, gt=0)
    """Processes that check samples side by side."""


class DiagnoseSection(Section):
    """Which errors the model itself makes, on questions with known answers."""

    enabled: bool = False
    """Whether `seapo run` does it; it does in any case where `mix.weights` is from_diagnosis."""
    questions: tuple[str, ...] = ("starter",)
    """`starter`; of a data folder `gsm8k`, `math`, `bbh`, `mmlu`, `truthfulqa`; or a file of questions and answers."""
    data_dir: str | None = None
    """Folder with benchmark data, one sub-folder a benchmark."""
    limit: int | None = Field(default=100, gt=0)
    """Questions of each source, spread over its tasks."""
    answered_by: Literal["model", "engine"] = "model"
    """The recipe's model, through transformers; or the model of the section `engine`, where that is the same one."""
    max_completion_tokens: int = Field(default=384, gt=0)
    """Longer answers are cut, and counted as such."""
    batch_size: int = Field(default=16, gt=0)
    """Questions that are answered side by side, where transformers answers them."""
    use_judge: bool = True
    """Ask the model of the section `judge`, where there is one, about what a program cannot prove."""
    pseudo_count: float = Field(default=1.0, gt=0)
    """Added to the wrong answers of each error type before they become weights: none gets zero by chance."""
    confidence: float = Field(default=0.95, gt=0, lt=1)


class EvaluateSection(Section):
    """What to measure before and after."""

    suites: tuple[str, ...] = ("starter",)
    """`starter` ships with seapo; `mathematics`, `reasoning`, `coding`, `knowledge` and `truthfulness` ask published
    benchmarks."""
    tasks: tuple[str, ...] = ()
    """Further tasks of lm-evaluation-harness, by its names: `arc_easy`, `mmlu`."""
    protocol: Literal["paper", "chat"] = "paper"
    """How benchmarks are asked: plain text as published, or through the chat template, examples as turns."""
    data_dir: str | None = None
    """Folder with benchmark data (docs/evaluation.md); left out, it comes from the hub."""
    limit: int | None = Field(default=None, gt=0)
    """Items of each task, the same ones for every model."""
    limits: dict[str, PositiveInt] = Field(default_factory=dict)
    """Limits of their own, for each task of a suite, benchmark or task by name: {mmlu: 4, gsm8k_cot: 20}."""
    allow_unsandboxed_code: bool = False
    """Run the model's programs without a sandbox where bubblewrap is missing. Nobody has read them."""
    dtype: Literal["auto", "float32", "bfloat16"] = "float32"
    confidence: float = Field(default=0.95, gt=0, lt=1)


class ReportSection(Section):
    """What the report shows."""

    examples_per_type: int = Field(default=10, ge=0)
    pairs: int = Field(default=5000, ge=0)
    """Pairs in the report's pair browser at most; where there are more, the seed draws. 0 leaves the browser out."""
