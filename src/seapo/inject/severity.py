"""How grave an error is, measured: how much less likely it makes the answer, and how much of the answer it touches."""

from seapo.records import Edit, Severity, edited_spans

DROP_NATS = (0.12, 0.28)
"""Fall of the reference's log-probability per token, chosen answer minus negative: subtle up to, gross above."""
SHARE = (0.035, 0.11)
"""The same of the share of edited characters. Of 757 candidates from GSM8K and UltraFeedback, the first of each pair is
the median and the second the 78% quantile, which makes a third of them subtle, a third moderate, a third gross."""


def severity_of(drop_nats: float, share: float) -> Severity:
    """Gross where either measure is high, subtle where both are low, else moderate."""
    if drop_nats > DROP_NATS[1] or share > SHARE[1]:
        return "gross"
    return "subtle" if drop_nats <= DROP_NATS[0] and share <= SHARE[0] else "moderate"


def edited_share(edits: tuple[Edit, ...], chosen: str) -> float:
    """Characters that went or that came, whichever are more, over the length of the chosen answer."""
    went = sum(edit.end - edit.start for edit in edits)
    came = sum(end - start for start, end in edited_spans(edits))
    return max(went, came) / max(len(chosen), 1)
