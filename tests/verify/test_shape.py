"""The negative keeps the shape of the chosen answer."""

import pytest

from seapo.verify.shape import PAIRS

OBJECT = '{"name": "Ada", "years": [1815, 1852]}'
BLOCK = f"Here:\n```json\n{OBJECT}\n```\nDone."
LIST = "Steps:\n1. Add it.\n2. Stir it.\n3. Wait.\n4. Serve."
BULLETS = "- red\n- green\n- blue\n- black"
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |"
FORMULA = r"We get \(x = \left(\frac{1}{2}\right)\) and $y = 3$, so \begin{align}x &= y\end{align} holds."


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        (OBJECT, OBJECT.replace("1852", "1853")),
        (BLOCK, BLOCK.replace("1852", "1853")),
        (LIST, LIST.replace("\n3. Wait.", "").replace("4.", "3.")),
        (LIST, LIST.replace("Wait", "Boil it")),
        (BULLETS, BULLETS.replace("green", "pink")),
        (TABLE, TABLE.replace("4", "5")),
        (FORMULA, FORMULA.replace("{2}", "{3}")),
        (FORMULA, FORMULA.replace("$y = 3$", "$y = 3 + x$")),
        (r"It costs $5, \textbf{really}.", r"It costs $5, and $2 more, \textbf{really}."),
        ("It costs $5.", "It costs $5 or $6."),
        ("Broken \\(x.", "Broken \\(y."),
        ("{not json", "{not json either"),
        ("I. Introduction", "I. Overture"),
    ],
)
def test_what_keeps_its_shape_is_accepted(judge, chosen, text):
    assert judge("format_kept", chosen, text).outcome == "pass"


@pytest.mark.parametrize(
    ("chosen", "text", "why"),
    [
        (OBJECT, OBJECT.replace(": [1815", " [1815"), "no longer JSON"),
        (OBJECT, f"Sure! {OBJECT}", "no longer JSON"),
        (BLOCK, BLOCK.replace('"Ada",', '"Ada"'), "a block of JSON"),
        (LIST, "Steps:\nAdd it.\nStir it.\nWait.\nServe.", "a list of 4 items with a number"),
        (LIST, LIST.replace("1.", "-").replace("2.", "-").replace("3.", "-"), "a list of 4 items with a number"),
        (BULLETS, "red, green, blue, black", "a list of 4 items with a bullet"),
        (TABLE, "a and b: 1, 2; 3, 4", "a table is gone"),
        (FORMULA, FORMULA.replace(r"\)", ""), r"a \( has no \)"),
        (FORMULA, FORMULA.replace(r"\right)", ")"), r"a \left has no \right"),
        (FORMULA, FORMULA.replace(r"\end{align}", ""), r"a \begin{align} has no \end"),
        (FORMULA, FORMULA.replace("$y = 3$", "$y = 3"), "a $ has no partner"),
        (FORMULA, FORMULA.replace(r"\frac{1}{2}", r"\frac{1}{2"), "a { has no }"),
    ],
)
def test_what_lost_its_shape_is_rejected(judge, chosen, text, why):
    result = judge("format_kept", chosen, text)
    assert (result.outcome, why in result.evidence) == ("fail", True), result.evidence


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_a_bracket_that_never_had_a_partner_is_not_missed(judge, left, right):
    assert judge("format_kept", f"a{left}b", f"a{left}c").outcome == "pass"
    assert judge("format_kept", f"a{left}b{right}", f"a{left}c").outcome == "fail"
