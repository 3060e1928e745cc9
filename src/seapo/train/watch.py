"""Warnings while they matter: what the metrics so far say of a training that is still going on."""

from collections.abc import Callable, Sequence

from seapo.train.metrics import easy_warning, falling_warning

FIRST_STEPS = 8
"""Steps before which a falling log-probability says nothing."""


class Watch:
    """Looks at the metrics after each step and says each warning once, when it first holds."""

    def __init__(self, warn: Callable[[str], None], steps: int) -> None:
        self._warn = warn
        self._steps = steps
        self._said: set[str] = set()

    def look(self, done: Sequence[dict[str, float]]) -> None:
        """Say what the steps done so far give reason to say."""
        falling = falling_warning(done) if len(done) >= FIRST_STEPS else None
        for kind, text in (("falling", falling), ("easy", easy_warning(done, self._steps))):
            if text is not None and kind not in self._said:
                self._said.add(kind)
                self._warn(text)
