"""What a reader cannot see is written out; what nobody wants to read whole is cut, with a note."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.report.untrusted import cut, label, visible


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("\x00\x1b[31m", "⟨U+0000⟩⟨U+001B⟩[31m"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("lone \ud800 surrogate", "lone ⟨U+D800⟩ surrogate"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("a\rb", "a⟨U+000D⟩b"),
    ],
)
def test_hidden_characters_are_written_out(hidden: str, shown: str) -> None:
    assert visible(hidden) == shown


@pytest.mark.parametrize("text", ["tab\tand\nline", "Zürich, 東京, שלום", "👩\u200d🔬", "می\u200cخواهم"])
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_windows_line_ends_become_line_feeds() -> None:
    assert visible("a\r\nb") == "a\nb"


@given(st.text(st.characters()))
def test_nothing_that_controls_or_cannot_be_written_is_left(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\t\n"]
    assert not [
        c for c in shown if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI")
    ]


def test_a_long_text_is_cut_with_a_note() -> None:
    assert cut("x" * 1_000_000, 10) == "xxxxxxxxxx … (999,990 more characters are not shown)"
    assert cut("x" * 10, 10) == "x" * 10


def test_a_label_is_one_short_line() -> None:
    assert label("two\nlines") == "two lines"
    assert label("x" * 100, 5) == "xxxx…"
    assert label("a\u202eb") == "a⟨U+202E⟩b"
