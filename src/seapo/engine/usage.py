"""What an engine used, and the budget that ends a run in order."""

import threading
from dataclasses import dataclass

from seapo.engine.request import Reply
from seapo.errors import StoppedError
from seapo.recipe import EngineSection


@dataclass(frozen=True)
class Usage:
    """What an engine used since it was opened."""

    requests: int
    """Sent to the server and answered."""
    retries: int
    """Sent again after a fault."""
    from_journal: int
    """Answered without the server; they cost nothing."""
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    """None where the recipe gives no price."""
    busy_share: float
    """Share of the places that was taken, from the first request to the last one's end."""


class Meter:
    """Counts; may be written and read from any thread."""

    def __init__(self, settings: EngineSection) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(("requests", "retries", "from_journal", "prompt_tokens", "completion_tokens"), 0)

    def remembered(self) -> None:
        """One reply came from the journal."""
        self._add(from_journal=1)

    def retried(self) -> None:
        """One request was sent again."""
        self._add(retries=1)

    def replied(self, reply: Reply) -> None:
        """One reply came from the server."""
        self._add(requests=1, prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens)

    def usage(self, busy_share: float) -> Usage:
        """The counts as they are now."""
        with self._lock:
            counts = dict(self._counts)
        usd = cost_usd(self._settings, counts["prompt_tokens"], counts["completion_tokens"])
        return Usage(**counts, usd=usd, busy_share=busy_share)

    def overdrawn(self) -> StoppedError | None:
        """The error that stops the run, where a budget is used up."""
        used, settings = self.usage(0), self._settings
        tokens = used.prompt_tokens + used.completion_tokens
        if settings.budget_tokens is not None and tokens >= settings.budget_tokens:
            return stopped("budget_tokens", f"{settings.budget_tokens:,} tokens", used)
        if settings.budget_usd is not None and used.usd is not None and used.usd >= settings.budget_usd:
            return stopped("budget_usd", f"{settings.budget_usd:g} US dollars", used)
        return None

    def _add(self, **more: int) -> None:
        with self._lock:
            for name, count in more.items():
                self._counts[name] += count


def cost_usd(settings: EngineSection, prompt_tokens: float, completion_tokens: float) -> float | None:
    """What tokens cost by the recipe's prices; None where it gives none."""
    of_input, of_output = settings.price_per_million_input_tokens, settings.price_per_million_output_tokens
    if of_input is None and of_output is None:
        return None
    return ((of_input or 0) * prompt_tokens + (of_output or 0) * completion_tokens) / 1e6


def stopped(setting: str, limit: str, used: Usage) -> StoppedError:
    """The error of a budget or deadline that is used up: what was used, and how to go on."""
    money = "" if used.usd is None else f", {used.usd:.4g} US dollars"
    return StoppedError(
        f"stopped in order: {setting} of {limit} is used up, after {used.requests:,} requests, "
        f"{used.prompt_tokens + used.completion_tokens:,} tokens{money}. Every reply is kept: the same command goes on "
        f"from here, further with a larger {setting}"
    )
