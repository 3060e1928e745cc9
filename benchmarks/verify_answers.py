"""How well the checks of texts read real answers: equations, final answers, and false equations as evidence.

    python benchmarks/verify_answers.py DATA_DIR

DATA_DIR holds `gsm8k/train.jsonl.gz` (worked solutions with calculator notes), `processbench/{gsm8k,math}.json.gz`
(solutions of models, each labelled by people with its first wrong step, -1 for none) and `math/math500_test.jsonl.gz`
(solutions with the known answer). Prints one table; takes under a minute on one core.
"""

import argparse
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seapo.answer import equations, final_answer, number_value, numbers, python_code, same_answer


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a gzipped JSON array or of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        text = file.read()
    yield from json.loads(text) if text.startswith("[") else (json.loads(line) for line in text.splitlines())


def share(part: int, whole: int) -> str:
    """`97.1% (34 of 35)`."""
    return f"{100 * part / max(whole, 1):.2f}% ({part:,} of {whole:,})"


def print_line(name: str, value: str) -> None:
    """One line of the table."""
    print(f"{name:<72} {value}")


def gsm8k(path: Path) -> None:
    """Equations and final answers of worked solutions."""
    holds, signs, marked, unmarked, count = Counter[bool | None](), 0, 0, 0, 0
    for row in rows(path):
        count += 1
        answer: str = row["answer"]
        body, _, truth = answer.partition("####")
        holds.update(equation.holds for equation in equations(answer))
        signs += answer.count("=")
        found, guess = final_answer(answer), final_answer(body)
        marked += found is not None and found.how == "hash" and same_answer(found.value, truth)
        unmarked += guess is not None and same_answer(guess.value, truth)
    total = sum(holds.values())
    print_line("GSM8K train: equals signs read as part of an equation", share(total, signs))
    print_line("GSM8K train: equations judged", share(total - holds[None], total))
    print_line("GSM8K train: judged equations that hold", share(holds[True], total - holds[None]))
    print_line("GSM8K train: final answer behind #### is the known one", share(marked, count))
    print_line("GSM8K train: without the #### line, the guessed one is", share(unmarked, count))


def has_false(texts: Iterable[str]) -> bool:
    """Whether any of the texts holds a false equation."""
    return any(equation.holds is False for text in texts for equation in equations(text))


def processbench(path: Path, name: str) -> None:
    """False equations in solutions that people judged step by step."""
    flagged, count, early = Counter[str](), Counter[str](), 0
    for row in rows(path):
        kind = "right" if row["label"] == -1 else "wrong"
        count[kind] += 1
        flagged[kind] += has_false(row["steps"])
        early += kind == "wrong" and has_false(row["steps"][: row["label"]])
    all_flagged = flagged["right"] + flagged["wrong"]
    print_line(f"ProcessBench {name}: right solutions with a false equation", share(flagged["right"], count["right"]))
    print_line(f"ProcessBench {name}: wrong solutions with a false equation", share(flagged["wrong"], count["wrong"]))
    print_line(f"ProcessBench {name}: wrong, and one before the first wrong step", share(early, count["wrong"]))
    print_line(f"ProcessBench {name}: solutions with one that are wrong", share(flagged["wrong"], all_flagged))


def mathematics(path: Path) -> None:
    """Boxed answers of MATH, and a run over texts full of notation."""
    found, count, false = 0, 0, 0
    for row in rows(path):
        count += 1
        answer = final_answer(row["solution"])
        found += answer is not None and answer.how == "boxed" and same_answer(answer.value, row["answer"])
        false += has_false([row["solution"]])
        numbers(row["solution"])
        number_value(row["answer"])
        python_code(row["solution"])
    print_line("MATH-500: boxed answer is the known one", share(found, count))
    print_line("MATH-500: solutions with an equation called false", share(false, count))


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    data_dir: Path = parser.parse_args().data_dir
    started = time.perf_counter()
    gsm8k(data_dir / "gsm8k" / "train.jsonl.gz")
    for name in ("gsm8k", "math"):
        processbench(data_dir / "processbench" / f"{name}.json.gz", name)
    mathematics(data_dir / "math" / "math500_test.jsonl.gz")
    print_line("seconds", f"{time.perf_counter() - started:.1f}")


if __name__ == "__main__":
    main()
