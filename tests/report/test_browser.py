"""The pair browser in a real Chromium: what it finds, how it marks edits, keys, ticks, and that text stays text."""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seapo.records import CheckResult, Edit, Message, Negative, Sample, apply_edits
from seapo.report import RunContents
from seapo.report.browser import pack_pairs
from seapo.report.untrusted import INVISIBLE_RANGES, visible
from seapo.verify.labels import LabelReport, read_labels

DATA = re.compile(r'(<script type="application/octet-stream" id="pb-data">)[^<]*(</script>)')
HOSTILE = "</script><img src=x onerror=\"document.title='hacked'\">\u202eabc\x00<!--{{ 7 * 7 }}\u2066"
REFUSED = """Object.defineProperty(window, 'localStorage', {
  get() { throw new DOMException('storage is refused here', 'SecurityError'); } })"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('it is full', 'QuotaExceededError'); }"
OLD = "delete globalThis.DecompressionStream"
MOST_MS = 100
"""Time that a search or a filter may take with 5,000 pairs."""

Open = Callable[..., None]


class Page:
    """The open page, as a reader sees and uses it."""

    def __init__(self, chromium: Any) -> None:
        self.chromium = chromium

    def run(self, script: str, *arguments: Any) -> Any:
        return self.chromium.execute_script(script, *arguments)

    def text(self, name: str) -> str:
        return str(self.run("return document.getElementById('pb-' + arguments[0]).textContent", name))

    def set(self, name: str, value: str) -> None:
        self.run(
            """const field = document.getElementById('pb-' + arguments[0]);
            field.value = arguments[1];
            field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input'));""",
            *(name, value),
        )

    def click(self, name: str) -> None:
        self.run("document.getElementById('pb-' + arguments[0]).click()", name)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.chromium.switch_to.active_element.send_keys(key)

    def found(self) -> int:
        return int(self.text("summary").split(" of ")[0].replace(",", ""))

    def answers(self) -> tuple[str, str]:
        """The open pair's two answers as they are shown, without the signs that mark places and line ends."""
        self.run("document.querySelectorAll('.pb-fold').forEach(one => one.click())")
        script = """const cells = side => [...document.querySelectorAll('.pb-cell.pb-' + side)];
        return ['old', 'new'].map(side => cells(side).map(cell => {
          const copy = cell.cloneNode(true);
          copy.querySelectorAll('.place').forEach(place => place.remove());
          return copy.textContent;
        }).join('\\n'))"""
        old, new = self.run(script)
        return str(old), str(new)

    def marked(self) -> list[list[str]]:
        script = """return ['del', 'ins'].map(tag =>
          [...document.querySelectorAll('.pb-diff ' + tag)].map(one => one.textContent))"""
        return list(self.run(script))

    def log(self) -> list[Any]:
        return list(self.chromium.get_log("browser"))


def sent(chromium: Any) -> list[str]:
    """Addresses that the browser asked for since the log was read last."""
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def opened(chromium: Any, made_html: str, made_contents: RunContents, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page, of the made-up run or of other pairs, with a script run before its own where one is given."""
    scripts: list[str] = []

    def open_page(contents: RunContents = made_contents, *, width: int = 1440, before: str = "") -> Page:
        packed = pack_pairs(contents, limit=5000)
        assert packed is not None
        path = tmp_path / "index.html"
        html = DATA.sub(lambda match: match[1] + packed.data + match[2], made_html)
        path.write_text(html, encoding="utf-8")
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        if before:
            made = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": before})
            scripts.append(made["identifier"])
        chromium.get("about:blank")
        chromium.get_log("browser")
        chromium.get_log("performance")
        chromium.get(path.as_uri())
        page = Page(chromium)
        wait_for(page)
        return page

    yield open_page
    for script in scripts:
        chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": script})
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.execute_script("try { localStorage.clear(); } catch {}")


def wait_for(page: Page) -> None:
    """Wait until the pairs are there, or the page says why they are not."""
    ready = "return !document.getElementById('pb-app').hidden || document.getElementById('pb-state').textContent !== ''"
    end = time.monotonic() + 120
    while not page.run(ready):
        assert time.monotonic() < end, "the pair browser did not open"
        time.sleep(0.05)


def pair(
    contents: RunContents, chosen: str, *edits: tuple[str, str], prompt: str = "Why?", **changes: Any
) -> RunContents:
    """The run with one pair alone, whose edits replace the first of each text by the second."""
    sample = next(iter(contents.samples.values()))
    sample = sample.model_copy(update={"chosen": chosen, "prompt": (Message(role="user", content=prompt),)})
    made = []
    for original, replacement in edits:
        start = chosen.index(original, made[-1].end if made else 0)
        made.append(Edit(start=start, end=start + len(original), original=original, replacement=replacement))
    values = {"sample_id": sample.id, "edits": tuple(made), "text": apply_edits(chosen, tuple(made))} | changes
    return replace(contents, samples={sample.id: sample}, negatives=(contents.negatives[0].model_copy(update=values),))


def test_it_opens_from_disk_with_every_pair_and_asks_for_nothing(opened: Callable[..., Page], chromium: Any) -> None:
    page = opened()
    assert page.text("summary") == "60 of 60 pairs"
    assert page.log() == []
    assert [address for address in sent(chromium) if not address.startswith("file://")] == []
    assert page.run("return document.querySelectorAll('.pb-item').length") < 60
    assert page.run("return document.getElementById('pb-state').hidden")


def test_a_search_finds_what_stands_there(opened: Callable[..., Page], made_contents: RunContents) -> None:
    page = opened()
    samples, negatives = made_contents.samples, made_contents.negatives

    def texts(one: Negative) -> dict[str, str]:
        sample = samples[one.sample_id]
        prompt = "\n".join(message.content for message in sample.prompt)
        edited = "\n".join(f"{edit.original}\n{edit.replacement}" for edit in one.edits)
        return {"prompt": prompt, "chosen": sample.chosen, "negative": one.text, "edit": edited}

    for scope in ("prompt", "chosen", "negative", "edit"):
        page.set("scope", scope)
        for query, terms in {
            "OSLO": ["oslo"],
            "capital oslo": ["capital", "oslo"],
            '"is taller"': ["is taller"],
        }.items():
            page.set("search", query)
            wanted = sum(all(term in texts(one)[scope].lower() for term in terms) for one in negatives)
            assert page.found() == wanted, (scope, query)
    page.set("scope", "all")
    page.set("search", "starter-004")
    assert page.found() == 2
    assert page.text("position") == "1 of 2"
    assert page.run("return CSS.highlights.get('pb-found').size") > 0
    assert page.log() == []
    page.set("search", "nowhere to be found")
    assert (page.found(), page.run("return document.getElementById('pb-empty').checkVisibility()")) == (0, True)
    page.click("clear")
    assert page.found() == 60


def test_each_filter_leaves_what_it_says_and_counts_it(opened: Callable[..., Page], made_contents: RunContents) -> None:
    grown = [
        one.model_copy(update={"severity": (None, "subtle", "gross")[at % 3]})
        for at, one in enumerate(made_contents.negatives)
    ]
    page = opened(replace(made_contents, negatives=tuple(grown)))
    values: dict[str, Callable[[Negative], str]] = {
        "type": lambda one: one.error_type,
        "subtype": lambda one: one.subtype,
        "strategy": lambda one: one.strategy,
        "status": lambda one: one.verdict.status,
        "proof": lambda one: one.verdict.proofs[0] if one.verdict.proofs else "no program",
        "severity": lambda one: one.severity or "not measured",
        "dimension": lambda one: str(made_contents.samples[one.sample_id].dimension),
    }
    options = "return [...document.getElementById('pb-filter-' + arguments[0]).options].slice(1).map(one => one.text)"
    for name, value in values.items():
        counts = Counter(value(one) for one in grown)
        assert set(page.run(options, name)) == {f"{one.replace('_', ' ')} ({n})" for one, n in counts.items()}
        for one, number in counts.items():
            page.set(f"filter-{name}", one)
            assert page.found() == number, (name, one)
        page.set(f"filter-{name}", "")
    page.set("filter-type", "logic")
    page.set("filter-status", "proved")
    wanted = [one for one in grown if one.error_type == "logic" and one.verdict.status == "proved"]
    assert page.found() == len(wanted) > 0


@pytest.mark.parametrize(
    ("chosen", "edits", "marked"),
    [
        ("It has 15 legs.", [("5", "6")], [["15"], ["16"]]),
        ("Oslo is the seat.", [("Oslo is the seat", "Rome is the port")], [["Oslo", "seat"], ["Rome", "port"]]),
        ("A 😀 smile is 😀 good.", [("good", "bad 😀")], [["good"], ["bad 😀"]]),
        ("It is so.", [("is", "is not")], [[], [" not"]]),
        ("one\ntwo\nthree", [("two\nthree", "four")], [["two\nthree"], ["four"]]),
        ("首都是东京。", [("东京", "大阪")], [["东京"], ["大阪"]]),
        ("Rain falls, as it does.", [("Rain", "Snow"), ("does", "did")], [["Rain", "does"], ["Snow", "did"]]),
    ],
)  # fmt: skip
def test_an_edit_is_marked_word_by_word(
    opened: Callable[..., Page], made_contents: RunContents, chosen: str, edits: Any, marked: list[list[str]]
) -> None:
    contents = pair(made_contents, chosen, *edits)
    page = opened(contents)
    assert page.marked() == marked
    assert page.answers() == (chosen, contents.negatives[0].text)


def test_every_pair_shows_both_answers_whole_and_its_evidence(
    opened: Callable[..., Page], made_contents: RunContents
) -> None:
    page = opened()
    page.set("order", "data")
    for negative in made_contents.negatives:
        sample = made_contents.samples[negative.sample_id]
        assert page.answers() == (sample.chosen, negative.text)
        content = page.text("content")
        assert sample.question in content
        assert all(check.evidence in content for check in negative.verdict.checks)
        proofs = page.run(
            "return [...document.querySelectorAll('.pb-evidence tr:has(.pb-proof) th bdi')].map(e => e.textContent)"
        )
        assert proofs == [name.replace("_", " ") for name in negative.verdict.proofs]
        page.click("next")
    assert page.text("position") == "60 of 60"


def test_long_stretches_without_a_change_fold_and_unfold(
    opened: Callable[..., Page], made_contents: RunContents
) -> None:
    lines = [f"Line {number}." for number in range(40)]
    page = opened(pair(made_contents, "\n".join(lines), ("Line 20.", "Row 20.")))
    assert page.run("return document.querySelectorAll('.pb-diff .pb-row').length") == 1 + 5
    folds = page.run("return [...document.querySelectorAll('.pb-fold')].map(one => one.textContent)")
    assert folds == ["18 lines without a change", "17 lines without a change"]
    assert page.answers()[0] == "\n".join(lines)


def test_keys_walk_tick_search_and_explain_themselves(opened: Callable[..., Page]) -> None:
    page = opened()
    escape, down = "\ue00c", "\ue015"
    page.run("document.getElementById('pb-list').focus()")
    page.press("j", "j", "k", down)
    assert page.text("position") == "3 of 60"
    page.press("g")
    assert page.text("summary") == "60 of 60 pairs · 1 ticked: 1 good"
    page.press("b", "j", "u", "j", "n", "a note, g and j included", escape)
    assert page.text("summary") == "60 of 60 pairs · 3 ticked: 1 bad, 2 unsure"
    page.press("u")
    assert page.text("summary") == "60 of 60 pairs · 2 ticked: 1 bad, 1 unsure"
    page.press("/", "Oslo", escape)
    assert page.found() == 4
    assert page.run("return CSS.highlights.get('pb-found').size") > 0
    page.press("?")
    is_open = "return document.getElementById('pb-keys').open"
    assert page.run(is_open)
    page.press(escape)
    assert not page.run(is_open)
    page.press("f")
    is_filled = "return document.documentElement.classList.contains('pb-filled')"
    assert page.run(is_filled)
    page.press(escape)
    assert not page.run(is_filled)
    page.run("document.getElementById('pb-keys-on').click()")
    page.press("g")
    assert page.text("summary") == "4 of 60 pairs · 2 ticked: 1 bad, 1 unsure"


def test_ticks_stay_and_are_exported_as_rows(
    opened: Callable[..., Page], chromium: Any, made_contents: RunContents, tmp_path: Path
) -> None:
    page = opened()
    page.set("order", "data")
    page.click("good")
    page.click("next")
    page.click("bad")
    page.set("note", 'says "Bergen" \u2028 é')
    page = opened()
    assert page.text("summary") == "60 of 60 pairs · 2 ticked: 1 good, 1 bad"
    page.set("filter-tick", "bad")
    assert page.found() == 1
    assert page.run("return document.getElementById('pb-note').value") == 'says "Bergen" \u2028 é'
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.click("export")
    first, second = made_contents.negatives[:2]
    assert [json.loads(line) for line in downloaded(tmp_path / "made-up-labels.jsonl")] == [
        row(made_contents, first, "good", ""),
        row(made_contents, second, "bad", 'says "Bergen" \u2028 é'),
    ]
    found = LabelReport.of(read_labels(tmp_path / "made-up-labels.jsonl"), made_contents.negatives)
    assert (found.labels, found.matched, found.unmatched) == (2, 2, {})
    assert [(one.sample_id, one.note) for one in found.bad] == [(second.sample_id, 'says "Bergen" \u2028 é')]
    assert page.log() == []


def row(contents: RunContents, negative: Negative, label: str, note: str) -> dict[str, str]:
    return {
        "run": contents.recipe.name,
        "sample_id": negative.sample_id,
        "error_type": negative.error_type,
        "text_sha256": hashlib.sha256(negative.text.encode()).hexdigest(),
        "label": label,
        "note": note,
    }


def downloaded(path: Path) -> list[str]:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, "nothing was downloaded"
        time.sleep(0.05)
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_ticks_of_other_pairs_stay_apart(opened: Callable[..., Page], made_contents: RunContents) -> None:
    opened().click("good")
    page = opened(replace(made_contents, negatives=made_contents.negatives[:59]))
    assert page.text("summary") == "59 of 59 pairs"
    assert opened().text("summary") == "60 of 60 pairs · 1 ticked: 1 good"


@pytest.mark.parametrize(("script", "said"), [(REFUSED, "storage is refused here"), (FULL, "it is full")])
def test_where_nothing_can_be_kept_it_says_so_and_goes_on(
    opened: Callable[..., Page], chromium: Any, tmp_path: Path, script: str, said: str
) -> None:
    page = opened(before=script)
    page.click("unsure")
    assert page.text("summary") == "60 of 60 pairs · 1 ticked: 1 unsure"
    assert page.text("trouble") == f"Ticks are not kept: {said}. Export them before you close this page."
    assert page.run("return document.getElementById('pb-trouble').checkVisibility()")
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.click("export")
    assert [json.loads(line)["label"] for line in downloaded(tmp_path / "made-up-labels.jsonl")] == ["unsure"]


def test_hostile_text_is_inert_and_every_character_of_it_is_seen(
    opened: Callable[..., Page], chromium: Any, made_contents: RunContents
) -> None:
    check = CheckResult(check=HOSTILE, outcome="pass", evidence=HOSTILE)
    verdict = made_contents.negatives[0].verdict.model_copy(update={"checks": (check,), "proofs": (HOSTILE,)})
    names = dict.fromkeys(("error_type", "subtype", "strategy", "injector"), HOSTILE)
    contents = pair(made_contents, f"a {HOSTILE} b", ("a ", f"{HOSTILE} "), prompt=HOSTILE, verdict=verdict, **names)
    sample: Sample = next(iter(contents.samples.values()))
    hostile_id = sample.model_copy(update={"id": HOSTILE, "source": HOSTILE})
    negative = contents.negatives[0].model_copy(update={"sample_id": HOSTILE})
    page = opened(replace(contents, samples={HOSTILE: hostile_id}, negatives=(negative,)))
    shown = visible(HOSTILE).replace("⟨", "").replace("⟩", "")
    assert page.answers() == (f"a {shown} b", f"{shown} {shown} b")
    for place in ("content", "title", "rows"):
        assert shown.replace("_", " ") in page.text(place).replace("_", " ")
    assert shown in page.run("return document.getElementById('pb-filter-type').options[1].text")
    page.click("good")
    assert chromium.title == "SeaPO report: made-up"
    assert page.run("return document.querySelectorAll('img').length") == 0
    assert page.log() == []
    assert [address for address in sent(chromium) if not address.startswith("file://")] == []


def test_the_policy_bars_markup_made_of_text_and_scripts_put_in_later(opened: Callable[..., Page]) -> None:
    """The control of the test above: what would be done with text of the data is stopped, and seen in the log."""
    page = opened()
    refused = """const script = document.createElement('script');
    const tried = [
      () => { document.getElementById('pb-content').innerHTML = arguments[0]; },
      () => { script.textContent = "document.title = 'hacked'"; document.body.append(script); },
    ];
    return tried.map(one => { try { one(); return ''; } catch (problem) { return problem.name; } });"""
    assert page.run(refused, HOSTILE) == ["TypeError", "TypeError"]
    assert page.chromium.title == "SeaPO report: made-up"
    assert any("TrustedHTML" in entry["message"] for entry in page.log())


def test_what_cannot_be_seen_is_written_out_as_in_the_rest_of_the_page(
    opened: Callable[..., Page], made_contents: RunContents
) -> None:
    characters = [
        chr(code) for first, last in INVISIBLE_RANGES for code in {first, last} if not 0xD800 <= code <= 0xDFFF
    ]
    chosen = " ".join([*characters, "\u200d", "\u200c", "e\u0301", "\t", "\r\n"]) + "end"
    page = opened(pair(made_contents, chosen, ("end", "start")))
    unseen = page.run("return [...document.querySelectorAll('.pb-cell.pb-old .unseen')].map(one => one.textContent)")
    assert unseen == [f"U+{ord(one):04X}" for one in characters]
    assert "\u200d" in page.answers()[0]


@pytest.fixture(scope="session")
def many(made_contents: RunContents) -> RunContents:
    """5,000 pairs, three of a sample, 1,900 characters a sample as in UltraFeedback; the words are drawn."""
    import random

    words = [f"{''.join(random.Random(n).choices('abcdefghijklmnopqrstuvwxyz', k=2 + n % 8))}" for n in range(6000)]
    samples, negatives = {}, []
    for number in range(1667):
        draw = random.Random(number)
        first = next(iter(made_contents.samples.values()))
        prompt = (Message(role="user", content=" ".join(draw.choices(words, k=95))),)
        chosen = " ".join(draw.choices(words, k=200))
        sample = first.model_copy(update={"id": f"many-{number}", "prompt": prompt, "chosen": chosen})
        samples[sample.id] = sample
        for kind in ("correctness", "logic", "hallucination"):
            start = draw.randrange(len(chosen) - 10)
            edit = Edit(start=start, end=start + 5, original=chosen[start : start + 5], replacement=draw.choice(words))
            changes = {
                "sample_id": sample.id,
                "error_type": kind,
                "edits": (edit,),
                "text": apply_edits(chosen, (edit,)),
            }
            negatives.append(draw.choice(made_contents.negatives).model_copy(update=changes))
    return replace(made_contents, samples=samples, negatives=tuple(negatives[:5000]))


def test_five_thousand_pairs_are_searched_and_filtered_without_lag(
    opened: Callable[..., Page], many: RunContents
) -> None:
    """Layout included.

    The thread's processor time counts the driver's work too, the clock whatever else the machine does: the page itself
    takes no longer than the smaller of both.
    """
    page = opened(many)
    assert page.text("summary") == "5,000 of 5,000 pairs"
    page.chromium.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    script = """const start = performance.now();
      const field = document.getElementById('pb-' + arguments[0]);
      field.value = arguments[1];
      field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input'));
      document.getElementById('pb-app').getBoundingClientRect();
      return performance.now() - start;"""
    steps = [
        ("search", "a"),
        ("search", "absent one"),
        ("search", '"no such phrase"'),
        ("search", ""),
        ("order", "gap"),
    ]
    steps += [("filter-type", "logic"), ("filter-status", "proved"), ("filter-dimension", ""), ("filter-type", "")]
    taken = {}
    for name, value in steps * 2:
        before = thread_ms(page)
        by_clock = page.run(script, name, value)
        taken[name, value] = min(thread_ms(page) - before, by_clock)
    page.chromium.execute_cdp_cmd("Performance.disable", {})
    assert max(taken.values()) < MOST_MS, taken
    assert page.run("return document.querySelectorAll('.pb-item').length") < 60


def thread_ms(page: Page) -> float:
    metrics = page.chromium.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float({one["name"]: one["value"] for one in metrics}["TaskDuration"] * 1000)


def test_it_fits_a_telephone(opened: Callable[..., Page]) -> None:
    page = opened(width=390)
    for change in (
        "",
        "document.getElementById('pb-panel').open = true",
        "document.getElementById('pb-keys').showModal()",
    ):
        page.run(change)
        assert page.run("return document.documentElement.scrollWidth") == 390
    repeated = (
        "return [...document.querySelectorAll('.pb-row:not(.pb-changed) .pb-new')].some(e => e.checkVisibility())"
    )
    assert not page.run(repeated)


def test_it_is_not_printed_and_says_so(opened: Callable[..., Page], chromium: Any) -> None:
    page = opened()
    shown = "return ['#pb-app', '.pb-print', '.example'].map(one => document.querySelector(one).checkVisibility())"
    assert page.run(shown) == [True, False, True]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert page.run(shown) == [False, True, True]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_scripts_the_page_shows_what_it_always_showed(chromium: Any, made_html: str, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(made_html, encoding="utf-8")
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    chromium.get(path.as_uri())
    shown = (
        "return ['#pb-app', '.pb noscript p', '.example'].map(one => !!document.querySelector(one)?.checkVisibility())"
    )
    seen = chromium.execute_script(shown)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert seen == [False, True, True]


@pytest.mark.parametrize("fault", ["old", "torn"])
def test_pairs_that_cannot_be_unpacked_are_told_of(
    opened: Callable[..., Page], chromium: Any, made_html: str, tmp_path: Path, fault: str
) -> None:
    if fault == "old":
        page = opened(before=OLD)
        assert page.text("state").startswith("This browser cannot unpack the pairs; one of 2023 or later can.")
        return
    path = tmp_path / "torn.html"
    path.write_text(DATA.sub(lambda match: match[1] + "H4sIAAAA" + match[2], made_html), encoding="utf-8")
    chromium.get(path.as_uri())
    page = Page(chromium)
    wait_for(page)
    assert page.text("state").startswith("The pairs in this file cannot be read: ")
    assert page.text("state").endswith("Write the report again with seapo report.")
