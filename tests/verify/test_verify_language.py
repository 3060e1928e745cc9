"""The negative keeps script and language of the chosen answer."""

import time

import pytest

from seapo.recipe import VerifySection
from seapo.verify import CHECKS

HEAD = "The bridge was opened in 1937. It spans the strait and carries six lanes of traffic."
LINE = "Before that, people had to take a ferry, which often waited for hours in the fog."
GERMAN = "Vorher mussten die Leute eine Fähre nehmen, die oft stundenlang im dichten Nebel wartete."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{HEAD} {GERMAN}", "from en it changes to de"),
        (f"{HEAD} Auparavant, les gens devaient prendre un bac qui attendait souvent des heures.", "changes to fr"),
        (
            f"{HEAD} Antes de eso, la gente tenía que tomar un transbordador que esperaba durante horas.",
            "changes to es",
        ),
        (f"{HEAD} 此前人们必须乘坐渡轮。", "words in Cjk script"),
        (f"{HEAD} До этого ходил паром.", "words in Cyrillic script"),
        (HEAD.replace("bridge", "bridge (γέφυρα)"), "words in Greek script"),
    ],
)
def test_another_language_or_script_is_rejected(judge, text, why):
    result = judge("language_kept", f"{HEAD} {LINE}", text)
    assert (result.outcome, why in result.evidence) == ("fail", True), result.evidence


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD} {LINE.replace('ferry', 'tunnel')}",
        f"{HEAD} Earlier, everybody went by boat; Ottilie Wendt's diary of 1911 counts 4,000 passengers daily.",
        f'{HEAD} {LINE} As Hochoff puts it: "Panta rhei."',
        f"{HEAD} The angle α is π/4.",
        f"{HEAD} It is in Besançon, near Nordvalla's Wyrzykowski-Świerczewski Institute.",
    ],
)
def test_names_and_formulas_of_the_same_language_are_accepted(judge, text):
    assert judge("language_kept", f"{HEAD} {LINE}", text).outcome == "pass"


def test_a_language_that_was_asked_for_is_no_new_one(judge):
    chosen = "In Russian that is: Раньше ходил паром. In German: " + GERMAN
    question = "Translate 'before, people took a ferry, and waited' into Russian and German."
    assert judge("language_kept", chosen, chosen.replace("паром", "поезд"), question=question).outcome == "pass"
    assert judge("language_kept", GERMAN, GERMAN.replace("Nebel", "Regen")).outcome == "pass"


def test_a_script_that_is_lost_is_noticed(judge):
    chosen, text = "以前人们必须乘坐渡轮，经常等待几个小时。", "Before that, people took a ferry (渡轮)."
    assert judge("language_kept", chosen, text).outcome == "fail"


def test_code_has_no_language(judge):
    chosen = "So:\n```python\nprint('good morning to all of you, my dear and most patient listeners')\n```\n"
    text = chosen.replace("good morning to all of you, my dear and most patient listeners", GERMAN)
    assert judge("language_kept", chosen, text).outcome == "pass"


def test_it_costs_less_than_a_millisecond_for_a_changed_word(make_sample, make_candidate):
    sample = make_sample(f"{HEAD} {LINE}")
    candidates = [make_candidate(sample, f"{HEAD} {LINE} {n} too.") for n in range(200)]
    started = time.process_time()
    for candidate in candidates:
        CHECKS["language_kept"](sample, candidate, VerifySection())
    assert time.process_time() - started < 0.2 * 2
