"""The page as text: its words in order, nothing of data or model as markup, whatever the run holds."""

import base64
import hashlib
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seapo.recipe import ReportSection
from seapo.report import read_run, render
from seapo.report.contents import STAGES

GOLDEN = Path(__file__).with_name("full_run_page.txt")
BLOCKS = frozenset("p h1 h2 h3 h4 li tr dt dd summary pre div table title footer".split())  # noqa: SIM905


class PageText(HTMLParser):
    """The page's text, one line a block, a bar before each cell; what stands in hidden elements is left out."""

    def __init__(self, hidden: set[str]) -> None:
        super().__init__()
        self._hides = hidden
        self.lines = [""]
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag in self._hides
        if tag in BLOCKS:
            self.lines.append("#" * int(tag[1]) + " " if re.fullmatch("h[1-4]", tag) else "")
        if tag in ("th", "td"):
            self.lines[-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self._hides

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.lines[-1] += data

    def text(self) -> str:
        lines = (" ".join(line.split()) for line in self.lines)
        return "\n".join(line for line in lines if line) + "\n"


def read_page(html: str, hidden: str = "svg style script") -> PageText:
    page = PageText(set(hidden.split()))
    page.feed(html)
    page.close()
    return page


def page_of(folder: Path, *, examples: int = 1) -> str:
    return render(read_run(folder), settings=ReportSection(examples_per_type=examples))


def test_the_page_reads_as_it_should(full_run: Path, tmp_path: Path) -> None:
    read = read_page(page_of(full_run), hidden="svg style script pre").text()
    actual = tmp_path / GOLDEN.name
    actual.write_text(read, encoding="utf-8")
    assert read == GOLDEN.read_text(encoding="utf-8"), f"if the change is meant: cp {actual} {GOLDEN}"


def test_the_recipe_is_on_the_page(made_run: Path) -> None:
    page = read_page(page_of(made_run)).text()
    assert "learning_rate: 0.0002" in page
    assert "gradient_accumulation_steps: 8" in page


def test_the_same_run_gives_the_same_page(made_run: Path) -> None:
    assert page_of(made_run) == page_of(made_run)


def test_the_page_holds_one_script_and_nothing_that_loads(hostile_run: Path) -> None:
    page = read_page(page_of(hostile_run, examples=10))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"img", "iframe", "object", "embed", "base", "link", "video", "audio"}
    assert [attrs for tag, attrs in page.tags if tag == "script"] == [
        {"type": "application/octet-stream", "id": "pb-data"},
        {},
    ]
    assert [attrs for tag, attrs in page.tags if tag == "form"] == [{"method": "dialog"}]
    attributes = [(key, value or "") for _, attrs in page.tags for key, value in attrs.items()]
    assert not [key for key, _ in attributes if key.startswith("on") or key in ("src", "srcset", "style", "action")]
    assert all(value.startswith("#") for key, value in attributes if key == "href")


def test_hostile_text_is_shown_as_text(hostile_run: Path, hostile_text: str) -> None:
    html = page_of(hostile_run, examples=10)
    shown = read_page(html).text()
    readable = " ".join(hostile_text.replace("\u202e", "⟨U+202E⟩").split())
    assert shown.count(readable) > 100
    assert "\u202e" not in html


def test_every_free_text_of_the_hostile_run_is_hostile(hostile_run: Path, hostile_text: str) -> None:
    """The control of the two tests above: what they look for is really in the run, in each place."""
    shown = read_page(page_of(hostile_run, examples=10)).text().splitlines()
    mark = hostile_text[:20]
    for start in (
        "Training warns:",
        "| train.jsonl",
        "Proved by arithmetic",
        "Wrong name",
        "| torch",
        "| data |",
        "Prompt",
    ):
        assert any(mark in line for line in shown if start.lower() in line.lower()), start


def test_the_policy_admits_the_one_style_sheet_the_one_script_and_nothing_else(made_run: Path) -> None:
    html = page_of(made_run)
    [style] = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    [policy] = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', html)
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{admitted(script)}'",
        f"style-src 'sha256-{admitted(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    assert "url(" not in style
    assert "@import" not in style


def admitted(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_page_without_pairs_admits_no_script(made_run: Path) -> None:
    html = render(read_run(made_run), settings=ReportSection(pairs=0))
    assert "<script" not in html
    assert "script-src" not in html
    assert 'href="#pairs"' not in html


def test_a_page_of_a_large_run_stays_small(made_run: Path) -> None:
    contents = read_run(made_run)
    huge = {key: sample.model_copy(update={"chosen": "z" * 1_000_000}) for key, sample in contents.samples.items()}
    negatives = tuple(negative.model_copy(update={"text": "y" * 1_000_000}) for negative in contents.negatives)
    html = render(replace(contents, samples=huge, negatives=negatives), settings=ReportSection())
    assert len(html.encode()) < 1_000_000
    assert "more characters are not shown" in html


@pytest.mark.parametrize("stage", STAGES)
def test_a_missing_stage_is_said_and_the_rest_is_shown(made_run: Path, stage: str) -> None:
    shutil.rmtree(made_run / stage)
    if stage == "source":
        shutil.rmtree(made_run / "verify")
    text = read_page(page_of(made_run)).text()
    assert f"The stage {stage} has not finished in this run." in text
    assert "Not finished in this run:" in text
    assert text.count("## ") >= 8


def test_a_run_with_nothing_but_its_recipe_gives_a_page(made_run: Path) -> None:
    for stage in STAGES:
        shutil.rmtree(made_run / stage)
    (made_run / "run.json").unlink()
    text = read_page(page_of(made_run)).text()
    assert "This run has no verified negatives yet." in text
    assert "Not finished in this run: source, inject, verify, mix, train, evaluate." in text


def test_every_anchor_leads_somewhere(made_run: Path) -> None:
    tags = read_page(page_of(made_run)).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {str(attrs["href"])[1:] for _, attrs in tags if "href" in attrs} <= set(ids)


def test_a_type_of_the_recipes_own_is_explained_in_its_words(made_run: Path) -> None:
    for path in [*made_run.rglob("*.jsonl"), *made_run.rglob("*.json")]:
        path.write_text(path.read_text(encoding="utf-8").replace('"logic"', '"style"'), encoding="utf-8")
    recipe = made_run / "recipe.yaml"
    own = 'types: [{name: style, definition: "The tone breaks with <b>what is asked</b>."}]'
    recipe.write_text(recipe.read_text().replace("- logic\n", "- style\n").replace("types: []", own))
    page = page_of(made_run)
    assert "The tone breaks with &lt;b&gt;what is asked&lt;/b&gt;." in page
    assert "A statement of the answer that can be looked up" in page
    assert "Every single statement may be fine" not in page
