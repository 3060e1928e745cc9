"""The known formats: which columns each has, under which names, and how a row of it looks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seapo.reading.conversation import ends_with_answer, has_messages
from seapo.reading.labels import is_label
from seapo.source.drafts import (
    Columns,
    Draft,
    Field,
    Values,
    is_graded,
    read_draft,
    read_gsm8k,
    read_gsm8k_solutions,
    read_implicit,
)

Names = Mapping[Field, tuple[str, ...]]
"""Field -> names that its column may have, the usual one first."""

_CONVERSATION = ("conversations", "messages", "conversation", "dialog", "dialogue", "chat")
_QUESTION = ("prompt", "question", "query", "problem", "input", "user", "human", "instruction")
_ANSWER = ("chosen", "response", "completion", "output", "solution", "answer", "ground_truth", "reply", "assistant")
_OUTPUT = ("output", "response", "completion", "answer")
_LABEL = ("kto_tag", "label", "tag")
_OPTIONAL: Names = {"system": ("system", "system_prompt"), "id": ("id", "prompt_id", "uid", "uuid")}
_ALPACA: Names = {"input": ("input", "context"), "history": ("history",), **_OPTIONAL}
_MAPPED: Names = {"input": (), "history": (), **_OPTIONAL}
"""Parts of a prompt that are only read where a column map names them."""


@dataclass(frozen=True)
class Format:
    """A way in which data sets lay out a row."""

    name: str
    description: str
    required: Names
    optional: Names
    fits: Callable[[Values, Columns], bool]
    """Whether a row that has the required columns also looks like this format: given its values and the whole row."""
    read: Callable[[Values, Columns], Draft] = read_draft
    is_general: bool = False
    """Whether it is nothing but its fields, so that rows may have it whose columns are all named by a column map."""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _speaks(value: object) -> bool:
    return isinstance(value, str) or has_messages(value)


def _fits_ultrafeedback(values: Values, row: Columns) -> bool:
    return _is_text(values["prompt"]) and has_messages(values["chosen"]) and has_messages(values["rejected"])


def _fits_preference(values: Values, row: Columns) -> bool:
    return _speaks(values["prompt"]) and _speaks(values["chosen"]) and _answers(values["rejected"])


def _answers(value: object) -> bool:
    several = isinstance(value, list) and all(_speaks(part) for part in value)
    return value is None or _speaks(value) or several


def _fits_ranking(values: Values, row: Columns) -> bool:
    is_prompt = has_messages(values["messages"]) and not ends_with_answer(values["messages"])
    return is_prompt and _speaks(values["chosen"]) and _answers(values["rejected"])


def _fits_implicit(values: Values, row: Columns) -> bool:
    chosen, rejected = values["chosen"], values["rejected"]
    return (_is_text(chosen) and _is_text(rejected)) or (has_messages(chosen) and has_messages(rejected))


def _fits_labelled_conversation(values: Values, row: Columns) -> bool:
    return has_messages(values["messages"]) and _is_labelled(values, row)


def _fits_conversation(values: Values, row: Columns) -> bool:
    return has_messages(values["messages"])


def _fits_unpaired(values: Values, row: Columns) -> bool:
    return _fits_pair(values, row) and _is_labelled(values, row)


def _is_labelled(values: Values, row: Columns) -> bool:
    """Whether the label tells good answers from bad: by what it says, or by names that only such data has.

    Where the names say so, a label that cannot be read must set its row aside, lest a bad answer pass for a good one.
    """
    return is_label(values["label"]) or "kto_tag" in row or {"completion", "label"} <= row.keys()


def _fits_gsm8k(values: Values, row: Columns) -> bool:
    return _is_text(values["prompt"]) and "\n#### " in str(values["chosen"])


def _fits_solutions(values: Values, row: Columns) -> bool:
    return _is_text(values["prompt"]) and _is_text(values["chosen"]) and any(is_graded(part) for part in row.values())


def _fits_pair(values: Values, row: Columns) -> bool:
    return _speaks(values["prompt"]) and _speaks(values["chosen"])


_PAIRED: Names = {"chosen": ("chosen",), "rejected": ("rejected",)}

KNOWN_FORMATS: tuple[Format, ...] = (
    Format(
        "ultrafeedback",
        "UltraFeedback binarized: prompt as text; chosen and rejected as messages that repeat it",
        {"prompt": ("prompt",), **_PAIRED},
        _OPTIONAL,
        _fits_ultrafeedback,
    ),
    Format(
        "preference",
        "TRL, explicit prompt: prompt, chosen, rejected, as texts or as messages",
        {"prompt": ("prompt", "question", "query", "problem"), **_PAIRED},
        _MAPPED,
        _fits_preference,
        is_general=True,
    ),
    Format(
        "alpaca-ranking",
        "LLaMA-Factory, alpaca with ranking: instruction, input, chosen, rejected",
        {"prompt": ("instruction",), **_PAIRED},
        _ALPACA,
        _fits_preference,
    ),
    Format(
        "sharegpt-ranking",
        "LLaMA-Factory, sharegpt with ranking: conversations up to the answer, chosen, rejected",
        {"messages": _CONVERSATION, **_PAIRED},
        _OPTIONAL,
        _fits_ranking,
        is_general=True,
    ),
    Format(
        "implicit",
        "TRL, implicit prompt: chosen and rejected, whose common beginning is the prompt",
        _PAIRED,
        _OPTIONAL,
        _fits_implicit,
        read_implicit,
        is_general=True,
    ),
    Format(
        "sharegpt-kto",
        "LLaMA-Factory, sharegpt for KTO: conversations or messages, with kto_tag or label",
        {"messages": _CONVERSATION, "label": _LABEL},
        _OPTIONAL,
        _fits_labelled_conversation,
        is_general=True,
    ),
    Format(
        "alpaca-kto",
        "LLaMA-Factory, alpaca for KTO: instruction, input, output, with kto_tag or label",
        {"prompt": ("instruction",), "chosen": _OUTPUT, "label": _LABEL},
        _ALPACA,
        _fits_unpaired,
    ),
    Format(
        "unpaired",
        "TRL, unpaired preference: prompt, completion, label, as texts or as messages",
        {"prompt": _QUESTION, "chosen": ("completion", "response", "output", "answer"), "label": ("label", "kto_tag")},
        _MAPPED,
        _fits_unpaired,
        is_general=True,
    ),
    Format(
        "sharegpt",
        "LLaMA-Factory, sharegpt: conversations whose last answer is the good one",
        {"messages": tuple(name for name in _CONVERSATION if name != "messages")},
        _OPTIONAL,
        _fits_conversation,
    ),
    Format(
        "messages",
        "OpenAI, and TRL for language modelling: messages whose last answer is the good one",
        {"messages": ("messages",)},
        _OPTIONAL,
        _fits_conversation,
        is_general=True,
    ),
    Format(
        "gsm8k-solutions",
        "GSM8K's example solutions: question, ground_truth, and models' graded solutions",
        {"prompt": ("question",), "chosen": ("ground_truth",)},
        _OPTIONAL,
        _fits_solutions,
        read_gsm8k_solutions,
    ),
    Format(
        "gsm8k",
        "GSM8K: question, and answer that ends with a line `#### 72`",
        {"prompt": ("question",), "chosen": ("answer",)},
        _OPTIONAL,
        _fits_gsm8k,
        read_gsm8k,
    ),
    Format(
        "alpaca",
        "LLaMA-Factory, alpaca: instruction, input, output, system, history",
        {"prompt": ("instruction",), "chosen": _OUTPUT},
        _ALPACA,
        _fits_pair,
    ),
    Format(
        "prompt-completion",
        "TRL, prompt-completion: prompt, completion, as texts or as messages",
        {"prompt": ("prompt",), "chosen": ("completion",)},
        _OPTIONAL,
        _fits_pair,
    ),
    Format(
        "plain",
        "a question and an answer under usual names: question/answer, prompt/response, ...",
        {"prompt": _QUESTION, "chosen": _ANSWER},
        {**_MAPPED, "input": ("context",), "rejected": ("rejected",)},
        _fits_pair,
        is_general=True,
    ),
)
"""In the order in which they are tried: what asks for more comes first."""

FORMATS: Mapping[str, str] = {known.name: known.description for known in KNOWN_FORMATS}
"""Name -> one line on what it is."""
