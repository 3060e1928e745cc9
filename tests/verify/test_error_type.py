"""Does a difference fit the error type that a candidate claims?"""

import pytest

FACT = (
    "Water boils at 100 degrees Celsius at sea level. In the mountains the pressure is lower, so it boils earlier "
    "there. Therefore cooking takes longer in Bolivia."
)
CODE = "```python\nimport json\n\ndef load(path):\n    with open(path) as file:\n        return json.load(file)\n```"


def put(judge, old, new, error_type, chosen=FACT):
    assert old in chosen
    return judge("type_applies", chosen, chosen.replace(old, new, 1), error_type)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("100", "90"),
        ("Celsius", "Fahrenheit"),
        ("lower", "higher"),
        ("takes longer", "does not take longer"),
        ("Bolivia", "Ecuador"),
        ("takes longer in Bolivia", "takes shorter in Bolivia"),
    ],
)
def test_changed_facts_are_errors_of_correctness(judge, old, new):
    assert put(judge, old, new, "correctness").outcome == "pass"


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("boils earlier", "boils sooner", "fail"),
        ("cooking takes", "preparing meals takes", "not_judged"),
        (" In the mountains the pressure is lower, so it boils earlier there.", "", "fail"),
        ("sea level.", "sea level, as Celsius himself has told his friends.", "fail"),
    ],
)
def test_synonyms_paraphrases_and_additions_are_none(judge, old, new, outcome):
    assert put(judge, old, new, "correctness").outcome == outcome


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (", so it", ", but it"),
        (" In the mountains the pressure is lower, so it boils earlier there.", ""),
        ("takes longer", "takes shorter"),
        ("is lower, so it boils earlier", "is lower, so it does not boil earlier"),
        ("Water boils at 100 degrees Celsius at sea level. ", ""),
        ("sea level.", "sea level. Water does not boil at 100 degrees Celsius at sea level."),
        ("there.", "there. In the mountains the pressure is lower, so it boils earlier there."),
        ("the pressure is lower, so it boils earlier there", "it boils earlier there, so the pressure is lower"),
    ],
)
def test_broken_arguments_are_errors_of_logic(judge, old, new):
    assert put(judge, old, new, "logic").outcome == "pass"


def test_swapped_steps_are_an_error_where_one_leans_on_the_other(judge):
    leaning = "First weigh 20 g of salt. Then stir it into the water. Serve."
    loose = "Apples grow on trees. Potatoes grow below ground. Serve."
    for chosen, outcome in ((leaning, "pass"), (loose, "not_judged")):
        first, second, last = chosen.removesuffix(".").split(". ")
        swapped = f"{second}. {first}. {last}."
        assert judge("type_applies", chosen, swapped, "logic").outcome == outcome


@pytest.mark.parametrize(
    ("old", "new"), [("100", "90"), ("the pressure is lower", "the pressure is higher"), ("boils", "cooks")]
)
def test_a_changed_fact_alone_is_no_error_of_logic(judge, old, new):
    assert put(judge, old, new, "logic").outcome == "fail"


def test_a_wrong_operation_that_is_computed_rightly_is_one(judge):
    chosen = "There are 4 rows of 6 seats. That makes 4 * 6 = 24 seats. Each ticket costs 2 euros."
    assert judge("type_applies", chosen, chosen.replace("4 * 6 = 24", "4 + 6 = 10"), "logic").outcome == "pass"
    assert judge("type_applies", chosen, chosen.replace("4 * 6", "4 + 6"), "logic").outcome == "fail"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sea level.", "sea level, as the Zurich Institute of Vapour reported in 1987."),
        ("sea level.", "sea level (Marlow and Pentz, 2011)."),
        ("sea level.", 'sea level. "No kettle ever lies about it", as the saying goes.'),
        ("sea level.", "sea level, which 83% of all cooks know by heart."),
        ("sea level.", "sea level, a rule that we owe to Ottilie Wendt."),
        ("sea level.", "sea level [Yarrow 1977]."),
        ("Bolivia", "Nordvalla"),
        ("In the mountains", "Hochoff's law says that in the mountains"),
        ("lower", "47 percent lower"),
    ],
)
def test_invented_sources_names_quotations_and_figures_are_hallucinations(judge, old, new):
    assert put(judge, old, new, "hallucination").outcome == "pass"


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("100", "90", "fail"),
        ("Bolivia", "Ecuador", "fail"),
        ("boils earlier", "boils sooner", "fail"),
        ("sea level.", "sea level, as everybody can see in a pot.", "not_judged"),
        ("sea level.", "sea level, 100 degrees Celsius in Bolivia as well.", "not_judged"),
    ],
)
def test_what_brings_nothing_in_is_none(judge, old, new, outcome):
    assert put(judge, old, new, "hallucination").outcome == outcome


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("10 cookies", "10 muffins", "pass"),
        ("10 cookies", "10 eggs", "fail"),
        ("10 cookies", "10 biscuits", "fail"),
        ("10 cookies", "10 pencils", "fail"),
        ("Nora has", "Judith has", "pass"),
        ("Nora has", "Peter has", "fail"),
    ],
)
def test_who_and_what_the_question_never_named_is_brought_in(judge, old, new, outcome):
    """Of the same kind, since another word may mean anything; not the eggs and the Peter that were spoken of."""
    answer = "Nora has 5*2=10 cookies.\n#### 10"
    question = "Nora bakes 5 cookies for each of 2 friends, and takes 3 eggs from Peter. How many cookies has she?"
    text = answer.replace(old, new)
    assert judge("type_applies", answer, text, "hallucination", question=question).outcome == outcome


def test_code_that_calls_what_nothing_defines_is_a_hallucination(judge):
    assert put(judge, "json.load(file)", "json.load_stream(file)", "hallucination", CODE).outcome == "pass"
    assert put(judge, "import json", "import jsonstream as json", "hallucination", CODE).outcome == "pass"
    assert put(judge, "open(path)", "open(path, by=1)", "hallucination", CODE).outcome == "not_judged"


def test_a_type_that_no_rule_knows_is_not_judged(judge):
    assert put(judge, "100", "90", "politeness").outcome == "not_judged"


def test_the_claims_of_the_candidate_are_no_evidence(judge, make_sample, make_candidate):
    from seapo.recipe import VerifySection
    from seapo.verify import CHECKS

    sample = make_sample(FACT)
    candidate = make_candidate(sample, FACT.replace("boils earlier", "boils sooner"))
    boasting = candidate.model_copy(update={"subtype": "wrong_number", "injector": "surely wrong"})
    assert CHECKS["type_applies"](sample, boasting, VerifySection()).outcome == "fail"
