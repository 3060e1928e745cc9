"""Files of a run: written beside and renamed, read back as records, known by their hashes."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from seapo.errors import DataError

R = TypeVar("R", bound=BaseModel)


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader, or a kill at any moment, sees the old text or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document for people and machines: indented, keys in the given order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON document; raises DataError where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(f"{path}: cannot be read as JSON: {problem}") from problem


def write_records(path: Path, records: Iterable[BaseModel]) -> int:
    """Write records, one JSON object a line, whole or not at all; gives their number."""
    count = 0
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with beside.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(record.model_dump_json() + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return count


@contextmanager
def record_files(*paths: Path) -> Iterator[tuple[Callable[[BaseModel], None], ...]]:
    """For each path a function that writes one more record; the files appear, whole, when the block ends without error.

    For output that is too large to be held, and is spread over several files. One process at a time writes to a path,
    and begins anew what a killed one has left.
    """
    beside = [path.with_name(f".{path.name}.new") for path in paths]
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="utf-8")) for path in beside]
        yield tuple(partial(_write_record, file) for file in files)
        for file in files:
            file.flush()
            os.fsync(file.fileno())
    for path, new in zip(paths, beside, strict=True):
        new.replace(path)


def _write_record(file: IO[str], record: BaseModel) -> None:
    file.write(record.model_dump_json() + "\n")


def read_records(path: Path, kind: type[R]) -> Iterator[R]:
    """Read what `write_records` wrote; raises DataError with file and line where a row does not fit."""
    try:
        file = path.open(encoding="utf-8")
    except OSError as problem:
        raise DataError(f"{path}: cannot be read: {problem.strerror}") from problem
    with file:
        for line, text in enumerate(file, start=1):
            try:
                yield kind.model_validate_json(text)
            except ValidationError as problem:
                first = problem.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                raise DataError(f"{path}, line {line}: not a {kind.__name__}: {where}: {first['msg']}") from problem


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
