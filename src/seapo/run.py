"""A recipe at work in its folder: what it says on the way, and where its files lie."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from seapo.journal import Journal
from seapo.progress import Bar, Counted, ProgressFile
from seapo.recipe import EngineSection, Recipe
from seapo.records import Sample
from seapo.runfolder import RunFolder
from seapo.store import read_json, read_records
from seapo.summaries import SourceSummary

if TYPE_CHECKING:
    from seapo.engine import ServedEngine

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)


@dataclass
class Run:
    """A recipe at work in its folder."""

    recipe: Recipe
    quiet: bool = False
    folder: RunFolder = field(init=False)
    seconds: dict[str, float] = field(default_factory=dict)
    """Stage -> seconds that it took in this call; a reused stage is left out."""
    has_called: bool = False
    """Whether the other processes were called to train, where there are any."""
    progress_file: ProgressFile = field(init=False)

    def __post_init__(self) -> None:
        self.folder = RunFolder(self.recipe.run_dir)
        self.progress_file = ProgressFile(self.folder.path)

    @property
    def speaks(self) -> bool:
        """Whether this is the one of several processes that writes files and prints results."""
        return process_count() == 1 or os.environ.get("RANK") == "0"

    def warn(self, text: str) -> None:
        """A warning on stderr, above a progress bar that is under way, and for who asks how far the run is."""
        from tqdm import tqdm

        self.progress_file.warn(text)
        if not self.quiet:
            tqdm.write(f"  warning: {text}", file=sys.stderr)

    def say(self, text: str) -> None:
        """A line about progress, on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def progress(self, description: str) -> Callable[[Iterable[T]], Iterable[T]]:
        """To be put around an iterable: counts its items for `seapo status`, and on a terminal shows a bar."""
        is_shown = not self.quiet and sys.stderr.isatty()
        return lambda items: Bar(items, description, self.progress_file, is_shown=is_shown)

    def journal(self) -> Journal:
        """The journal that the run shares with those beside it, to be closed by the caller."""
        return Journal(self.folder.journal, older=self.folder.own_journal)

    def stream(self, stage: str, file: str, kind: type[R]) -> Iterator[R]:
        """Records of a finished stage's file, one at a time."""
        return read_records(self.folder.stage(stage) / file, kind)

    def samples(self) -> Counted[Sample]:
        """The samples that source wrote, one at a time, and their number."""
        summary = SourceSummary.model_validate(read_json(self.folder.stage("source") / "summary.json"))
        return Counted(self.stream("source", "samples.jsonl", Sample), summary.samples)

    def engine(self, section: EngineSection, journal: Journal) -> AbstractContextManager["ServedEngine"]:
        """The text engine of a section, whose server ends with the block."""
        from seapo.engine import open_engine

        return open_engine(section, journal=journal, say=self.say, warn=self.warn)

    def records(self, stage: str, file: str, kind: type[Any]) -> list[Any]:
        """Records of a finished stage's file."""
        return list(read_records(self.folder.stage(stage) / file, kind))


def process_count() -> int:
    """How many processes `accelerate launch` started for this."""
    return int(os.environ.get("WORLD_SIZE", "1"))
