"""Preference samples for timing: GSM8K and UltraFeedback, each answer with negatives that differ from it in one place.

A row of GSM8K: {"question": "Natalia sold clips to ...", "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips ..."}
A row of UltraFeedback: {"prompt": "how to cook t-bone in the oven", "chosen": "To cook a delicious ...", ...}

Places of edits are uniform over the answer's numbers (GSM8K) or words (UltraFeedback). They are drawn stratified, one
in each of as many equal parts as there are negatives, so that a few samples already have the mean of many.
"""

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seapo.records import Message, PreferencePair

DATA = {"gsm8k": "gsm8k/train.jsonl.gz", "ultrafeedback": "ultrafeedback/train_clean_1000.jsonl.gz"}
NUMBER = re.compile(r"\d+")
WORD = re.compile(r"\w+")
ANNOTATION = re.compile(r"<<[^>]*>>")  # GSM8K's marks for a calculator
CANDIDATES = 200
SHORTEST_ANSWER = 8
LONGEST_ANSWER = 384
ATTEMPTS = 100


@dataclass(frozen=True)
class Answered:
    """A prompt, its answer, and their length in tokens under the chat template."""

    id: str
    prompt: str
    answer: str
    tokens: int


@dataclass(frozen=True)
class Drawn:
    """What is timed, and what both sides warm up with."""

    timed: list[PreferencePair]
    """The pairs of each sample one behind the other."""
    warm_up: list[PreferencePair]
    """As many samples, the shortest ones, for a side whose steps are dear."""


def draw_samples(
    data_dir: Path, data: str, tokenizer: Any, *, samples: int, negatives: int, max_length: int, seed: int
) -> Drawn:
    """Samples whose lengths stand for the whole data set: one from the middle of each of equal parts by length."""
    rng = random.Random(f"{seed}:{data}")
    rows = list(read_rows(data_dir / DATA[data]))
    rng.shuffle(rows)
    found: list[Answered] = []
    for place, (prompt, answer) in enumerate(rows):
        measured = _measured(tokenizer, f"{data}:{place}", prompt, answer, max_length)
        found += [measured] if measured else []
        if len(found) == CANDIDATES:
            break
    found.sort(key=lambda one: one.tokens)
    timed = [found[samples + (2 * part + 1) * (len(found) - samples) // (2 * samples)] for part in range(samples)]
    rng.shuffle(timed)
    exchange = exchange_number if data == "gsm8k" else exchange_word
    return Drawn(*(make_pairs(each, exchange, negatives, rng) for each in (timed, found[:samples])))


def save_samples(drawn: Drawn, path: Path) -> None:
    """Write what was drawn, for the processes that time it."""
    parts = {name: [pair.model_dump(mode="json") for pair in getattr(drawn, name)] for name in ("timed", "warm_up")}
    path.write_text(json.dumps(parts), encoding="utf-8")


def load_samples(path: Path) -> Drawn:
    """What `save_samples` wrote."""
    parts = json.loads(path.read_text(encoding="utf-8"))
    return Drawn(*([PreferencePair.model_validate(row) for row in parts[name]] for name in ("timed", "warm_up")))


def read_rows(path: Path) -> Iterator[tuple[str, str]]:
    """(prompt, answer) of each row that can be edited."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            prompt, answer = row.get("question") or row["prompt"], row.get("answer") or row["chosen"]
            answer = ANNOTATION.sub("", answer).strip()
            if len(set(WORD.findall(answer))) > 2 and ("question" not in row or NUMBER.search(answer)):
                yield prompt, answer


def make_pairs(
    samples: Sequence[Answered],
    exchange: Callable[[str, float, random.Random], str],
    negatives: int,
    rng: random.Random,
) -> list[PreferencePair]:
    """A pair for each negative; the negatives of a sample are all different."""
    places = [(part + rng.random()) / (len(samples) * negatives) for part in range(len(samples) * negatives)]
    rng.shuffle(places)
    pairs = []
    for sample in samples:
        texts: list[str] = []
        for _ in range(negatives):
            texts.append(_new_text(sample.answer, exchange, places.pop(), rng, texts))
        pairs += [_pair(sample, text) for text in texts]
    return pairs


def exchange_number(answer: str, place: float, rng: random.Random) -> str:
    """The answer with the number at a place (share of its numbers, in [0, 1)) in the place of another one."""
    numbers = list(NUMBER.finditer(answer))
    return _replaced(answer, numbers[int(place * len(numbers))], lambda old: str(rng.randint(1, 2 * int(old) + 10)))


def exchange_word(answer: str, place: float, rng: random.Random) -> str:
    """The answer with the word at a place (share of its words, in [0, 1)) exchanged for another of its words; a
    number for another number.
    """
    words = list(WORD.finditer(answer))
    word = words[int(place * len(words))]
    if word.group().isascii() and word.group().isdigit():
        return _replaced(answer, word, lambda old: str(rng.randint(1, 2 * int(old) + 10)))
    return _replaced(answer, word, lambda old: rng.choice(words).group())


def shared_share(pairs: Sequence[PreferencePair], tokenizer: Any) -> float:
    """Mean share of an answer's tokens that stand before its negative's first edit."""
    shares = []
    for pair in pairs:
        prompt, chosen = chat_ids(tokenizer, pair.prompt[0].content, pair.chosen[0].content)
        rejected = chat_ids(tokenizer, pair.prompt[0].content, pair.rejected[0].content)[1]
        same = next((at for at, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), len(chosen))
        shares.append((same - len(prompt)) / (len(chosen) - len(prompt)))
    return sum(shares) / len(shares)


def chat_ids(tokenizer: Any, prompt: str, answer: str) -> tuple[list[int], list[int]]:
    """Token ids under the chat template: of the prompt, and of prompt and answer."""
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    head = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    head_ids, whole_ids = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (head, whole))
    return head_ids, whole_ids


def concatenated(data_dir: Path, tokenizer: Any, tokens: int, *, negatives: int, seed: int) -> list[PreferencePair]:
    """One synthetic sample of about so many tokens: GSM8K problems in one prompt, their solutions in one answer."""
    rng = random.Random(f"{seed}:{tokens}")
    rows = list(read_rows(data_dir / DATA["gsm8k"]))
    rng.shuffle(rows)
    best = None
    for count in range(1, len(rows)):
        prompt, answer = ("\n\n".join(texts) for texts in zip(*rows[:count], strict=True))
        measured = len(chat_ids(tokenizer, prompt, answer)[1])
        if measured > tokens and best:
            break
        best = Answered(f"length:{tokens}", prompt, answer, measured)
    assert best is not None
    return make_pairs([best], exchange_number, negatives, rng)


def _new_text(
    answer: str, exchange: Callable[[str, float, random.Random], str], place: float, rng: random.Random, old: list[str]
) -> str:
    for _ in range(ATTEMPTS):
        text = exchange(answer, place, rng)
        if text != answer and text not in old:
            return text
    raise ValueError(f"no other edit of this answer was found in {ATTEMPTS} attempts: {answer!r}")


def _replaced(answer: str, match: re.Match[str], other: Callable[[str], str]) -> str:
    return answer[: match.start()] + other(match.group()) + answer[match.end() :]


def _measured(tokenizer: Any, name: str, prompt: str, answer: str, max_length: int) -> Answered | None:
    length = len(tokenizer(answer, add_special_tokens=False)["input_ids"])
    if not SHORTEST_ANSWER <= length <= LONGEST_ANSWER:
        return None
    tokens = len(chat_ids(tokenizer, prompt, answer)[1])
    # An exchanged word may have more tokens than the one that stood there.
    return Answered(name, prompt, answer, tokens) if tokens <= max_length - 16 else None


def _pair(sample: Answered, rejected: str) -> PreferencePair:
    return PreferencePair(
        id=sample.id,
        prompt=_messages("user", sample.prompt),
        chosen=_messages("assistant", sample.answer),
        rejected=_messages("assistant", rejected),
        source="benchmark",
        error_type="edit",
    )


def _messages(role: str, text: str) -> tuple[Message, ...]:
    return (Message(role=role, content=text),)  # type: ignore[arg-type]
