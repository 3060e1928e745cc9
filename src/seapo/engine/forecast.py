"""What a number of requests will take, judged from a few of them that are asked first and kept in the journal."""

import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from seapo.amounts import duration
from seapo.engine.request import Request
from seapo.engine.served import Answer, ServedEngine
from seapo.engine.usage import cost_usd
from seapo.errors import RequestError


@dataclass(frozen=True)
class Estimate:
    """What is still to be asked, and what it will take; the probes are asked already and not part of it."""

    requests: int
    known: int
    """Requests whose replies the journal has."""
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    usd: float | None
    """None where the recipe gives no price."""

    def __str__(self) -> str:
        """One line that says it."""
        money = "" if self.usd is None else f", {self.usd:.2f} US dollars"
        known = f" ({self.known:,} more are known)" if self.known else ""
        return (
            f"about {self.requests:,} requests{known}, {self.prompt_tokens:,} tokens in prompts and "
            f"{self.completion_tokens:,} in replies, {duration(self.seconds)}{money}"
        )


def estimate(
    engine: ServedEngine, probes: Sequence[Request], total: int, *, requests: Iterable[Request] | None = None
) -> Estimate:
    """Ask the probes, as many at once as the recipe allows, and scale what they took to the rest of `total` requests.

    Their replies are kept, so nothing is asked twice. Where all `requests` are given, those that the journal knows
    count as known. A probe that gets no usable reply counts as none. Raises as `complete` does.
    """
    places = engine.settings.concurrency
    with ThreadPoolExecutor(places) as pool:
        answers = [answer for answer in pool.map(lambda probe: _answer(engine, probe), probes) if answer is not None]
    if requests is None:
        known = min(total, len({engine.key(probe) for probe in probes}))
    else:
        known = sum(engine.knows(request) for request in requests)
    rest = max(0, total - known)
    if not answers:
        raise RequestError(f"none of {len(probes)} first requests got a usable reply, so nothing can be estimated")
    prompt = rest * statistics.fmean(answer.reply.prompt_tokens for answer in answers)
    completion = rest * statistics.fmean(answer.reply.completion_tokens for answer in answers)
    at_once = min(places, len(answers))
    return Estimate(
        requests=rest,
        known=known,
        prompt_tokens=round(prompt),
        completion_tokens=round(completion),
        seconds=rest * statistics.fmean(answer.seconds for answer in answers) / at_once,
        usd=cost_usd(engine.settings, prompt, completion),
    )


def _answer(engine: ServedEngine, request: Request) -> Answer | None:
    try:
        return engine.answer(request)
    except RequestError:
        return None
