"""How far a run is: one count feeds the bar on the terminal and the file that `seapo status` reads.

    for sample in bars.bar("inject")(samples): ...      inject  312/995  4.2/s  2:43 left

The file `.progress.json` lies in the run's folder, is written beside and renamed, about once a second.
"""

import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field
from tqdm import tqdm

from seapo.errors import StoppedError
from seapo.records import Record

NAME = ".progress.json"
PAUSE_S = 1.0
"""Between two writings of the file."""
REDRAW_S = 0.2
"""Between two drawings of a bar."""
MARKS = 60
"""The rate is that of the last so many marks, of which there is one every half second at most."""
MARK_S = 0.5
KEPT_WARNINGS = 20
WIDE = 76
"""Columns from which on there is room for the bar itself beside the figures."""

T = TypeVar("T")
State = Literal["running", "finished", "stopped", "interrupted", "failed"]


@dataclass(frozen=True)
class Counted(Generic[T]):
    """An iterable that knows its length before it has come to its end, so that the time left can be told."""

    items: Iterable[T]
    count: int
    done_before: int = 0
    """How many of the whole were done by an earlier call; `count` leaves them out."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return self.count


class Step(Record):
    """Counted work: a stage has one such step or several, one after another."""

    name: str
    done: int = 0
    total: int | None = None
    """None where nobody knows how many there will be."""
    rate: float | None = None
    """Of the last half minute or longer, a second; None before it can be told."""
    began_at: float
    """As the other times, in seconds since 1970."""
    asked: int = 0
    """Negatives that were wanted so far, where the step makes or checks any."""
    accepted: int = 0
    """Of these, those that there is something for."""
    figures: dict[str, float] = Field(default_factory=dict)
    """The last ones, as the loss."""

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None where that or the total isn't known."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate


class Progress(Record):
    """What the file says of the call that works in a run's folder, or was the last to."""

    state: State
    message: str = ""
    """Why it ended, where that was not its end."""
    pid: int
    process_began_at: float
    """Tells the process from a later one with the same number."""
    host: str
    began_at: float
    updated_at: float
    stages: tuple[str, ...]
    """What the call was to bring up to date, in order."""
    stage: str | None = None
    """The one under way."""
    stage_began_at: float | None = None
    step: Step | None = None
    warnings: tuple[str, ...] = ()
    """The last ones."""


@dataclass
class Pace:
    """How fast a count grows, by the last part of it: what a journal knew at once says nothing of what is to come."""

    marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=MARKS))

    def mark(self, now: float, done: int) -> None:
        """The count at a time, in seconds of any clock."""
        if not self.marks or now - self.marks[-1][0] >= MARK_S:
            self.marks.append((now, done))

    def rate(self, now: float, done: int) -> float | None:
        """Of the marks that are kept, a second; None where nothing was counted since the first of them."""
        if not self.marks or done == self.marks[0][1] or now <= self.marks[0][0]:
            return None
        return (done - self.marks[0][1]) / (now - self.marks[0][0])


class ProgressFile:
    """The file in a run's folder; says nothing until `call` has begun, and nothing after."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._said: dict[str, Any] | None = None
        self._written = 0.0

    @contextmanager
    def call(self, stages: Sequence[str]) -> Iterator[None]:
        """Around a call's whole work: says that it runs, and at the end how it ended."""
        self._said = {"state": "running", "stages": tuple(stages), "began_at": time.time(), **_this_process()}
        self._write()
        try:
            yield
        except BaseException as problem:
            self._end(_state_of(problem), " ".join(str(problem).split())[:500])
            raise
        self._end("finished", "")

    def enter(self, stage: str) -> None:
        """A stage begins."""
        self._say(stage=stage, stage_began_at=time.time(), step=None)

    def warn(self, text: str) -> None:
        """Keep a warning."""
        if self._said is not None:
            self._say(warnings=(*self._said.get("warnings", ()), text)[-KEPT_WARNINGS:])

    def count(self, step: Callable[[], Step], *, at_once: bool = False) -> None:
        """How far the step is, asked for only where the file is to be written."""
        if self._said is not None and (at_once or time.monotonic() - self._written >= PAUSE_S):
            self._say(step=step())

    def _say(self, **news: Any) -> None:
        if self._said is not None:
            self._said |= news
            self._write()

    def _end(self, state: State, message: str) -> None:
        more = {"stage": None, "stage_began_at": None, "step": None} if state == "finished" else {}
        self._say(state=state, message=message, **more)
        self._said = None

    def _write(self) -> None:
        self._written = time.monotonic()
        text = Progress.model_validate({**(self._said or {}), "updated_at": time.time()}).model_dump_json()
        beside = self._path.with_name(f"{NAME}.{os.getpid()}.new")
        # Not flushed to the disk: the next second's replaces it. A full disk is told by the stage that cannot write.
        with suppress(OSError):
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)


def read_progress(folder: Path) -> Progress | None:
    """What the last call in a run's folder says of itself; None where none did, or one of another version."""
    try:
        return Progress.model_validate_json((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _this_process() -> dict[str, Any]:
    import psutil

    return {"pid": os.getpid(), "process_began_at": psutil.Process().create_time(), "host": socket.gethostname()}


def _state_of(problem: BaseException) -> State:
    if isinstance(problem, StoppedError):
        return "stopped"
    return "interrupted" if isinstance(problem, KeyboardInterrupt) else "failed"


class Bar(Generic[T]):
    """Walks over items, of which it need not know how many there are; counts them on the terminal and in the file."""

    def __init__(self, items: Any, name: str, file: ProgressFile, *, is_shown: bool) -> None:
        self._items = items
        self._file = file
        self._is_shown = is_shown
        self._pace = Pace()
        before = items.done_before if isinstance(items, Counted) else 0
        total = before + len(items) if hasattr(items, "__len__") else None
        self._first = before
        self._said: dict[str, Any] = {"name": name, "done": before, "total": total, "asked": 0, "accepted": 0}

    def __iter__(self) -> Iterator[T]:
        self._said["began_at"] = time.time()
        self._file.count(self.step, at_once=True)
        with _Line(self) as line:
            self._pace.mark(time.monotonic(), self._first)
            for item in self._items:
                yield item
                self._said["done"] += 1
                self._pace.mark(time.monotonic(), self._said["done"])
                self._file.count(self.step)
                line.update()
        self._file.count(self.step, at_once=True)

    def __len__(self) -> int:
        """Of what is left to walk over; TypeError where nobody knows."""
        return len(self._items)

    @property
    def is_shown(self) -> bool:
        """Whether it is drawn on the terminal."""
        return self._is_shown

    def step(self) -> Step:
        """How far it is."""
        rate = self._pace.rate(time.monotonic(), self._said["done"])
        return Step(rate=rate, **{"began_at": time.time(), **self._said})

    def note(self, figures: Mapping[str, float]) -> None:
        """Show the last figures, as the loss."""
        self._said["figures"] = dict(figures)

    def gain(self, asked: int, accepted: int) -> None:
        """Count negatives that were wanted, and those of them that there is something for."""
        self._said["asked"] += asked
        self._said["accepted"] += accepted


class _Line(tqdm):  # type: ignore[type-arg]
    """The bar on the terminal: name, count, rate and time left come first, so that they stay on a narrow one."""

    def __init__(self, bar: Bar[Any]) -> None:
        self._bar = bar
        super().__init__(
            total=bar.step().total,
            initial=bar.step().done,
            disable=not bar.is_shown,
            mininterval=REDRAW_S,
            dynamic_ncols=True,
            bar_format="{line}",
            file=sys.stderr,
        )

    @property
    def format_dict(self) -> dict[str, Any]:
        """What tqdm draws from, with the line that we want drawn."""
        found = super().format_dict
        width = found["ncols"] or 80
        return {**found, "line": line_of(self._bar.step(), width)}


def line_of(step: Step, width: int) -> str:
    """A step in one line of a terminal: as many of its parts as the width has room for, the most wanted first."""
    of = f"/{step.total:,}" if step.total is not None else ""
    parts = [f"  {step.name}", f"{step.done:,}{of}", rate_in_words(step.rate), left_in_words(step)]
    if step.asked:
        parts.append(f"yield {step.accepted / step.asked:.0%}")
    parts += [f"{name} {value:.3g}" for name, value in step.figures.items()]
    line = parts[0]
    for part in parts[1:]:
        if len(line) + 2 + len(part) >= width:
            break
        line += f"  {part}"
    room = width - 1 - len(line) - 4
    if width >= WIDE and step.total and room >= 8:
        filled = min(20, room) * min(step.done, step.total) // step.total
        line += f"  [{'=' * filled:{min(20, room)}}]"
    return line


def rate_in_words(rate: float | None) -> str:
    """`4.2/s`, `12/min`, or `-/s` where it isn't known."""
    if rate is None:
        return "-/s"
    if rate >= 1:
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    return f"{60 * rate:.1f}/min" if rate * 60 >= 1 else f"{3600 * rate:.1f}/h"


def left_in_words(step: Step) -> str:
    """`2:43 left`, or `?:?? left` where it can't be told."""
    seconds = step.seconds_left
    return "?:?? left" if seconds is None else f"{clock(seconds)} left"


def clock(seconds: float) -> str:
    """`0:07`, `2:43`, `1:02:43`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def note(bar: Iterable[Any], figures: Mapping[str, float]) -> None:
    """Show the last figures beside a bar, where what is walked over is one."""
    if isinstance(bar, Bar):
        bar.note(figures)


def gain(bar: Iterable[Any], *, asked: int, accepted: int) -> None:
    """Count the yield beside a bar, where what is walked over is one."""
    if isinstance(bar, Bar):
        bar.gain(asked, accepted)
