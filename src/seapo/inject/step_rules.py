"""Rules for calculations: a wrong step whose consequences are carried on, and steps that do not hang together."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from random import Random

from seapo.arithmetic import value_of
from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.figures import as_result, other_numbers, rewritten
from seapo.inject.passage import Passage, plain
from seapo.inject.worksheet import Step, Worksheet
from seapo.language import Sentence
from seapo.records import Edit

_TRIES = 6
"""Wrong results that are tried for one step until its consequences come out as plain numbers."""
_BINARY = re.compile(r"[^-+*/x×÷]*[0-9][^-+*/x×÷]*([-+*/x×÷])[^-+*/x×÷]*[0-9][^-+*/x×÷]*")
_OTHER_OPERATOR = {"+": "-", "-": "+", "*": "+", "x": "+", "×": "+", "/": "*", "÷": "×"}


def wrong_arithmetic(passage: Passage, rng: Random) -> Iterator[Draft]:
    """One result is wrong, and every later step goes on from it, up to the final answer."""
    sheet = passage.worksheet
    for step in shuffled(rng, sheet.main_steps):
        slot = sheet.slots[step.result]
        if slot.written[:1] in "-−" or not sheet.stands_for_one_thing(step):
            continue
        for other in islice(other_numbers(slot.written, rng), _TRIES):
            own = sheet.restated(step, other)
            new = sheet.carry(own, {slot.value: other})
            if new is not None and _stays_true(sheet, step, other):
                yield draft("wrong_arithmetic", passage.text, sheet.edits(new))
                break


def wrong_last_results(passage: Passage, rng: Random) -> Iterator[Draft]:
    """The last result is wrong, where it is computed or stated and in the final answer; what came before stays.

    Nothing follows from it, so it can be changed where its value also stands for something else further up.
    """
    sheet, final = passage.worksheet, passage.final_answer
    if final is None or not final.is_explicit:
        return
    stated = [i for i, s in enumerate(sheet.slots) if s.start < final.end and final.start < s.end]
    homes = [s for s in passage.sentences if s.end <= passage.text.rfind("\n", 0, final.start)]
    if not stated or not homes:
        return
    slot, home = sheet.slots[stated[0]], homes[-1]
    used = {operand for step in sheet.steps for operand in step.operands}
    own = [i for i, s in enumerate(sheet.slots) if home.start <= s.start < home.end and s.value == slot.value]
    own = [i for i in own if i not in used]
    near = {sheet.slots[i].value for i in used if home.start <= sheet.slots[i].start < home.end}
    for other in islice(other_numbers(slot.written, rng), _TRIES) if own and slot.written[:1] not in "-−" else ():
        if plain(other) not in near:
            new = {i: rewritten(other, sheet.slots[i].written) for i in (*own, *stated)}
            yield draft("wrong_arithmetic", passage.text, sheet.edits(new))


def misread_numbers(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A given number is taken for another one, and everything is computed with it."""
    sheet = passage.worksheet
    results = {sheet.slots[step.result].value for step in sheet.steps}
    operands = {sheet.slots[o].value: sheet.slots[o].written for step in sheet.main_steps for o in step.operands}
    for value, written in shuffled(rng, operands.items()):
        if passage.given_numbers[value] != 1 or value in results or written[:1] in "-−":
            continue
        for other in islice(other_numbers(written, rng), _TRIES):
            if plain(other) not in passage.given_values and (new := sheet.carry({}, {value: other})) is not None:
                yield draft("wrong_number", passage.text, sheet.edits(new))
                break


def wrong_steps(passage: Passage, rng: Random) -> Iterator[Draft]:
    """The wrong operation, computed rightly: the step does not follow from what is asked."""
    sheet = passage.worksheet
    for step in shuffled(rng, sheet.main_steps):
        twins = [twin for twin in sheet.steps if twin.overlaps(step)]
        signs = [_BINARY.fullmatch(twin.equation.left) for twin in twins]
        if not all(signs) or not sheet.stands_for_one_thing(step):
            continue
        marks = [twin.start + sign.start(1) for twin, sign in zip(twins, signs, strict=True) if sign]
        edits = [replace(passage.text, at, at + 1, _OTHER_OPERATOR[passage.text[at]]) for at in marks]
        lefts = {
            twin.start: twin.equation.left[: at - twin.start]
            + edit.replacement
            + twin.equation.left[at - twin.start + 1 :]
            for twin, at, edit in zip(twins, marks, edits, strict=True)
        }
        new = _with_other_left(sheet, step, lefts)
        if new is not None:
            yield draft("wrong_step", passage.text, [*edits, *sheet.edits(new)])


def contradicted_results(passage: Passage, rng: Random) -> Iterator[Draft]:
    """The stated final answer is another number than the one that was just computed."""
    yield from _wrong_final(passage, rng, "contradiction", lambda written: islice(other_numbers(written, rng), 3))


def wrong_results(passage: Passage, rng: Random) -> Iterator[Draft]:
    """The stated final answer is an intermediate result, or a number that was given."""
    sheet = passage.worksheet

    def others(written: str) -> Iterator[str]:
        seen = [sheet.slots[step.result].written for step in sheet.main_steps]
        yield from (other for other in shuffled(rng, dict.fromkeys(seen)) if plain(other) != plain(written))

    yield from _wrong_final(passage, rng, "wrong_conclusion", others)


def missing_steps(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A step is left out whose result a later one needs."""
    sheet = passage.worksheet
    for step in shuffled(rng, sheet.main_steps):
        home = passage.sentence_at(step.start)
        if home is None or not sheet.uses(step) or len(passage.sentences) < 3 or _is_item(passage.text, home):
            continue
        value = sheet.slots[step.result].value
        is_restated = any(
            slot.value == value for slot in sheet.slots if slot.start < home.start
        ) or value in passage.given_values  # fmt: skip
        has_others = sum(home.start <= other.start < home.end for other in sheet.main_steps) > 1
        if not is_restated and not has_others:
            following = passage.text[home.end :]
            gap = len(following) - len(following.lstrip())
            yield draft("missing_step", passage.text, [replace(passage.text, home.start, home.end + gap, "")])


def swapped_steps(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Two neighbouring steps change places, so that one uses a result before it is there."""
    sheet = passage.worksheet
    pairs = pairwise(passage.sentences)
    for first, second in shuffled(rng, pairs):
        needed = [s for s in sheet.main_steps if first.start <= s.start < first.end]
        is_used = any(second.start <= user.start < second.end for step in needed for user in sheet.uses(step))
        gap = passage.text[first.end : second.start]
        if is_used and not gap.strip() and not _is_item(passage.text, first) and not _is_item(passage.text, second):
            yield draft("swapped_steps", passage.text, moved(passage.text, first, second))


def moved(text: str, first: Sentence, second: Sentence) -> list[Edit]:
    """Edits that exchange two neighbouring sentences by moving the shorter one."""
    gap = text[first.end : second.start]
    if len(first.text) < len(second.text):
        return [replace(text, first.start, second.start, ""), replace(text, second.end, second.end, gap + first.text)]
    return [replace(text, first.start, first.start, second.text + gap), replace(text, first.end, second.end, "")]


def _wrong_final(passage: Passage, rng: Random, subtype: str, others_of: object) -> Iterator[Draft]:
    assert callable(others_of)
    sheet, final = passage.worksheet, passage.final_answer
    if final is None or (final.how == "last_number" and not sheet.steps):
        return
    closing = _closing_start(passage, sheet)
    slots = [i for i, slot in enumerate(sheet.slots) if slot.start >= closing]
    stated = [i for i in slots if sheet.slots[i].value == plain(final.value.lstrip("$€£ "))]
    is_shown = any(sheet.slots[i].value == sheet.slots[stated[0]].value for i in range(stated[0])) if stated else False
    if not is_shown or not any(sheet.slots[i].start <= final.start < sheet.slots[i].end for i in stated):
        return
    for other in others_of(sheet.slots[stated[0]].written):
        yield draft(subtype, passage.text, sheet.edits({i: rewritten(other, sheet.slots[i].written) for i in stated}))


def _closing_start(passage: Passage, sheet: Worksheet) -> int:
    """Where the statement of the final answer begins: behind the last step, or with the last sentence."""
    if sheet.steps:
        last = max(sheet.steps, key=lambda step: step.end)
        return max(sheet.slots[i].end for i in sheet.mentions_of_result(last))
    final = passage.final_answer
    sentence = passage.sentence_at(final.start) if final else None
    return sentence.start if sentence else len(passage.text)


def _with_other_left(sheet: Worksheet, step: Step, lefts: Mapping[int, str]) -> dict[int, str] | None:
    """The slots that change when a step is computed with another left side; None where that gives no plain number."""
    value, slot = value_of(lefts[step.start]), sheet.slots[step.result]
    written = None if value is None else as_result(value, slot.written)
    if written is None or not 1 / 50 < float(plain(written)) / float(slot.value) < 50 or plain(written) == slot.value:
        return None
    own = sheet.restated(step, written)
    return sheet.carry(own, {slot.value: written})


def _stays_true(sheet: Worksheet, step: Step, other: str) -> bool:
    """Whether the wrong result is none of the step's own operands, which would look like a slip of the pen."""
    return all(sheet.slots[operand].value != plain(other) for operand in step.operands)


def _is_item(text: str, sentence: Sentence) -> bool:
    """Whether a sentence opens an item of a numbered list, so that its number would be missed."""
    line = text[text.rfind("\n", 0, sentence.start) + 1 : sentence.start]
    return re.match(r"[ \t>*#-]*(?:step )?\(?[0-9A-Za-z]{1,3}[.):]", line, re.IGNORECASE) is not None
