"""What a text brings in from nowhere: sources, names, quotations and figures that neither prompt nor answer holds."""

import re
from dataclasses import dataclass

from seapo.language import is_given_name, kinds_of, shared_kind
from seapo.lexicon import ROLES
from seapo.names import QUOTATION, SOURCE, proper_names
from seapo.records import Sample
from seapo.things import are_different_things, forms_of
from seapo.verify.difference import Difference, new_numbers
from seapo.verify.findings import in_code
from seapo.verify.hunks import Hunk

MIN_NEW_WORDS = 3
"""Net words of an insertion that replaces others; what exchanges words one for one changes a fact."""
MIN_ADDED_WORDS = 2
"""Words of an insertion that replaces nothing: `[Yarrow 1977]`, `by 47%`."""


@dataclass(frozen=True)
class Invention:
    """Something new, as it is written."""

    kind: str
    """source, quotation, name, person, thing or figure."""
    text: str


def inserted_passages(change: Difference) -> tuple[str, ...]:
    """The stretches of the edited text that stand where little or nothing stood before."""
    return tuple(change.after[hunk.after_start : hunk.after_end] for hunk in change.hunks if _is_insertion(hunk))


def _in_exchange(hunk: Hunk, passage: str, conversation: str, known: str, change: Difference) -> list[Invention]:
    """A name that no table knows in the place of other words, and a figure where none was."""
    names = proper_names(change.after, hunk.after_start, hunk.after_end) if hunk.removed else ()
    if _is_name_for_name(hunk, known):
        names = hunk.inserted
    new = [name for name in names if name.casefold() not in known.casefold() and not kinds_of(name)]
    found = [Invention("name", name) for name in new]
    found += [Invention("person", name) for name in _strangers(hunk, conversation, known)]
    found += [Invention("thing", word) for word in _foreign_things(hunk, known)]
    had_figures = any(word[0].isdigit() for word in hunk.removed)
    if hunk.removed and not had_figures and not in_code(change.before, hunk.start):
        found += [Invention("figure", number) for number in new_numbers(passage, known)]
    return found


def _strangers(hunk: Hunk, conversation: str, known: str) -> list[str]:
    """Given names that nobody has, in the place of names that stand in the conversation: who is there is told there."""
    pairs = zip(hunk.removed, hunk.inserted, strict=False)
    words = re.findall(r"\w+", known.casefold())
    return [
        new
        for old, new in pairs
        if is_given_name(old) and is_given_name(new) and old in conversation and new.casefold() not in words
    ]


def _foreign_things(hunk: Hunk, known: str) -> list[str]:
    """Things that took the place of others of their kind, and that nobody spoke of in any form.

    Sister terms of the tables are left out: one for the other is a wrong fact.
    """
    if len(hunk.removed) != len(hunk.inserted):
        return []
    familiar = frozenset(re.findall(r"[a-z]+", known.casefold()))
    pairs = zip(hunk.removed, hunk.inserted, strict=True)
    strange = ((old, new) for old, new in pairs if are_different_things(old, new) and not forms_of(new) & familiar)
    return [new for old, new in strange if shared_kind(old, new) is None]


def _is_name_for_name(hunk: Hunk, known: str) -> bool:
    """Whether a word with a capital took the place of a name, so that a sentence's start is no matter.

    Of the new word the tables must not know anything, nor may the text have it in small letters.
    """
    if not len(hunk.removed) == len(hunk.inserted) == 1:
        return False
    old, new = hunk.removed[0], hunk.inserted[0]
    if old.isupper() and new.isupper() and len(new) > 2:  # an abbreviation for another one
        return new.casefold() not in known.casefold()
    is_name = re.search(rf"(?<=[a-z,] ){re.escape(old)}\b", known) is not None or is_given_name(old)
    return old[:1].isupper() and new[:1].isupper() and not new.isupper() and is_name


def _is_insertion(hunk: Hunk) -> bool:
    new, old = len(_words(hunk.inserted)), len(_words(hunk.removed))
    return new - old >= (MIN_NEW_WORDS if old else MIN_ADDED_WORDS)


def _words(run: tuple[str, ...]) -> list[str]:
    return [word for word in run if any(character.isalnum() for character in word)]


def inventions(sample: Sample, change: Difference) -> tuple[Invention, ...]:
    """What the inserted passages bring in that is neither in the conversation nor in the chosen answer."""
    conversation = "\n".join(message.content for message in sample.prompt)
    known = f"{conversation}\n{sample.chosen}"
    familiar, found = known.casefold(), list[Invention]()
    words = set(re.findall(r"\w+", familiar))
    for hunk in change.hunks:
        passage = change.after[hunk.after_start : hunk.after_end]
        roles = ROLES.intersection(re.sub("['’]?s$", "", word.casefold()) for word in hunk.inserted)
        found += [Invention("person", role) for role in sorted(roles) if not {role, f"{role}s"} & words]
        if not _is_insertion(hunk):
            found += _in_exchange(hunk, passage, conversation, known, change)
            continue
        found += [
            Invention("source", mark[0]) for mark in SOURCE.finditer(passage) if mark[0].casefold() not in familiar
        ]
        found += [Invention("quotation", mark[0]) for mark in QUOTATION.finditer(passage) if mark[0] not in known]
        names = proper_names(change.after, hunk.after_start, hunk.after_end)
        found += [Invention("name", name) for name in names if name.casefold() not in familiar]
        if not in_code(change.before, hunk.start):
            found += [Invention("figure", number) for number in new_numbers(passage, known)]
    return tuple(dict.fromkeys(found))
