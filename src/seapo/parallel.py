"""Work spread over threads or processes whose results come in the order of the items, a few of them at a time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from multiprocessing import parent_process
from threading import Thread
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def in_order(pool: Executor, work: Callable[[A], B], items: Iterable[A], *, ahead: int) -> Iterator[B]:
    """The results of `work` in the order of the items, of which at most `ahead` are under way or wait to be taken.

    An error ends it: what has not begun is left alone. The pool is the caller's, and stays open.
    """
    waiting, rest = deque[Future[B]](), iter(items)
    try:
        waiting.extend(pool.submit(work, item) for item in islice(rest, ahead))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
    finally:
        for future in waiting:
            future.cancel()


def chunks(items: Iterable[A], size: int) -> Iterator[list[A]]:
    """The items in lists of a size; the last one may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def end_with_parent() -> None:
    """Let this process, which a pool started, end with the one that started it, though it be killed.

    Else it would wait for another task for ever, with all that it has loaded.
    """
    if (parent := parent_process()) is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        Thread(target=watch, name="end-with-parent", daemon=True).start()
