"""Which error an answer makes: every kind has answers that it must be found in, and answers that it must not."""

import pytest

from seapo.diagnose import Question, diagnose_answer, diagnose_question
from seapo.errors import DataError
from seapo.records import ChoiceTruth, NumberTruth, TextTruth, UnitTestTruth
from seapo.unit_tests import TestRun

EGGS = "Ada buys 4 nets of 6 eggs and uses 3 of them. How many eggs are left?"
SOLVED = "She buys 4 * 6 = 24 eggs. 24 - 3 = 21 are left.\n#### 21"


def sums(answer, **options):
    return diagnose_answer(EGGS, SOLVED, answer, is_closed=True, **options)


@pytest.mark.parametrize(
    ("answer", "error_type", "is_proved", "evidence"),
    [
        ("4 * 6 = 26. 26 - 3 = 23. The answer is 23.", "correctness", True, "4 * 6 = 26 is false"),
        ("4 + 6 = 10. 10 - 3 = 7. The answer is 7.", "logic", False, "the reference never comes to 4 + 6 = 10"),
        ("4 * 6 = 24 eggs. The answer is 24.", "logic", False, "the last one is 4 * 6 = 24"),
        ("4 * 6 = 24. 24 - 3 = 21. The answer is 22.", "logic", False, "final answer is 22"),
        ("4 * 6 = 24. 24 - 13 = 11. The answer is 11.", "hallucination", False, "the amount 13"),
        ("She has 24. Walter takes 2 more of them. The answer is 19.", "hallucination", False, "'Walter'"),
        (
            "The eggs in the nets are fresh. The eggs in the nets are not fresh. The answer is 4.",
            "logic", True, "it says both",
        ),
        ("", "other", True, "empty"),
        ("There are some left. The answer is 9.", None, False, "the right one is 21"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_sorted_by_its_error(answer, error_type, is_proved, evidence):
    found = sums(answer)
    assert (found.outcome, found.error_type, found.is_proved) == ("wrong", error_type, is_proved)
    assert evidence in found.evidence
    assert found.by == (None if error_type is None else "program")


@pytest.mark.parametrize(
    "answer",
    [
        SOLVED,
        "4 * 6 is 24, and 24 - 3 = 21.",
        "The answer is 21 eggs.",
        "\\boxed{21}",
        "4 * 6 = 26. No, the answer is 21.",
    ],
)
def test_a_right_answer_has_no_error_type(answer):
    found = sums(answer)
    assert (found.outcome, found.error_type, found.findings) == ("right", None, ())


def test_of_several_errors_a_proof_comes_first_and_then_the_first_in_the_text():
    found = sums("24 - 13 = 11. Then 4 * 6 = 25. Then 3 * 6 = 19. The answer is 19.")
    assert found.evidence == "4 * 6 = 25 is false"
    assert [each.kind for each in found.findings][:3] == ["invented_premise", "wrong_arithmetic", "wrong_arithmetic"]
    assert [each.start for each in found.findings] == sorted(each.start for each in found.findings)


@pytest.mark.parametrize(
    "step",
    ["24 - 3 = 21", "24 / 2 = 12", "4 * 60 = 240", "30% of 24 = 7.2", "18 / 6 = 3", "6 * 0.25 = 1.5", "4 * 6 + 4 = 28"],
)
def test_amounts_that_are_given_known_or_easily_found_are_not_invented(step):
    found = diagnose_answer(f"{EGGS} 30% are brown.", SOLVED, f"4 * 6 = 24. {step}. The answer is 2.", is_closed=True)
    assert found.error_type == "logic"


@pytest.mark.parametrize(
    ("said", "is_source"),
    [
        ("According to the Halden Report, 3 are left.", True),
        ("Smith et al. count 3.", True),
        ("See https://eggs.example/3.", True),
        ("A study found 3.", True),
        ("According to the question, 3 are left.", False),
        ("According to the given information, 3 are left.", False),
        ("I study the nets and report 3.", False),
    ],
)
def test_a_source_is_known_by_how_it_is_cited(said, is_source):
    found = sums(f"{said} The answer is 3.")
    assert (found.error_type == "hallucination") == is_source


def test_what_the_question_or_the_reference_holds_is_no_error():
    false = "It is said that 2 * 2 = 5. What is 3 * 3?"
    found = diagnose_answer(false, "9", "Since 2 * 2 = 5, the answer is 8.")
    assert found.error_type != "correctness"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("First I count the nets of eggs. " * 9, "repetition"),
        ("First I count the nets, then the eggs in them, and", "cut"),
    ],
)
def test_an_answer_that_does_not_end_is_none(answer, kind):
    found = sums(answer, is_cut=True)
    assert (found.outcome, found.error_type, found.findings[0].kind) == ("wrong", "other", kind)


def test_a_cut_answer_counts_by_what_it_states_already():
    assert sums("The answer is 21. Let me check this: 4 * 6", is_cut=True).outcome == "right"
    assert sums("4 * 6 = 24 and then 24", is_cut=True).outcome == "wrong"
    assert sums("4 * 6 = 25 and then 25", is_cut=True).error_type == "correctness"


def test_an_option_may_be_named_by_a_number_that_is_too_short_to_be_looked_for():
    truth = ChoiceTruth(correct="7", incorrect=("8", "70"))
    question = Question(id="q", task="t", dimension="knowledge", question="?", reference="7", truth=truth,
                        options=("8", "7", "70"))  # fmt: skip
    assert diagnose_question(question, "The answer is 7.").outcome == "right"
    assert diagnose_question(question, "The answer is 8.").error_type == "correctness"


def test_a_short_option_counts_only_as_the_final_answer():
    truth = ChoiceTruth(correct="22", incorrect=("10", "6"))
    question = Question(id="q", task="t", dimension="knowledge", question="?", reference="22", truth=truth)
    assert diagnose_question(question, "With 10 digits it is 22.").outcome == "right"
    assert diagnose_question(question, "The number has 10 digits, and 3 of them are ones.").error_type is None


def choice(answer, **options):
    truth = ChoiceTruth(correct="Lisbon", incorrect=("Porto", "Madrid"))
    question = Question(
        id="q", task="t", dimension="knowledge", question="Which city is the capital of Portugal?", reference="Lisbon",
        truth=truth, **options,
    )  # fmt: skip
    return diagnose_question(question, answer)


@pytest.mark.parametrize(
    ("answer", "outcome", "error_type"),
    [
        ("It is Lisbon.", "right", None),
        ("It is Porto.", "wrong", "correctness"),
        ("According to a study by Halden, it is a town in the hills.", "wrong", "hallucination"),
        ("It is a town in the hills.", "wrong", None),
        ("Lisbon or Porto.", "not_judged", None),
    ],
)
def test_an_open_question_with_known_answers(answer, outcome, error_type):
    found = choice(answer)
    assert (found.outcome, found.error_type) == (outcome, error_type)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("The answer is (B).", "right"),
        ("(A)", "wrong"),
        ("(A) Lisbon", "right"),  # the words count, not the letter before them
        ("The answer is (B) Porto.", "wrong"),
        ("The answer is (F).", "not_judged"),
        ("I do not know.", "not_judged"),
    ],
)
def test_a_lettered_question(answer, outcome):
    found = choice(answer, options=("Porto", "Lisbon", "Madrid"))
    assert (found.outcome, found.error_type) == (outcome, "correctness" if outcome == "wrong" else None)


def test_a_wrong_conclusion_from_premises_that_are_all_there_is_one_of_logic():
    question = "Rita is older than Bo. Who is younger?"
    found = diagnose_answer(question, "Bo", "The answer is Rita.", truth=TextTruth(value="Bo"), is_closed=True)
    assert (found.error_type, found.is_proved) == ("logic", False)
    assert diagnose_answer(question, "Bo", "The answer is Rita.", truth=TextTruth(value="Bo")).error_type is None
    assert diagnose_answer(question, "Bo", "The answer is Bo.", is_closed=True).outcome == "right"


def test_who_repeats_the_offer_chooses_nothing():
    question = "Is he a tenant? Answer yes, no, or unknown."
    assert diagnose_answer(question, "unknown", "Yes, no, or unknown.").outcome == "not_judged"
    assert diagnose_answer(question, "unknown", "It is unknown.").outcome == "right"
    assert diagnose_answer(question, "no", "Yes, he is a tenant.").outcome == "wrong"


CODE = "```python\ndef top(names):\n    return names.first()\n```"


@pytest.mark.parametrize(
    ("answer", "tests", "outcome", "error_type"),
    [
        (CODE, TestRun("passed", "all unit tests pass"), "right", None),
        (CODE, TestRun("failed", "AttributeError: 'list' object has no attribute 'first'"), "wrong", "hallucination"),
        (CODE, TestRun("failed", "AssertionError"), "wrong", None),
        (CODE, TestRun("not_run", "there is no sandbox"), "not_judged", None),
        ("Take the first one.", None, "wrong", "other"),
    ],
)
def test_code_is_judged_by_its_tests(answer, tests, outcome, error_type):
    question = Question(
        id="q", task="t", dimension="coding", question="Write `top(names)`.", reference=CODE,
        truth=UnitTestTruth(tests="assert top(['a']) == 'a'"),
    )  # fmt: skip
    found = diagnose_question(question, answer, tests=tests)
    assert (found.outcome, found.error_type) == (outcome, error_type)


def test_a_reference_that_nothing_can_be_compared_with_is_refused():
    long = "There are many ways to say this, and each of them is as good as any other one"
    with pytest.raises(DataError, match="no final answer could be read"):
        diagnose_answer("What is life?", long, "A dream.")
    assert diagnose_answer("What is life?", f"{long}. The answer is 42.", "The answer is 41.").outcome == "wrong"


def test_latex_that_may_be_another_form_of_the_truth_is_not_judged():
    truth = TextTruth(value="\\frac{\\sqrt{3}}{2}")
    assert diagnose_answer("?", "", "\\boxed{\\frac{\\sqrt 3}{2}}", truth=truth).outcome != "wrong"
    assert diagnose_answer("?", "", "\\boxed{7}", truth=NumberTruth(value="8")).outcome == "wrong"


@pytest.mark.parametrize("text", ["(" * 5000, "1+" * 5000 + "1 = 2", "ab " * 4000, "\x00\ud800", "=" * 999])
def test_no_text_breaks_it(text):
    assert sums(text).outcome in ("right", "wrong", "not_judged")
