"""The bytes of a file, unpacked where they are gzipped, in pieces of bounded size."""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from seapo.errors import DataError
from seapo.reading.rows import MAX_ROW_BYTES

CHUNK_BYTES = 2**16
GZIP_MAGIC = b"\x1f\x8b"
UTF8_MARK = b"\xef\xbb\xbf"


class ByteStream:
    """Iterates over the unpacked bytes of a file, without the byte-order mark of UTF-8.

    What a damaged or cut gzip file holds before the damage is given; `damage` then says what was wrong, and is None
    where nothing was. It is known once the iteration is over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        self.damage = None
        is_first = True
        for chunk in self._unpacked():
            if chunk:
                yield chunk.removeprefix(UTF8_MARK) if is_first else chunk
                is_first = False

    def _unpacked(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                is_packed = file.read(2) == GZIP_MAGIC
                file.seek(0)
                chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
                yield from self._gunzip(chunks) if is_packed else chunks
        except OSError as problem:
            raise DataError(f"{self.path}: cannot be read: {problem.strerror or problem}") from problem

    def _gunzip(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        member = zlib.decompressobj(wbits=31)
        for chunk in chunks:
            rest = chunk
            while rest := rest.lstrip(b"\0") if member.eof else rest:
                if member.eof:
                    member = zlib.decompressobj(wbits=31)
                before = member.copy()
                try:
                    data = member.decompress(rest)
                except zlib.error as problem:
                    yield from _salvage(before, rest)
                    self.damage = str(problem)
                    return
                yield data
                rest = member.unused_data
        if not member.eof:
            yield member.flush()
            self.damage = "the end is missing"


def _salvage(member: "zlib._Decompress", damaged: bytes) -> Iterator[bytes]:
    """What a chunk holds before its damage: zlib gives nothing of a call that fails, so each gets a single byte."""
    for start in range(len(damaged)):
        try:
            yield member.decompress(damaged[start : start + 1])
        except zlib.error:
            return


def read_head(path: Path, size: int = 2**18) -> bytes:
    """The first bytes of a file, unpacked; at least `size` of them where there are as many."""
    parts, held = [], 0
    for chunk in ByteStream(path):
        parts.append(chunk)
        held += len(chunk)
        if held >= size:
            break
    return b"".join(parts)


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their line feed, which only the last one may lack.

    Of a line longer than `MAX_ROW_BYTES` the first so many bytes come, and somewhat more, so that its length tells.
    """
    parts: list[bytes] = []
    held = 0
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            yield b"".join([*parts, piece, b"\n"])
            parts, held = [], 0
        if held <= MAX_ROW_BYTES:
            parts.append(rest)
        held += len(rest)
    if any(parts):
        yield b"".join(parts)
