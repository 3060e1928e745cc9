"""Log-probabilities of answers to conversations, and of what else might stand in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from seapo.model.encoding import encode_chat
from seapo.records import Message
from seapo.tree import Group, score, score_tokens

TOKENS_PER_ROW = 2048


@dataclass(frozen=True)
class TokenChoice:
    """One token of an answer, and what the model would have written in its place."""

    start: int
    """Offset of the token's first character in the answer."""
    end: int
    logprob_nats: float
    is_argmax: bool
    alternatives: tuple[tuple[str, float], ...]
    """(text, log-probability in nats) of the model's best tokens there, best first; the token itself may be one."""


@dataclass(frozen=True)
class AnswerScore:
    """How likely a model finds an answer."""

    logprob_nats: float
    """Of the answer with its end of turn, summed over its tokens, rounded to 4 decimals."""
    tokens: int
    """Those with the end of turn."""


class ChatScorer:
    """A model's opinion of answers, through its chat template.

    One prefix tree per prompt and call, so that a score never depends on what else is scored in the run.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str, fingerprint: str) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.fingerprint = fingerprint

    def logprobs(self, prompt: Sequence[Message], answers: Sequence[str]) -> list[float]:
        """Log-probability of each answer with its end of turn, in nats, rounded to 4 decimals."""
        return [score.logprob_nats for score in self.scores(prompt, answers)]

    @torch.no_grad()
    def scores(self, prompt: Sequence[Message], answers: Sequence[str]) -> list[AnswerScore]:
        """Log-probability and length of each answer."""
        encoded = [encode_chat(self.tokenizer, prompt, answer) for answer in answers]
        (scores,) = score(
            self.model,
            [Group(encoded[0].prompt, [answer.completion for answer in encoded])],
            max_tokens_per_row=TOKENS_PER_ROW,
        )
        return [
            AnswerScore(round(value, 4), len(answer.completion))
            for value, answer in zip(scores.tolist(), encoded, strict=True)
        ]

    @torch.no_grad()
    def alternatives(self, prompt: Sequence[Message], answer: str, *, k: int) -> list[TokenChoice]:
        """The model's k best tokens at the place of each token of the answer; the end of turn is left out."""
        encoded = encode_chat(self.tokenizer, prompt, answer)
        ((scores,),) = score_tokens(self.model, [Group(encoded.prompt, [encoded.completion])], alternatives=k)
        assert scores.alternatives is not None
        rows = zip(
            encoded.offsets,
            scores.logprobs.tolist(),
            scores.is_argmax.tolist(),
            scores.alternatives.ids.tolist(),
            scores.alternatives.logprobs.tolist(),
            strict=True,
        )
        return [
            TokenChoice(start, end, logprob, is_argmax, tuple(zip(self._texts(ids), values, strict=True)))
            for (start, end), logprob, is_argmax, ids, values in rows
            if start < end
        ]

    def count_tokens(self, answer: str) -> int:
        """Tokens of an answer alone."""
        return len(self.tokenizer(answer, add_special_tokens=False)["input_ids"])

    def _texts(self, ids: list[int]) -> list[str]:
        return [self.tokenizer.decode([token]) for token in ids]
