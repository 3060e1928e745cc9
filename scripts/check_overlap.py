"""List the benchmark questions that come nearest to each row of the starter set, and fail where a row is a copy of one.

    python scripts/check_overlap.py --data-dir ../shared/data --top 60

Prints copies first (equal texts, 8 shared words of a question, 13 of anything), then the nearest pairs by similarity
and by coverage, the nearest first, for a reader to judge. Exit code 1 where there is a copy, 2 where the data cannot be
read.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seapo.errors import SeapoError
from seapo.tasks.overlap import (
    Match,
    Neighbour,
    benchmark_passages,
    copies,
    most_covered,
    most_similar,
    starter_passages,
)


def main() -> int:
    """Compare and print; returns the exit code."""
    arguments = _parse_arguments()
    try:
        benchmarks = benchmark_passages(arguments.data_dir)
    except SeapoError as problem:
        print(problem, file=sys.stderr)
        return 2
    rows = [row for row in starter_passages() if arguments.dimension in row.id]
    found = copies(rows, benchmarks)
    _print_copies(found)
    _print_neighbours("similarity", most_similar(rows, benchmarks, count=arguments.neighbours), arguments.top)
    _print_neighbours("coverage", most_covered(rows, benchmarks, count=arguments.neighbours), arguments.top)
    print(f"\n{len(rows)} starter rows, {len(benchmarks)} benchmark questions, {len(found)} copies")
    return 1 if found else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with one sub-folder for each benchmark")
    parser.add_argument("--top", type=int, default=60, help="pairs to print of each list (default 60)")
    parser.add_argument("--neighbours", type=int, default=1, help="benchmark questions for each row (default 1)")
    parser.add_argument("--dimension", default="", help="one dimension only (default all)")
    return parser.parse_args()


def _print_copies(found: Sequence[Match]) -> None:
    for match in found:
        print(f"COPY {match.item.id} and {match.other.id} share: {match.words}")


def _print_neighbours(measure: str, pairs: Sequence[Neighbour], top: int) -> None:
    print(f"\nNearest by {measure}")
    for pair in pairs[:top]:
        print(f"{pair.nearness:.3f}  {pair.item.id}: {_one_line(pair.item.question)} -> {_one_line(pair.item.answer)}")
        print(f"       {pair.other.id}: {_one_line(pair.other.question)} -> {_one_line(pair.other.answer)}")


def _one_line(text: str, limit: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}..."


if __name__ == "__main__":
    sys.exit(main())
