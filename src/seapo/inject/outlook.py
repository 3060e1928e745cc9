"""What the steps would ask an engine, without asking it: for an estimate before the start."""

from collections.abc import Iterable
from dataclasses import dataclass

from seapo.engine.request import Reply, Request
from seapo.errors import SeapoError
from seapo.inject.chain import ASK_NOTHING, Steps
from seapo.inject.proposal import STRATEGIES, Context
from seapo.recipe import InjectSection
from seapo.records import Sample


class _RecordedError(Exception):
    """Raised in the place of a reply, so that a strategy goes no further."""

    def __init__(self, request: Request) -> None:
        super().__init__("the request is recorded, not asked")
        self.request = request


@dataclass
class _Recorder:
    """Stands in the place of an engine, and shows what it would be asked."""

    name: str = ""
    fingerprint: str = ""

    def complete(self, request: Request) -> Reply:
        """Raises what was asked."""
        raise _RecordedError(request)


def first_requests(samples: Iterable[Sample], settings: InjectSection, steps: Steps, *, seed: int) -> list[Request]:
    """The first request for each sample and type; none where no strategy that asks is sure to be tried."""
    asking = [name for name in steps[0] if name not in ASK_NOTHING]
    found = []
    for sample in samples:
        context = Context(sample, seed, settings=settings, source=_Recorder())
        requests = (_first_request(sample, error_type, asking, context) for error_type in settings.error_types)
        found += [request for request in requests if request is not None]
    return found


def _first_request(sample: Sample, error_type: str, asking: Iterable[str], context: Context) -> Request | None:
    for name in asking:
        try:
            list(STRATEGIES[name](sample, error_type, context))
        except _RecordedError as recorded:
            return recorded.request
        except SeapoError:  # it asks the model of plausibility first, which is not there
            continue
    return None
