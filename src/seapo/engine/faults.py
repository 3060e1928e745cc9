"""What can go wrong with one request to a server, told apart by what is to be done about it.

Worth trying again: a lost connection, a time-out, 408, 409, 429, 5xx, and a reply that is cut, not JSON, or empty. Not
worth it: every other status; the server will say the same again.
"""

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_WAIT_S = 300.0
"""A server that asks to wait longer than this is not waited for."""
LONGEST_PROBLEM = 300
RETRIED = frozenset({408, 409, 425, 429, *range(500, 600)})
BUSY = frozenset({429, 503, 529})
HOPELESS = frozenset({401, 403, 404})
"""What every other request would be told, too."""


class ExchangeError(Exception):
    """One exchange with a server that gave no reply."""

    def __init__(
        self,
        problem: str,
        *,
        status: int | None = None,
        is_worth_retrying: bool = True,
        means_busy: bool = False,
        is_unreachable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status
        self.is_worth_retrying = is_worth_retrying
        self.means_busy = means_busy
        """The server has more to do than it can."""
        self.is_unreachable = is_unreachable
        """Nobody listens there."""
        self.retry_after_s = retry_after_s
        """What the server asks to wait."""


def status_fault(status: int, headers: Mapping[str, str], body: bytes, *, secret: str | None) -> ExchangeError:
    """The fault of an answer with an error's status; the secret is taken out of what the server says."""
    said, code = _message(body)
    problem = f"status {status}" + (f": {clean(said, secret=secret)}" if said else "")
    wait_s = retry_after_s(headers)
    worth = status in RETRIED and code != "insufficient_quota"
    if wait_s is not None and wait_s > LONGEST_WAIT_S:
        problem, worth = f"{problem} (it asks to wait {wait_s:.0f} s)", False
    return ExchangeError(
        problem, status=status, is_worth_retrying=worth, means_busy=status in BUSY, retry_after_s=wait_s
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: `Retry-After-Ms`, or `Retry-After` as seconds or as an HTTP date."""
    values = {name.lower(): value.strip() for name, value in headers.items()}
    if (ms := _number(values.get("retry-after-ms"))) is not None:
        return ms / 1000
    said = values.get("retry-after")
    if said is None or (seconds := _number(said)) is not None:
        return None if said is None else seconds
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def clean(text: str, *, secret: str | None) -> str:
    """A server's words as one short printable line, without the secret."""
    if secret:
        text = text.replace(secret, "[key]")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_PROBLEM else line[: LONGEST_PROBLEM - 4] + " ..."


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _message(body: bytes) -> tuple[str, str | None]:
    """(what the server says, its code) of an error's body, in the forms that servers use."""
    text = body.decode("utf-8", errors="replace")
    try:
        value: Any = json.loads(text)
    except ValueError:
        return text, None
    code = None
    for key in ("error", "detail", "message"):
        if isinstance(value, dict) and key in value:
            code = value.get("code", code)
            value = value[key]
    if isinstance(value, dict):
        code = value.get("code", code)
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return said, code if isinstance(code, str) else None
