"""One step against the plain computation: the same loss and gradients, whatever the rows."""

from dataclasses import replace

import peft
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seapo.recipe import TrainSection
from seapo.train.examples import encode_pairs
from seapo.train.objective import dpo_loss, kto_kl, kto_loss
from seapo.train.reference import ReferenceModel, group_logprobs, reference_logprobs
from seapo.train.step import Processes, StepSamples, closed_sets, compute_step, usable_threads
from seapo.tree import Group, pack_rows
from seapo.tree.backbone import CPU_FILL_TOKENS

LORA = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
SETTINGS = {"beta": 0.2, "desirable_weight": 0.7, "undesirable_weight": 1.2}


@pytest.fixture
def policy(tiny):
    loaded = tiny()
    torch.manual_seed(6)
    model = peft.get_peft_model(loaded.model, LORA)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.2)
    return model


@pytest.fixture
def samples(embedded, sums, policy):
    examples = encode_pairs(embedded[1], [*sums(2, negatives=3), *sums(4)[2:]], max_length=512).examples
    with torch.no_grad(), policy.disable_adapter():
        reference = [[plain_logprob(policy, e.prompt, a).item() for a in e.completions] for e in examples]
    partners = [*examples[1:], examples[0]]
    mismatched = [Group(own.prompt, other.completions) for own, other in zip(examples, partners, strict=True)]
    with torch.no_grad(), policy.disable_adapter():
        borrowed = [[plain_logprob(policy, g.prompt, a).item() for a in g.completions] for g in mismatched]
    return StepSamples(examples, reference, mismatched, borrowed)


def plain_logprob(model, prompt, completion):
    ids = torch.tensor([[*prompt, *completion]])
    logprobs = model(ids).logits[0].double().log_softmax(-1).float()
    return sum(logprobs[place - 1, ids[0, place]] for place in range(len(prompt), ids.shape[1]))


def plain_loss(model, samples, method):
    """The step's loss without trees: one forward pass a completion, the terms of all samples in one mean."""
    policy = [[plain_logprob(model, one.prompt, answer) for answer in one.completions] for one in samples.examples]
    if method == "dpo":
        margins = [
            torch.stack([p[0] - p[k] - (r[0] - r[k]) for k in range(1, len(p))])
            for p, r in zip(policy, samples.reference, strict=True)
        ]
        return dpo_loss(torch.cat(margins), torch.zeros(len(torch.cat(margins))), beta=SETTINGS["beta"]).mean()
    ratios = torch.cat([torch.stack(p) - torch.tensor(r) for p, r in zip(policy, samples.reference, strict=True)])
    labels = torch.tensor([place == 0 for p in policy for place in range(len(p))])
    return kto_loss(ratios, labels, plain_kl(model, samples), **SETTINGS).mean()


@torch.no_grad()
def plain_kl(model, samples):
    policy = [plain_logprob(model, g.prompt, answer) for g in samples.mismatched for answer in g.completions]
    return kto_kl(
        torch.stack(policy), torch.tensor([value for group in samples.mismatched_reference for value in group])
    )


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


def step(model, samples, method, budget):
    model.zero_grad()
    settings = TrainSection(method=method, max_tokens_per_row=budget, **SETTINGS)
    calls = []

    def backward(loss):
        calls.append(loss)
        loss.backward()

    return compute_step(model, samples, settings, backward=backward), gradients(model), len(calls)


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_rows_budgets_and_splits_change_nothing(policy, samples, method):
    if method == "dpo":
        samples = StepSamples(samples.examples, samples.reference)
    loss = plain_loss(policy, samples, method)
    policy.zero_grad()
    loss.backward()
    expected = gradients(policy)
    groups = [Group(one.prompt, one.completions) for one in samples.examples]
    assert max(map(len, closed_sets(pack_rows(groups, 40)))) > 1  # else no group is split
    for budget in (2048, 130, 75, 40):
        result, found, calls = step(policy, samples, method, budget)
        assert result.loss == pytest.approx(loss.item(), rel=1e-5)
        for name, gradient in found.items():
            assert (gradient - expected[name]).norm() < 1e-3 * expected[name].norm(), (name, budget)
        assert calls == len(closed_sets(pack_rows(groups, budget, fill_tokens=CPU_FILL_TOKENS)))
    assert (result.kl is None) == (method == "dpo")


def test_the_log_probabilities_are_those_of_the_completions(policy, samples):
    result, _, _ = step(policy, samples, "kto", 60)
    with torch.no_grad():
        for example, values in zip(samples.examples, result.logprobs, strict=True):
            expected = [plain_logprob(policy, example.prompt, answer).item() for answer in example.completions]
            assert values == pytest.approx(expected, abs=1e-4)


def test_the_kl_term_matters(policy, samples):
    """Control: with siblings in the place of borrowed answers, the estimate and with it the gradients differ."""
    siblings = [Group(one.prompt, one.completions) for one in samples.examples]
    honest = (samples.mismatched[:1], samples.mismatched_reference[:1])
    first = step(policy, StepSamples(samples.examples, samples.reference, *honest), "kto", 2048)[0]
    other = StepSamples(samples.examples, samples.reference, siblings, samples.reference)
    second = step(policy, other, "kto", 2048)[0]
    assert first.kl > 0.1
    assert first.loss != pytest.approx(second.loss, rel=1e-3)


def test_dropout_is_the_same_in_both_computations_of_a_split_group(tiny, samples):
    torch.manual_seed(3)
    config = peft.LoraConfig(r=4, lora_dropout=0.5, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(tiny().model, config)
    one = StepSamples(samples.examples[:1], samples.reference[:1])
    torch.manual_seed(11)
    first = step(model, one, "dpo", 40)[1]
    torch.manual_seed(11)
    again = step(model, one, "dpo", 40)[1]
    torch.manual_seed(12)
    other = step(model, one, "dpo", 40)[1]
    name = next(iter(name for name in first if "lora_B" in name))
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_in_bfloat16_the_first_step_finds_no_change_and_float32_weights(tiny, embedded, sums):
    model = peft.get_peft_model(tiny(torch.bfloat16).model, LORA)
    examples = encode_pairs(embedded[1], sums(2), max_length=512).examples
    borrowed = [Group(examples[0].prompt, examples[1].completions), Group(examples[1].prompt, examples[0].completions)]
    with model.disable_adapter():
        own = ReferenceModel(model, "", None, 512)
        reference, of_borrowed = reference_logprobs(own, examples), group_logprobs(own, borrowed)
    result, found, _ = step(model, StepSamples(examples, reference, borrowed, of_borrowed), "kto", 512)
    assert result.logprobs == reference
    assert result.kl == 0.0
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}
    assert any(gradient.norm() > 0 for name, gradient in found.items() if "lora_B" in name)


def test_gradient_checkpointing_changes_nothing(policy, samples):
    first, expected, _ = step(policy, samples, "kto", 2048)
    policy.gradient_checkpointing_enable({"use_reentrant": False})
    for budget in (2048, 40):
        second, found, _ = step(policy, samples, "kto", budget)
        assert second.loss == pytest.approx(first.loss, rel=1e-6)
        for name, gradient in found.items():
            assert (gradient - expected[name]).norm() < 1e-3 * expected[name].norm(), (name, budget)


def test_edit_weights_weigh_tokens(policy, samples):
    """At weight w, a token inside an edit counts w times: as a weighted sum of plain log-probabilities has it."""
    first = samples.examples[0]
    marked = replace(first, answers=tuple(replace(one, edited=(4, 5)) for one in first.answers))
    settings = TrainSection(method="ipo", edit_weight=2.5)
    result = compute_step(
        policy, StepSamples([marked], samples.reference[:1]), settings, backward=torch.Tensor.backward
    )
    for answer, value in zip(marked.answers, result.logprobs[0], strict=True):
        ids = torch.tensor([[*marked.prompt, *answer.tokens]])
        with torch.no_grad():
            logprobs = policy(ids).logits[0].log_softmax(-1)[len(marked.prompt) - 1 : -1]
        each = logprobs[torch.arange(len(answer.tokens)), torch.tensor(answer.tokens)]
        assert value == pytest.approx((each * torch.tensor(answer.weights(2.5))).sum().item(), abs=1e-4)


@pytest.mark.parametrize("method", ["dpo", "kto", "simpo"])
def test_shares_of_a_step_add_up_to_it(policy, samples, method):
    """Two processes, each with its share and the totals of both, give the loss and the gradients of one."""
    if method != "kto":
        samples = StepSamples(samples.examples, samples.reference)
    settings = TrainSection(method=method, **SETTINGS)
    whole, expected, _ = step(policy, samples, method, 2048)
    shares = [
        StepSamples(*(part[rank::2] for part in (s.examples, s.reference, s.mismatched, s.mismatched_reference)))
        for s in [samples]
        for rank in (0, 1)
    ]
    sums: list[torch.Tensor] = []  # of each question that a process asks, in order

    def asked(rank, totals):
        def total(values):
            totals.append(values)
            return values if rank is None else sums[len(totals) - 1]

        return Processes(total=total, most=lambda number: number)

    own: list[list[torch.Tensor]] = [[], []]
    for rank, share in enumerate(shares):
        compute_step(policy, share, settings, backward=lambda loss: None, processes=asked(None, own[rank]))
    sums = [left + right for left, right in zip(*own, strict=True)]
    policy.zero_grad()
    parts = [
        compute_step(policy, share, settings, backward=torch.Tensor.backward, processes=asked(rank, []))
        for rank, share in enumerate(shares)
    ]
    assert sum(part.loss for part in parts) == pytest.approx(whole.loss, rel=1e-5)
    for name, gradient in gradients(policy).items():
        assert (gradient - expected[name]).norm() < 1e-3 * expected[name].norm(), name


def test_a_process_with_fewer_rows_keeps_the_others_company(policy, samples):
    result, expected, calls = step(policy, StepSamples(samples.examples, samples.reference), "dpo", 2048)
    settings = TrainSection(method="dpo", **SETTINGS)
    policy.zero_grad()
    made = []

    def backward(loss):
        made.append(loss.item())
        loss.backward()

    more = Processes(most=lambda number: number + 2 if number else 0, whole_groups=True)
    again = compute_step(
        policy, StepSamples(samples.examples, samples.reference), settings, backward=backward, processes=more
    )
    assert len(made) == calls + 2
    assert made[-2:] == [0.0, 0.0]
    assert again.loss == pytest.approx(result.loss)
    for name, gradient in gradients(policy).items():
        assert torch.allclose(gradient, expected[name]), name


TOKENS = st.integers(0, 3)
GROUPS = st.builds(Group, st.lists(TOKENS, min_size=1, max_size=5), st.lists(st.lists(TOKENS, max_size=6), max_size=6))


@given(st.lists(GROUPS, max_size=6), st.integers(1, 30))
def test_closed_sets_hold_whole_groups(groups, budget):
    sets = closed_sets(pack_rows(groups, budget))
    placed = [
        {(piece.group, completion) for row in rows for piece in row.pieces for completion in piece.completions}
        for rows in sets
    ]
    for one in placed:
        assert one == {(group, n) for group, _ in one for n in range(len(groups[group].completions))}
    assert sum(map(len, placed)) == sum(len(group.completions) for group in groups)


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_rows_side_by_side_give_the_same_and_always_the_same(policy, samples, method):
    if method == "dpo":
        samples = StepSamples(samples.examples, samples.reference)
    first, expected, _ = step(policy, samples, method, 75)
    settings = TrainSection(method=method, max_tokens_per_row=75, **SETTINGS)
    before = torch.get_num_threads()
    found = []
    for _ in range(2):
        policy.zero_grad()
        result = compute_step(policy, samples, settings, backward=pytest.fail, threads=3)
        found.append(gradients(policy))
        assert result.loss == pytest.approx(first.loss, rel=1e-5)
        assert result.kl == (None if first.kl is None else pytest.approx(first.kl, rel=1e-5))
        assert result.logprobs == [pytest.approx(values, abs=1e-4) for values in first.logprobs]
    for name, gradient in found[0].items():
        assert torch.equal(gradient, found[1][name])
        assert (gradient - expected[name]).norm() < 1e-3 * expected[name].norm(), name
    assert torch.get_num_threads() == before


def test_chance_keeps_rows_one_after_the_other(tiny):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = peft.get_peft_model(tiny().model, LORA)
        assert usable_threads(model, TrainSection()) == 2
        for options in ({"lora_dropout": 0.1}, {"tuning": "full"}, {"gradient_checkpointing": True}):
            assert usable_threads(model, TrainSection(**options)) == 1
    finally:
        torch.set_num_threads(before)
