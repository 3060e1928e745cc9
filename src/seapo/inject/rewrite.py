"""The strategy `rewrite`: a model writes the whole answer again, with an error in it.

Source: SeaPO, arXiv:2509.24781, Section 3.1, whose injector does the same; here the difference is kept as edits.
"""

import re
from collections.abc import Iterator

from seapo.engine.request import Request
from seapo.inject.asking import wish_for
from seapo.inject.instructions import rewrite_instruction
from seapo.inject.proposal import STRATEGIES, Context, Proposal
from seapo.inject.wording import word_edits
from seapo.records import Message, Sample

_TAGS = re.compile(r"\A\s*<answer>\s*|\s*</answer>\s*\Z")


@STRATEGIES.register("rewrite")
def propose_by_rewrite(sample: Sample, error_type: str, context: Context) -> Iterator[Proposal]:
    """The model's version of the answer, unless it was cut or is the answer itself."""
    wish = wish_for(error_type, context, "rewrite")
    message = Message(role="user", content=rewrite_instruction(sample, wish))
    reply = context.ask(error_type, "rewrite", Request((message,), attempt=context.attempt))
    if reply.finish_reason == "length":
        context.failures.append("The reply was cut at its longest length.")
        return
    text = _framed(reply.text, sample.chosen)
    if text.split() == sample.chosen.split():
        context.failures.append("The answer came back unchanged.")
        return
    edits = word_edits(sample.chosen, text)
    yield Proposal(error_type, wish.subtype.name, "rewrite", context.engine.name, edits, context.attempt)


def _framed(text: str, chosen: str) -> str:
    """The reply without our tags around it, and with the white space around the chosen answer."""
    bare, core = _TAGS.sub("", text).strip(), chosen.strip()
    start = chosen.find(core)
    return chosen[:start] + bare + chosen[start + len(core) :]
