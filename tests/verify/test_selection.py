"""The choice among candidates that passed: it leaves no trace where it can, and is the same in any order."""

import pickle
from collections.abc import Callable
from random import Random

import pytest

from seapo.records import Edit, Message, Negative, Sample, Verdict
from seapo.verify.selection import Choice, Selector
from seapo.verify.surface import surface, telltales

SUBJECTS = ("lamp", "river", "stone", "garden", "engine", "letter", "window", "harbour", "lantern", "valley")
VERBS = ("stands", "waits", "rests", "belongs", "ends", "begins", "stays", "remains")


def sample(number: int) -> Sample:
    """A sentence of its own for each number."""
    rng = Random(number)
    a, b, c, d = (rng.choice(SUBJECTS) for _ in range(4))
    left, right = rng.choice(VERBS), rng.choice(VERBS)
    text = f"The {a} {left} near the {b}, and the {c} {right} beyond the {d} number {number}."
    return Sample(
        id=f"s{number}", source="made", line=number + 1, prompt=(Message(role="user", content="Where?"),), chosen=text
    )


def negative(parent: Sample, text: str, rank: int) -> Negative:
    return Negative(
        sample_id=parent.id,
        error_type="correctness",
        subtype="made",
        strategy="rule",
        injector="made",
        rank=rank,
        text=text,
        edits=(Edit(start=0, end=len(parent.chosen), original=parent.chosen, replacement=text),),
        edit_ratio=0.1,
        verdict=Verdict(status="constructed"),
    )


def choices(number: int, *ways: Callable[[str], str]) -> list[Choice]:
    """Samples with one option for each way of changing their text."""
    samples = [sample(n) for n in range(number)]
    return [
        Choice(s, "correctness", tuple(negative(s, way(s.chosen), rank) for rank, way in enumerate(ways)))
        for s in samples
    ]


def denied(text: str) -> str:
    return text.replace(", and the", ", and not the")


def far(text: str) -> str:
    return text.replace(" near ", " beyond ")


def near(text: str) -> str:
    return text.replace(" beyond ", " near ")


def doubted(text: str) -> str:
    return text.replace(" number", ", perhaps, number")


def shares(made: list[Choice], selector: Selector) -> list[float]:
    picked = [selector.choose(choice) for choice in made]
    return [picked.count(place) / len(made) for place in range(len(made[0].options))]


def test_an_option_that_leaves_a_trace_of_its_own_is_drawn_less_often_than_two_that_cancel_out() -> None:
    made = choices(300, denied, far, near)
    before, after = shares(made, Selector(0, {})), shares(made, Selector.learn(made, seed=0))
    assert before[0] > 0.35
    assert after[0] < 0.5 * before[0]
    assert abs(after[1] - after[2]) < 0.15


def test_options_that_cancel_out_already_are_left_to_plausibility() -> None:
    """The control: with nothing to balance, the weights stay within the tolerance and change next to nothing."""
    made = [
        Choice(c.sample, c.error_type, c.options if n % 2 else c.options[::-1])
        for n, c in enumerate(choices(300, far, near))
    ]
    plain, selector = Selector(0, {}), Selector.learn(made, seed=0)
    changed = sum(plain.choose(choice) != selector.choose(choice) for choice in made)
    assert changed < 0.15 * len(made)


def test_what_cannot_be_balanced_keeps_its_mixture() -> None:
    """Both options leave a trace, so neither may die out, however strong the tilt."""
    made = choices(300, denied, doubted)
    assert min(shares(made, Selector.learn(made, seed=0))) > 0.2


def test_samples_outside_the_learning_set_are_balanced_too() -> None:
    made = choices(400, denied, far, near)
    selector = Selector.learn(made[:200], seed=0)
    assert shares(made[200:], selector)[0] < 0.5 * shares(made[200:], Selector(0, {}))[0]


def test_the_choice_depends_on_neither_order_nor_process() -> None:
    made = choices(80, denied, far, near)
    selector, turned = Selector.learn(made, seed=3), Selector.learn(made[::-1], seed=3)
    copy = pickle.loads(pickle.dumps(selector))
    picked = [selector.choose(choice) for choice in made]
    assert picked == [turned.choose(choice) for choice in made]
    assert picked == [copy.choose(choice) for choice in made]
    assert picked != [Selector.learn(made, seed=4).choose(choice) for choice in made]


def test_a_samples_choice_does_not_follow_from_its_own_options_weight() -> None:
    """The weights by which a sample's option is drawn are those of folds without it."""
    made = choices(120, denied, far, near)
    changed = [Choice(c.sample, c.error_type, c.options[::-1]) if n == 7 else c for n, c in enumerate(made)]
    first, second = Selector.learn(made, seed=0), Selector.learn(changed, seed=0)
    assert first.chances(made[7]) == pytest.approx(second.chances(made[7]), abs=1e-6)


def test_without_enough_to_learn_from_the_most_plausible_is_the_likeliest() -> None:
    made = choices(8, denied, doubted)
    selector = Selector.learn(made, seed=0)
    assert selector.weights == {}
    assert selector.chances(made[0])[0] > selector.chances(made[0])[1]


def test_one_option_is_no_choice_and_none_is_an_error() -> None:
    made = choices(30, denied)
    assert shares(made, Selector.learn(made, seed=0)) == [1.0]
    with pytest.raises(ValueError, match="sample 's0', type 'logic': there is nothing to choose from"):
        Choice(sample(0), "logic", ())


def test_the_difference_of_two_texts_is_read_off_their_changed_part() -> None:
    rng = Random(5)
    for number in range(200):
        before = " ".join(rng.choice((*SUBJECTS, "3.5", "(see", "note)", "Ada's")) for _ in range(rng.randint(1, 40)))
        place = rng.randrange(len(before))
        after = before[:place] + rng.choice(("", " not", "Xy", " 7 ")) + before[place + rng.randrange(9) :]
        whole = surface(after)
        whole.subtract(surface(before))
        expected = {name: max(-3, min(3, n)) for name, n in whole.items() if n and not name.startswith("style ")}
        found = {k: v for k, v in telltales(before, after).items() if not k.startswith(("style ", "more "))}
        assert found == expected, (number, before, after)


def test_telltales_say_what_came_and_what_went() -> None:
    found = telltales("It is 12 km to Oslo.", "It is not 12 km to Oslo.")
    assert found["word not"] == 1
    assert found["words is not"] == 1
    assert found["words is 12"] == -1
    assert found["more characters"] == 1
    assert "word km" not in found
    assert telltales("The same.", "The same.") == {}
