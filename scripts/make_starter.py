"""Write the starter set's mathematics, reasoning and coding from the frames in `starter_frames/`.

A frame is a hand-written story, puzzle or exercise. This script draws its numbers and names, computes what follows from
them, and deals out the places of the right choices. Everything is drawn from the seed and the frame's own text, so a
new frame leaves the other rows' numbers and names as they are. Frames are trusted like code: their expressions are
evaluated.

    python scripts/make_starter.py            writes src/seapo/tasks/starter_data/
    python scripts/make_starter.py --check    says whether those files are what the frames give
"""

import argparse
import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from seapo.records import Dimension, NumberTruth, TextTruth, Truth, UnitTestTruth
from seapo.store import write_text
from seapo.tasks.starter import Check, ExpressionCheck, Split, StarterTestRow, StarterTrainRow

HERE = Path(__file__).resolve().parent
FRAMES = HERE / "starter_frames"
DATA = HERE.parent / "src" / "seapo" / "tasks" / "starter_data"
SEED = 0
MAX_DRAWS = 1000

WOMEN = (
    "Ada", "Bella", "Carla", "Dora", "Edda", "Fiona", "Gina", "Hanna", "Irina", "Judith", "Keiko", "Lucia", "Marta",
    "Nadia", "Olga", "Paula", "Rita", "Selma", "Tessa", "Ursula", "Vera", "Wanda", "Yara", "Zita",
)  # fmt: skip
MEN = (
    "Amir", "Boris", "Carlos", "David", "Emil", "Felix", "Georg", "Henrik", "Ivan", "Jonas", "Karim", "Lars", "Mateo",
    "Niko", "Otto", "Pedro", "Rashid", "Stefan", "Theo", "Ulrich", "Viktor", "Walter", "Yann", "Zoran",
)  # fmt: skip
CYCLES = {
    "weekdays": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "months": [
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ],
    "compass": ["north", "east", "south", "west"],
    "hours": [str(hour) for hour in range(1, 13)],
}  # fmt: skip

Frame = dict[str, Any]
Values = dict[str, Any]
"""What the names of a frame stand for: numbers as Fractions, people as strings."""


class FrameError(Exception):
    """A frame that cannot become a row; the text names it."""


@dataclass(frozen=True)
class Draft:
    """A row before it has a number and its choices have places."""

    question: str
    truth: Truth
    check: Check | None
    answer: str = ""
    right: str = ""
    wrong: tuple[str, ...] = ()


def generate(seed: int = SEED) -> dict[str, str]:
    """The text of each data file, by its name; raises FrameError for a frame that cannot be filled in."""
    return {
        f"{dimension}.{split}.jsonl": "".join(
            row.model_dump_json(exclude_none=True) + "\n" for row in rows(dimension, split, seed)
        )
        for dimension in DRAFTERS
        for split in ("train", "test")
    }


def rows(dimension: Dimension, split: Split, seed: int) -> Iterator[StarterTrainRow | StarterTestRow]:
    """The rows of one data file."""
    frames = yaml.safe_load((FRAMES / f"{dimension}.yaml").read_text(encoding="utf-8"))[split]
    drafts = [DRAFTERS[dimension](frame, split, _random(seed, frame["question"])) for frame in frames]
    places = _deal_places([len(draft.wrong) + 1 for draft in drafts], _random(seed, dimension))
    for number, (draft, place) in enumerate(zip(drafts, places, strict=True), start=1):
        known: dict[str, Any] = {
            "id": f"starter-{dimension}-{split}-{number:03d}",
            "dimension": dimension,
            "question": draft.question,
            "truth": draft.truth,
            "check": draft.check,
        }
        if split == "train":
            yield StarterTrainRow(**known, answer=draft.answer)
        else:
            wrong = list(draft.wrong)
            _random(seed, draft.question).shuffle(wrong)
            yield StarterTestRow(**known, choices=(*wrong[:place], draft.right, *wrong[place:]), correct=(place,))


def draft_mathematics(frame: Frame, split: Split, rng: random.Random) -> Draft:
    """Draw numbers until what the frame requires holds and no wrong choice shows the right number."""
    for _ in range(MAX_DRAWS):
        values = _draw_numbers(frame, rng)
        values["truth"] = _evaluate(frame["truth"], values)
        choices = _number_choices(frame, values)
        if _is_usable(values["truth"], choices) and _evaluate(frame.get("require", "True"), values):
            break
    else:
        raise FrameError(f"no numbers fit the frame {frame['question']!r}")
    return Draft(
        question=_fill(frame["question"], values),
        truth=NumberTruth(value=_fill("{truth}", values)),
        check=ExpressionCheck(expression=_insert(frame["truth"], values)),
        answer=_fill(frame["answer"], values) if split == "train" else "",
        right=choices[0] if choices else "",
        wrong=tuple(choices[1:]),
    )


def draft_reasoning(frame: Frame, split: Split, rng: random.Random) -> Draft:
    """Draw the names of the frame's people."""
    values = _draw_names(frame, rng)
    truth, article = _fill(frame["truth"], values), frame.get("article", "")
    return Draft(
        question=_fill(frame["question"], values),
        truth=TextTruth(value=truth),
        check=_check(frame["check"], values),
        answer=f"{_fill(frame['answer'], values)} The answer is {article}{truth}." if split == "train" else "",
        right=_fill(frame.get("right", ""), values),
        wrong=tuple(_fill(wrong, values) for wrong in frame.get("wrong", ())),
    )


def draft_coding(frame: Frame, split: Split, rng: random.Random) -> Draft:
    """Put the parts of the answer, or the code and its near misses, together."""
    code = _fence(frame["code"])
    return Draft(
        question=frame["question"],
        truth=UnitTestTruth(tests=frame["tests"]),
        check=None,
        answer=f"{frame['intro']}\n{code}\n{frame['after']}" if split == "train" else "",
        right=code,
        wrong=tuple(_fence(_near_miss(frame["code"], *change)) for change in frame.get("near_misses", ())),
    )


DRAFTERS: dict[Dimension, Callable[[Frame, Split, random.Random], Draft]] = {
    "mathematics": draft_mathematics,
    "reasoning": draft_reasoning,
    "coding": draft_coding,
}


def _random(seed: int, purpose: str) -> random.Random:
    return random.Random(f"{seed}:{purpose}")


def _deal_places(sizes: list[int], rng: random.Random) -> list[int]:
    """A place for the right choice of each row, every place equally often among rows with as many choices."""
    decks: dict[int, list[int]] = {}
    for size in set(sizes):
        places = [index % size for index in range(sizes.count(size))]
        rng.shuffle(places)
        decks[size] = places
    return [decks[size].pop() for size in sizes]


def _draw_numbers(frame: Frame, rng: random.Random) -> Values:
    values: Values = {name: Fraction(rng.choice(_domain(domain))) for name, domain in frame["numbers"].items()}
    for name, expression in frame.get("let", {}).items():
        values[name] = _evaluate(expression, values)
    return values


def _domain(domain: str | list[int]) -> list[int]:
    """The numbers of `4..8`, `20..60/5`, or a list."""
    if isinstance(domain, list):
        return domain
    first, last, step = re.fullmatch(r"(\d+)\.\.(\d+)(?:/(\d+))?", domain).groups(default="1")  # type: ignore[union-attr]
    return list(range(int(first), int(last) + 1, int(step)))


def _number_choices(frame: Frame, values: Values) -> list[str]:
    """The right choice and the wrong ones; none for a training frame."""
    if "final" in frame:
        texts = [frame["final"].replace("{}", f"{{{result}}}") for result in ("truth", *frame["wrong"])]
    else:
        texts = [frame["right"], *frame["wrong"]] if "right" in frame else []
    return [_fill(text, values) for text in texts]


def _is_usable(truth: Fraction, choices: list[str]) -> bool:
    """Whether all choices differ, no wrong one shows the truth, and no number is below one or a fraction."""
    shown = [re.findall(r"[-/\w]*\d", choice) for choice in choices]
    is_whole = all(number.isdigit() and int(number) > 0 for numbers in shown for number in numbers)
    is_free = all(str(truth) not in numbers for numbers in shown[1:])
    return is_whole and is_free and len(set(choices)) == len(choices) and truth > 0


def _draw_names(frame: Frame, rng: random.Random) -> Values:
    people = rng.sample(sorted(WOMEN + MEN), frame.get("people", 0))
    women = rng.sample(WOMEN, frame.get("women", 0))
    men = rng.sample(MEN, frame.get("men", 0))
    return (
        {"ABCDEF"[i]: name for i, name in enumerate(people)}
        | {f"W{i}": name for i, name in enumerate(women, start=1)}
        | {f"M{i}": name for i, name in enumerate(men, start=1)}
    )


def _evaluate(expression: str, values: Values) -> Any:
    return eval(expression, {"__builtins__": {}}, values)


def _fill(text: str, values: Values) -> str:
    """Replace each `{expression}` by its value."""
    return re.sub(r"\{([^{}]+)\}", lambda match: str(_evaluate(match[1], values)), text)


def _insert(expression: str, values: Values) -> str:
    """The expression with numbers in the place of its names."""
    return re.sub(r"[a-z]\w*", lambda match: str(values[match[0]]), expression)


def _check(check: dict[str, Any], values: Values) -> Check:
    """The check in the terms of `seapo.tasks.starter`, with the drawn names filled in."""
    fields = _with_names(check, values)
    if fields["kind"] == "ordering":
        fields["facts"] = [_ordering_fact(*fact) for fact in fields["facts"]]
    elif fields["kind"] == "syllogism":
        fields["premises"] = [_proposition(*premise) for premise in fields["premises"]]
        fields["conclusion"] = _proposition(*fields["conclusion"])
    elif fields["kind"] == "assignment":
        fields["facts"] = [dict(zip(("person", "thing", "holds"), fact, strict=True)) for fact in fields["facts"]]
    elif fields["kind"] == "cycle" and isinstance(fields["cycle"], str):
        fields["cycle"] = CYCLES[fields["cycle"]]
    return TypeAdapter[Check](Check).validate_python(fields)


def _with_names(part: Any, values: Values) -> Any:
    if isinstance(part, dict):
        return {_with_names(key, values): _with_names(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_with_names(value, values) for value in part]
    return values.get(part, _fill(part, values)) if isinstance(part, str) else part


def _ordering_fact(relation: str, first: str, other: str | int) -> dict[str, Any]:
    return {"relation": relation, "first": first, "position" if isinstance(other, int) else "second": other}


def _proposition(quantifier: str, subject: str, predicate: str) -> dict[str, str]:
    return {"quantifier": quantifier, "subject": subject, "predicate": predicate}


def _fence(code: str) -> str:
    return f"```python\n{code}```"


def _near_miss(code: str, old: str, new: str) -> str:
    """The code with one place below its first line changed; raises FrameError where it is not one place."""
    head, body = code.split("\n", 1)
    if body.count(old) != 1:
        raise FrameError(f"{old!r} stands {body.count(old)} times below {head!r}, a near miss changes one place")
    return f"{head}\n{body.replace(old, new)}"


def main() -> int:
    """Write or check the files; 0 where all is well."""
    parser = argparse.ArgumentParser(
        description="Write the starter set's mathematics, reasoning and coding from the frames in starter_frames/."
    )
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write to (default: the package's data)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of all draws (default: {SEED}, the shipped set)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file differs")
    options = parser.parse_args()
    texts = generate(options.seed)
    if options.check:
        differing = [name for name, text in texts.items() if not _holds(options.out / name, text)]
        print(f"differ from the frames: {', '.join(differing)}" if differing else "all files are what the frames give")
        return 1 if differing else 0
    options.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_text(options.out / name, text)
        print(f"{options.out / name}: {text.count(chr(10))} rows")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
