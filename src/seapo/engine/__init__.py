"""Text from models: one client of OpenAI-compatible servers, the servers that seapo starts, the journal before them.

    with open_engine(recipe.engine, journal=journal, say=run.say, warn=run.warn) as engine:
        reply = engine.complete(Request(messages=(Message(role="user", content="..."),)))

Importing this loads no HTTP client; opening an engine starts no server before a reply is needed.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from seapo.engine.forecast import Estimate, estimate
from seapo.engine.request import Engine, Reply, Request
from seapo.engine.served import Answer, ServedEngine, serve
from seapo.engine.usage import Usage
from seapo.errors import EngineError
from seapo.journal import Journal
from seapo.recipe import EngineSection

__all__ = ["Answer", "Engine", "Estimate", "Reply", "Request", "ServedEngine", "Usage", "estimate", "open_engine"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@contextmanager
def open_engine(
    settings: EngineSection,
    *,
    journal: Journal | None,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    log_dir: Path | None = None,
) -> Iterator[ServedEngine]:
    """A text engine as a recipe's section describes it; its server, where it is ours, ends with the block.

    Replies go to the journal and come from it. `say` hears that a server is started, `warn` what the user should mend.
    The server's log lies in `log_dir`, or in a temporary file that is removed at the end. Raises EngineError.
    """
    from seapo.engine.sender import Sender
    from seapo.engine.servers import find_server
    from seapo.engine.usage import Meter
    from seapo.engine.worker import Worker

    if settings.kind == "none":
        raise EngineError("a model's text is needed and engine.kind is none; set it to embedded, vllm or openai")
    _check_address(settings, warn)
    find = find_server(settings, say=say, log_dir=log_dir)
    meter = Meter(settings)
    until_s = None if settings.deadline_s is None else time.monotonic() + settings.deadline_s
    worker = Worker(lambda: Sender(settings, find(), meter, until_s=until_s, warn=warn))
    with serve(ServedEngine(settings, worker, meter, journal)) as engine:
        yield engine


def _check_address(settings: EngineSection, warn: Callable[[str], None]) -> None:
    if settings.kind != "openai" or settings.base_url is None:
        return
    address = urlsplit(settings.base_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise EngineError(f"engine.base_url {settings.base_url!r} is no address; write it as http://127.0.0.1:8000/v1")
    if address.username or address.password:
        raise EngineError(
            f"engine.base_url holds a user name or password (at {address.hostname}); keys belong in the environment, "
            f"under the name that api_key_env gives ({settings.api_key_env})"
        )
    if address.scheme == "http" and address.hostname not in LOOPBACK and os.environ.get(settings.api_key_env):
        warn(f"the key in {settings.api_key_env} travels unencrypted to {address.hostname}; use https")
