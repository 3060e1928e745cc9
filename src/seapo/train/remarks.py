"""What a user should know of the data before it is trained on: sentences for the summary's warnings."""

from collections.abc import Sequence

from seapo.recipe import TrainSection
from seapo.train.examples import EncodedPairs
from seapo.train.loss import NEEDS_PAIRS

SHOWN_IDS = 5


def remarks(encoded: EncodedPairs, settings: TrainSection) -> tuple[str, ...]:
    """Sentences on plain texts, boundaries, cuts, labels that cannot be balanced, and edits that are not there."""
    found = [
        _on_plain_texts(encoded.untemplated),
        _on_boundary(encoded.boundary_shifted),
        _on_cut(encoded.cut, settings),
        _on_labels(encoded, settings),
        _on_edits(encoded, settings),
    ]
    return tuple(sentence for sentence in found if sentence)


def _on_plain_texts(count: int) -> str | None:
    if not count:
        return None
    noun = "row has" if count == 1 else "rows have"
    return (
        f"{count} {noun} plain texts, so prompt and answer are put together as they stand, without the model's chat "
        'template; write [{"role": "user", "content": ...}] as prompt, and answers likewise, where it should be used'
    )


def _on_boundary(ids: Sequence[str]) -> str | None:
    if not ids:
        return None
    return (
        f"{_samples(ids)}: the prompt's tokens are not the first tokens of prompt and answer in one piece, because a "
        "token would reach over the boundary; the prompt's own tokens were taken, since generation starts from them"
    )


def _on_cut(ids: Sequence[str], settings: TrainSection) -> str | None:
    if not ids:
        return None
    over = f"over train.max_length, {settings.max_length} tokens, by train.truncation: {settings.truncation}"
    if settings.truncation == "keep_start":
        return (
            f"{_samples(ids)}: answers lost their end {over}, and with it their end of turn; such answers do not "
            "teach the model when to stop"
        )
    return f"{_samples(ids)}: prompts lost their start {over}, and with it any system message and the template's head"


def _on_labels(encoded: EncodedPairs, settings: TrainSection) -> str | None:
    if settings.method in NEEDS_PAIRS or settings.method == "sft":
        return None
    labels = {answer.is_desirable for example in encoded.examples for answer in example.answers}
    if len(labels) != 1:
        return None
    there, lacking = ("desirable", "undesirable") if True in labels else ("undesirable", "desirable")
    return (
        f"all answers are {there}, so the weights of the labels cannot be balanced, and train.method: "
        f"{settings.method} learns from one side only; add {lacking} answers"
    )


def _on_edits(encoded: EncodedPairs, settings: TrainSection) -> str | None:
    if settings.edit_weight == 1 or any(answer.edited for one in encoded.examples for answer in one.answers):
        return None
    return (
        f"train.edit_weight: {settings.edit_weight:g} changes nothing: no pair says what was edited (column `edits`), "
        "so every token counts once"
    )


def _samples(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
    noun = "sample" if len(ids) == 1 else "samples"
    return f"{len(ids)} {noun} ({', '.join(ids[:SHOWN_IDS])}{more})"
