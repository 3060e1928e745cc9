"""The report as Markdown, read back by a real parser: the words in order, and nothing of data or models as markup."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from seapo.recipe import ReportSection
from seapo.report import read_run, render_markdown
from seapo.report.contents import STAGES
from seapo.report.markdown import markdown_text
from seapo.report.untrusted import visible

GOLDEN = Path(__file__).with_name("full_run_report.md")
PARSER = MarkdownIt("gfm-like", {"linkify": False})
MARKUP = {"link_open", "image", "html_inline", "html_block", "fence", "code_block", "em_open", "s_open"}


def markdown_of(folder: Path) -> str:
    return render_markdown(read_run(folder), settings=ReportSection())


def tokens(text: str) -> list[Token]:
    return [inner for token in PARSER.parse(text) for inner in (token, *(token.children or ()))]


def shown(text: str) -> str:
    """What a reader sees."""
    return " ".join("".join(token.content for token in tokens(text) if token.type == "text").split())


def test_the_report_reads_as_it_should(full_run: Path, tmp_path: Path) -> None:
    actual = tmp_path / GOLDEN.name
    actual.write_text(markdown_of(full_run), encoding="utf-8")
    assert actual.read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8"), (
        f"if the change is meant: cp {actual} {GOLDEN}"
    )


def test_every_table_is_read_as_a_table(full_run: Path) -> None:
    text = markdown_of(full_run)
    rules = [line for line in text.splitlines() if line.startswith("|---") or line.startswith("| |")]
    tables = [token for token in PARSER.parse(text) if token.type == "table_open"]
    assert len(tables) == len([line for line in rules if line.startswith("|---")]) >= 11


def test_hostile_text_is_shown_and_is_no_markup(hostile_run: Path, hostile_text: str) -> None:
    text = markdown_of(hostile_run)
    assert not {token.type for token in tokens(text)} & MARKUP
    readable = " ".join(hostile_text.replace("\u202e", "⟨U+202E⟩").split())
    assert shown(text).count(readable) > 20
    assert "\u202e" not in text


PIECES = [
    "[a](http://b.c)",
    "![x](y)",
    "<b>",
    "**",
    "`c`",
    "| d |",
    "~~",
    "$x$",
    "_e_",
    "# ",
    "- ",
    "1. ",
    "&amp;",
    "\\",
]


@given(
    st.lists(st.one_of(st.text(max_size=4), st.sampled_from([*PIECES, "===", "---", "> ", "[", "](", "\n"]))).map(
        "".join
    )
)
def test_any_text_shows_as_it_is(text: str) -> None:
    written, plain = markdown_text(text), visible(" ".join(text.split()))
    for document in (f"* title:\n  {written}", f"| a |\n|---|\n| {written} |"):
        *_, line = [token for token in PARSER.parse(document) if token.type == "inline"]
        children = line.children or []
        assert {token.type for token in children} <= {"text", "softbreak"}, written
        assert "".join(token.content for token in children).removeprefix("title:") == plain, written


def test_without_the_escapes_markup_would_be_seen() -> None:
    """The control of the two tests above."""
    assert {"link_open", "html_inline", "s_open"} <= {token.type for token in tokens("[a](b) <b> ~~c~~")}


def test_an_address_is_no_link_where_addresses_are_linked() -> None:
    assert markdown_text("see https://example.org, www.example.org") == r"see https\://example.org, www\.example.org"


@pytest.mark.parametrize(
    "text", ["learning_rate", "2 * 3 = 6", "a < b", "min(a, [b])", "−7.5 [−14.3, −0.7]", "1.02 times"]
)
def test_plain_text_stays_plain(text: str) -> None:
    assert markdown_text(text) == text


@pytest.mark.parametrize("stage", STAGES)
def test_a_missing_stage_is_said_and_the_rest_is_shown(full_run: Path, stage: str) -> None:
    shutil.rmtree(full_run / stage)
    if stage == "source":
        shutil.rmtree(full_run / "verify")
    text = markdown_of(full_run)
    assert "Not finished in this run:" in text
    assert len([line for line in text.splitlines() if line.startswith("## ")]) >= 5


def test_a_run_with_nothing_but_its_recipe_gives_a_report(made_run: Path) -> None:
    for stage in STAGES:
        shutil.rmtree(made_run / stage)
    (made_run / "run.json").unlink()
    assert markdown_of(made_run).startswith("# This run has no verified negatives yet.")


def test_an_edit_is_shown_with_what_stands_beside_it(full_run: Path) -> None:
    assert "[-Oslo-]{+Bergen+}. It is the seat of the government" in markdown_of(full_run)
