"""Log-probabilities of answers to conversations, and of what else might stand in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from seapo.model.encoding import EncodedChat, encode_chat
from seapo.records import Message
from seapo.tree import Branch, Group, Trunk, score
from seapo.tree.pack import common_length

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

    def read(self, prompt: Sequence[Message], answer: str) -> "ChatReading":
        """The answer, to be read once for all questions about it and what might stand in its place."""
        return ChatReading(self.model, self.tokenizer, prompt, answer)

    def count_tokens(self, answer: str) -> int:
        """Tokens of an answer alone."""
        return len(self.tokenizer(answer, add_special_tokens=False)["input_ids"])


class ChatReading:
    """An answer behind its prompt, computed once: what else might stand in it, and how likely other answers are.

    Another answer costs the tokens from its first difference on. Scores equal those of `ChatScorer.scores`. Keys and
    values of prompt and answer are kept as long as the reading lives.
    """

    def __init__(self, model: Any, tokenizer: Any, prompt: Sequence[Message], answer: str) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._encoded: dict[str, EncodedChat] = {}
        self._answer = self._encode(answer)

    @cached_property
    def _trunk(self) -> Trunk:
        return Trunk(self._model, [*self._answer.prompt, *self._answer.completion])

    def alternatives(self, k: int) -> list[TokenChoice]:
        """The model's k best tokens at the place of each token of the answer; the end of turn is left out."""
        scores = self._trunk.own_scores(len(self._answer.prompt), alternatives=k)
        self._own = scores.logprobs
        assert scores.alternatives is not None
        rows = zip(
            self._answer.offsets,
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

    def costs(self, answers: Sequence[str]) -> list[int]:
        """Tokens of each answer from its first difference on, its end of turn among them: what reading it costs."""
        return [len(self._branch(answer).tokens) for answer in answers]

    def glances(self, answers: Sequence[str]) -> list[float]:
        """Log-probability of the first token in which each answer differs, which this answer's tokens already tell."""
        branches = [self._branch(answer) for answer in answers]
        scores = self._trunk.score([Branch(branch.at, branch.tokens[:1]) for branch in branches])
        return [round(float(score.logprobs.sum()), 4) for score in scores]

    def score(self) -> AnswerScore:
        """Of the answer itself."""
        return AnswerScore(round(float(self._own.sum()), 4), len(self._own))

    def scores(self, answers: Sequence[str]) -> list[AnswerScore]:
        """Log-probability and length of other answers."""
        branches = [self._branch(answer) for answer in answers]
        start = len(self._answer.prompt)
        return [
            AnswerScore(
                round(float(self._own[: branch.at - start].sum() + scored.logprobs.sum()), 4),
                branch.at - start + len(branch.tokens),
            )
            for branch, scored in zip(branches, self._trunk.score(branches), strict=True)
        ]

    @cached_property
    def _own(self) -> torch.Tensor:
        """Log-probabilities of the answer's tokens."""
        return self._trunk.own_scores(len(self._answer.prompt)).logprobs

    def _branch(self, answer: str) -> Branch:
        """Where another answer leaves this one, and its tokens from there on."""
        tokens = self._encode(answer).completion
        shared = common_length(self._answer.completion, tokens)
        return Branch(len(self._answer.prompt) + shared, tokens[shared:])

    def _encode(self, answer: str) -> EncodedChat:
        if answer not in self._encoded:
            self._encoded[answer] = encode_chat(self._tokenizer, self._prompt, answer)
        return self._encoded[answer]

    def _texts(self, ids: list[int]) -> list[str]:
        return [self._tokenizer.decode([token]) for token in ids]
