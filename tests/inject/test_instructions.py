"""What a model is told, word for word."""

from dataclasses import replace

import pytest

from seapo.inject.instructions import Wish, correction, edit_instruction, rewrite_instruction
from seapo.records import Message, Sample
from seapo.taxonomy import ErrorType, find_error_type

SAMPLE = Sample(
    id="s",
    source="test",
    line=1,
    prompt=(Message(role="user", content="When was the tower built?"),),
    chosen="It was built in {1889}.",
)
CORRECTNESS = find_error_type("correctness")
DATE = Wish(CORRECTNESS, next(kind for kind in CORRECTNESS.kinds if kind.name == "wrong_date"), ("wrong_number",))

EDIT = """\
<question>
When was the tower built?
</question>

<answer>
It was built in {1889}.
</answer>

This answer is good. Put in exactly one error of the type "correctness": A statement of the answer that can be looked \
up or computed is wrong: a number, unit, date, name, place, formula, translation, or the behaviour of a piece of code.
Kind of error: wrong_date: a year, date or weekday is another one.
The error must be false or broken for a reader who knows the matter, not another way to say the same. Never hint that \
there is an error.
Example: "The Berlin Wall fell in 1989." becomes "The Berlin Wall fell in 1979."
If no such error fits this answer, take another kind: wrong_number.
Reply with JSON: {"subtype": "wrong_date", "edits": [{"search": "...", "replace": "..."}]}
"search": a few words copied exactly from the answer, which occur in it only once. "replace": what stands there \
instead. As few and short as possible; more edits only where other words must follow from the error."""

REWRITE_AGAIN = """\
This answer is good. Rewrite it with 2 separate errors of the type "correctness": A statement of the answer that can \
be looked up or computed is wrong: a number, unit, date, name, place, formula, translation, or the behaviour of a \
piece of code.
Kind of error: wrong_date: a year, date or weekday is another one.
The error must be false or broken for a reader who knows the matter, not another way to say the same. Never hint that \
there is an error.
Example: "The Berlin Wall fell in 1989." becomes "The Berlin Wall fell in 1979."
The error must be subtle: small, and plausible at first sight.
Your last attempt was refused: The answer came back unchanged. Do it in another way.
Keep the rest as it is: wording, format, language and length. Reply with the whole rewritten answer and nothing else."""

CORRECTION = """\
These edits cannot be made:
- "in 1989" does not occur in the answer.
Reply with the whole JSON again, with all edits corrected."""


def test_the_instruction_to_edit():
    assert edit_instruction(SAMPLE, DATE) == EDIT


def test_the_instruction_to_rewrite_after_a_failure():
    wish = replace(DATE, edits=2, severity="subtle", feedback=("The answer came back unchanged.",))
    assert rewrite_instruction(SAMPLE, wish).split("</answer>\n\n")[1] == REWRITE_AGAIN


def test_the_correction():
    assert correction(['"in 1989" does not occur in the answer.']) == CORRECTION


def test_the_sample_comes_first_so_that_the_types_share_it():
    others = [
        edit_instruction(SAMPLE, Wish(find_error_type(name), DATE.subtype)) for name in ("logic", "hallucination")
    ]
    shared = EDIT.split("</answer>")[0]
    assert all(other.startswith(shared) for other in others)


def test_a_conversation_is_told_with_its_roles():
    turns = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hello"),
        Message(role="assistant", content="Hi!"),
        Message(role="user", content="When?"),
    )
    told = edit_instruction(SAMPLE.model_copy(update={"prompt": turns}), DATE)
    assert "system: Be brief.\n\nuser: Hello\n\nassistant: Hi!\n\nuser: When?\n</question>" in told


@pytest.mark.parametrize("examples", [(), ("Yours sincerely -> Cheers", "Dear Sir -> Hey")])
def test_a_type_of_the_users_is_told_with_its_examples(examples):
    style = ErrorType("style", "The tone breaks with the request.", examples=examples)
    told = edit_instruction(SAMPLE, Wish(style, style.suited(None)[0]))
    assert '"style": The tone breaks with the request.' in told
    assert ("Example: " + "; ".join(examples) in told) == bool(examples)
