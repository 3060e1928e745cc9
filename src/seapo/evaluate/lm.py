"""A model of transformers as lm-evaluation-harness drives it, every token that requests share computed once.

    lm_eval.simple_evaluate(model=TreeLM(model, tokenizer), tasks=["truthfulqa_mc2"])

Requests are encoded, cut and answered as the package's own class `HFLM` does it (version 0.4.13). Every reply goes to
the journal before it is used.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import jinja2
import lm_eval.utils
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import resolve_max_length
from tqdm import tqdm

from seapo.errors import DataError, ModelError
from seapo.evaluate.forest import TOKENS_PER_ROW, Score, score_forest
from seapo.evaluate.generation import read_settings
from seapo.evaluate.plain import PairEncoder, Request
from seapo.evaluate.scoring import DECIMALS
from seapo.evaluate.stage import Progress
from seapo.journal import Journal
from seapo.model.chat import ChatScorer
from seapo.model.writing import BATCH_SIZE, Asked, generate
from seapo.progress import Counted
from seapo.records import digest

KIND = "evaluate"
VERSION = 1
"""Raised when the same request would get another reply, so that old entries are not found."""
MAX_GEN_TOKENS = 256
"""Where a task sets no limit to an answer, as in `HFLM`."""


@dataclass(frozen=True)
class _Encoded:
    """A request as the model gets it."""

    request: Request
    is_cut: bool
    """Whether it lost tokens on the left."""


class TreeLM(TemplateLM):  # type: ignore[misc]
    """A model and its tokenizer as lm-evaluation-harness asks them."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str = "",
        fingerprint: str | None = None,
        journal: Journal | None = None,
        max_length: int | None = None,
        tokens_per_row: int = TOKENS_PER_ROW,
        batch_size: int = BATCH_SIZE,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> None:
        """A model in eval mode.

        fingerprint: what stands for weights, adapter and number type in the journal, which needs one.
        tokens_per_row: bounds the memory of scoring; batch_size: answers that are written at a time.
        """
        if journal is not None and fingerprint is None:
            raise ModelError("a journal keeps replies under the model's fingerprint, and none was given")
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.name = name or getattr(tokenizer, "name_or_path", "") or type(model).__name__
        self.truncated: Counter[str] = Counter()
        """Task -> requests that were longer than the context and lost tokens on the left."""
        self._fingerprint = fingerprint
        self._journal = journal
        self._max_length = max_length
        self._tokens_per_row = tokens_per_row
        self._batch_size = batch_size
        self._seed = seed
        self._progress = progress
        self._encoder = PairEncoder(tokenizer)

    @classmethod
    def from_scorer(cls, scorer: ChatScorer, **options: Any) -> Self:
        """The model behind a scorer, under its name and fingerprint."""
        own = {"name": scorer.name, "fingerprint": scorer.fingerprint}
        return cls(scorer.model, scorer.tokenizer, **{**own, **options})

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text."""
        token: int = self.tokenizer.eos_token_id
        return token

    @property
    def prefix_token_id(self) -> int:
        """What stands before a text that has no context."""
        return self._encoder.prefix_token

    @property
    def max_length(self) -> int:
        """Tokens of the context."""
        length: int = self._max_length or resolve_max_length(self.model.config, self.tokenizer)
        return length

    @property
    def max_gen_toks(self) -> int:
        """Tokens of an answer where a task says nothing."""
        return MAX_GEN_TOKENS

    @property
    def tokenizer_name(self) -> str:
        """What stands for the tokenizer in lm-evaluation-harness's own caches."""
        return str(self.tokenizer.name_or_path).replace("/", "__")

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """Token ids of a text."""
        if add_special_tokens is None:
            return self._encoder.encode(string)
        ids: list[int] = self.tokenizer.encode(string, add_special_tokens=add_special_tokens)
        return ids

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """A conversation as the model's template writes it; one that refuses a system turn gets none."""
        options = {"add_generation_prompt": add_generation_prompt, "continue_final_message": not add_generation_prompt}
        try:
            text: str = self.tokenizer.apply_chat_template(chat_history, tokenize=False, **options)
        except jinja2.TemplateError:
            turns = [turn for turn in chat_history if turn["role"] != "system"]
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, **options)
        return text

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """(log-probability of the continuation in nats, whether it is what the model would write) of each request."""
        pairs = [(str(request.args[0]), str(request.args[1])) for request in requests]
        keys = [self._key("loglikelihood", pair, self.max_length) for pair in pairs]
        found = self._remembered(keys)
        if any(key not in found for key in keys):
            encoded = [self._encode(pair, request) for pair, request in zip(pairs, requests, strict=True)]
            self._score(keys, encoded, [_where(request) for request in requests], found, disable_tqdm)
        self.truncated.update(
            request.task_name or "" for request, key in zip(requests, keys, strict=True) if found[key][2]
        )
        replies = [(float(found[key][0]), bool(found[key][1])) for key in keys]
        for pair, reply in zip(pairs, replies, strict=True):
            self.cache_hook.add_partial("loglikelihood", pair, reply)
        return replies

    def _loglikelihood_tokens(
        self, requests: list[tuple[Any, list[int], list[int]]], disable_tqdm: bool = False, **_: Any
    ) -> list[tuple[float, bool]]:
        encoded = [self._cut(context, continuation, "no task") for _, context, continuation in requests]
        keys = [self._key("tokens", list(each.request.tokens), each.request.start) for each in encoded]
        found = self._remembered(keys)
        self._score(keys, encoded, [str(request[0]) for request in requests], found, disable_tqdm)
        return [(float(found[key][0]), bool(found[key][1])) for key in keys]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Log-probability of each whole text in nats; one longer than the context in windows, each token once."""
        windows = [self._windows(str(request.args[0])) for request in requests]
        scores = iter(self._loglikelihood_tokens([*itertools.chain(*windows)], disable_tqdm=disable_tqdm))
        totals = [sum(next(scores)[0] for _ in each) for each in windows]
        for request, total in zip(requests, totals, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, total)
        return totals

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """The model's answer to each request, up to a stop sequence, its end of text, or the limit of tokens.

        A request that is there several times gets a sample for each time where its settings ask for sampling.
        """
        asked = [self._asked(request, sample) for request, sample in zip(requests, _samples(requests), strict=True)]
        keys = [self._generation_key(request, each) for request, each in zip(requests, asked, strict=True)]
        found = self._remembered(keys)
        missing = {key: each for key, each in zip(keys, asked, strict=True) if key not in found}
        answers = generate(
            self.model, self.tokenizer, list(missing.values()), name=self.name, batch_size=self._batch_size
        )
        names = list(missing)
        for number, answer in self._bar(answers, len(missing), disable_tqdm):
            self._keep(names[number], answer.text, found)
        for request, key in zip(requests, keys, strict=True):
            self.cache_hook.add_partial("generate_until", request.args, found[key])
        return [str(found[key]) for key in keys]

    def _score(
        self, keys: Sequence[str], encoded: Sequence[_Encoded], where: Sequence[str], found: dict[str, Any], quiet: bool
    ) -> None:
        """Compute what is not found, each different request once."""
        places: dict[Request, list[int]] = {}
        for place, each in enumerate(encoded):
            places.setdefault(each.request, []).append(place)
        asked = list(places)
        done = {number for number, own in enumerate(places.values()) if keys[own[0]] in found}

        def scored() -> Iterator[tuple[int, Score]]:
            for row in score_forest(self.model, asked, tokens_per_row=self._tokens_per_row, done=done):
                yield from ((number, score) for number, score in row.items() if number not in done)

        for number, score in self._bar(scored(), len(asked) - len(done), quiet):
            own = places[asked[number]]
            if not _is_finite(score.logprob_nats):
                raise ModelError(f"{self.name} gives {where[own[0]]} no finite log-probability")
            for key, is_cut in {keys[place]: encoded[place].is_cut for place in own}.items():
                self._keep(key, [round(score.logprob_nats, DECIMALS), score.is_greedy, is_cut], found)

    def _encode(self, pair: tuple[str, str], request: Instance) -> _Encoded:
        context, continuation = pair
        whole = self._encoder.encode_pair(context, continuation)
        if not 0 < whole.start < len(whole.tokens):
            raise DataError(f"{_where(request)}: its context and its continuation {continuation!r} need a token each")
        return self._cut(whole.tokens[: whole.start], whole.tokens[whole.start :], _where(request))

    def _cut(self, context: Sequence[int], continuation: Sequence[int], where: str) -> _Encoded:
        """Both in the model's context, which the last token doesn't take a place of; the left end gives way."""
        if len(continuation) > self.max_length:
            raise DataError(
                f"a continuation of {len(continuation)} tokens ({where}) does not fit into the model's context of "
                f"{self.max_length}"
            )
        spare = max(0, len(context) + len(continuation) - self.max_length - 1)
        return _Encoded(Request((*context[spare:], *continuation), len(context) - spare), spare > 0)

    def _windows(self, text: str) -> list[tuple[Any, list[int], list[int]]]:
        windows = lm_eval.utils.get_rolling_token_windows(
            token_list=self.tok_encode(text),
            prefix_token=self.prefix_token_id,
            max_seq_len=self.max_length,
            context_len=1,
        )
        return [(text[:40], *lm_eval.utils.make_disjoint_window(window)) for window in windows]

    def _asked(self, request: Instance, sample: int) -> Asked:
        context, options = request.args
        settings = read_settings(options, self.tokenizer, where=_where(request), default_tokens=self.max_gen_toks)
        room = self.max_length - settings.max_tokens
        if room <= 0:
            raise DataError(
                f"{_where(request)} asks for up to {settings.max_tokens} tokens, and the model's context has "
                f"{self.max_length}; set fewer (max_gen_toks)"
            )
        tokens = self._encoder.encode(context) or [self.prefix_token_id]
        if len(tokens) > room:
            self.truncated[request.task_name or ""] += 1
        return Asked(tuple(tokens[-room:]), settings, f"{self._seed}:{context}:{sample}", _where(request))

    def _generation_key(self, request: Instance, asked: Asked) -> str:
        more = asked.seed if asked.settings.is_sampled else ""
        return self._key("generate_until", list(request.args), self.max_length, more)

    def _key(self, *asked: Any) -> str:
        return digest({"stage": KIND, "lm": VERSION, "model": self._fingerprint, "asked": asked})

    def _remembered(self, keys: Sequence[str]) -> dict[str, Any]:
        if self._journal is None:
            return {}
        return {key: value for key in dict.fromkeys(keys) if (value := self._journal.get(key)) is not None}

    def _keep(self, key: str, value: Any, found: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.put(key, KIND, value)
        found[key] = value

    def _bar(self, parts: Iterator[Any], count: int, is_quiet: bool) -> Any:
        work = Counted(parts, count)
        if self._progress is not None:
            return self._progress(work)
        return tqdm(work, disable=is_quiet or not count, desc=self.name or "requests", unit="request")


def _where(request: Instance) -> str:
    return f"item {request.doc_id} of the task {request.task_name!r}"


def _samples(requests: Sequence[Instance]) -> list[int]:
    """For each request, how many equal ones stand before it."""
    seen: Counter[str] = Counter()
    numbers = []
    for request in requests:
        key = digest(list(request.args))
        numbers.append(seen[key])
        seen[key] += 1
    return numbers


def _is_finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
