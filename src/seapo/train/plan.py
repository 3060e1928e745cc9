"""All that the steps of a training are computed from: examples, their order, and what the reference says of them."""

import gc
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import peft
import torch
import transformers

from seapo.errors import TrainError
from seapo.journal import Journal
from seapo.model.load import LoadedModel, load_model
from seapo.recipe import ModelSection, TrainSection
from seapo.records import digest
from seapo.train import processes, zero
from seapo.train.batches import Batch, mismatched_groups, plan_batches
from seapo.train.epochs import check_order, view_epochs
from seapo.train.examples import Example
from seapo.train.loss import NEEDS_KL, NEEDS_PAIRS, NEEDS_REFERENCE, label_weights
from seapo.train.reference import ReferenceModel, group_logprobs, reference_logprobs
from seapo.train.step import StepSamples
from seapo.tree import Group

Progress = Callable[[str], Callable[[Iterable[Any]], Iterable[Any]]]
"""From a description to what is put around an iterable, so that a bar moves as it is walked."""
WITHOUT_EFFECT = {"merge", "report_to", "logging_steps", "seed"}
"""Settings that the weights do not follow from; the seed counts, and comes beside them."""


@dataclass(frozen=True)
class Plan:
    """What every step is computed from."""

    examples: Sequence[Example]
    """Where epochs train different answers of a sample, each different view of it."""
    batches: Sequence[Batch]
    settings: TrainSection
    """With the label weights as numbers."""
    reference: Sequence[Sequence[float]] = ()
    """For each example the reference log-probabilities of its answers, in nats; empty for a method without one."""
    mismatched: Sequence[Group] = ()
    """For KTO: for each example its prompt with an answer of another one."""
    mismatched_reference: Sequence[Sequence[float]] = ()
    """For each of these the reference log-probabilities, in nats."""
    compute_dtype: torch.dtype = torch.float32
    """Number type that the model came in, and that the passes multiply in."""

    def samples(self, members: Sequence[int]) -> StepSamples:
        """What a step, or one process's part of it, is computed from."""
        return StepSamples(
            examples=[self.examples[index] for index in members],
            reference=[self.reference[index] for index in members] if self.reference else (),
            mismatched=[self.mismatched[index] for index in members] if self.mismatched else (),
            mismatched_reference=[self.mismatched_reference[index] for index in members] if self.mismatched else (),
            company=self.examples[0],
        )

    def fingerprint(self, model: LoadedModel, seed: int) -> str:
        """16 hex digits over all that the weights follow from."""
        return digest(
            {
                "settings": self.settings.model_dump(mode="json", exclude=WITHOUT_EFFECT),
                "model": [model.fingerprint, str(model.model.dtype), str(model.model.device)],
                "seed": seed,
                "processes": [processes.count(), processes.is_sharded(), zero.configuration(self.settings)],
                "versions": [torch.__version__, transformers.__version__, peft.__version__],
                "examples": [asdict(one) for one in self.examples],
                "batches": [one.members for one in self.batches],
                "reference": [self.reference, self.mismatched_reference],
            }
        )


def make_plan(
    examples: Sequence[Example],
    settings: TrainSection,
    model: LoadedModel,
    *,
    seed: int,
    journal: Journal | None = None,
    progress: Progress = lambda description: lambda items: items,
) -> Plan:
    """Order the steps, and ask the reference once for what the method needs of it; the journal is asked first.

    Of several processes each asks for its share of the examples. Raises TrainError where the reference does not fit.
    """
    examples = needed_examples(examples, settings)
    check_order(examples)
    views = view_epochs(examples, math.ceil(settings.num_train_epochs))
    settings = with_label_weights(views.trained(), settings)
    batches = plan_batches(
        views,
        samples_per_step=settings.samples_per_step * processes.count(),
        epochs=settings.num_train_epochs,
        seed=seed,
        processes=processes.count(),
    )
    plan = Plan(views.examples, batches, settings, compute_dtype=model.model.dtype)
    if settings.method not in NEEDS_REFERENCE:
        return plan
    needs_kl = settings.method in NEEDS_KL and settings.kl == "mismatched"
    groups = mismatched_groups(examples, max_length=settings.max_length, seed=seed) if needs_kl else []
    with _reference_model(settings, model, journal) as reference:
        own: Sequence[Sequence[float]] = reference_logprobs(
            reference,
            processes.share(examples),
            edit_weight=settings.edit_weight,
            progress=progress("reference"),
        )
        mismatched: Sequence[Sequence[float]] = (
            group_logprobs(reference, processes.share(groups), progress=progress("KL")) if groups else []
        )
    own, mismatched = processes.pool(own), processes.pool(mismatched)
    return replace(
        plan,
        reference=views.pick(own),
        mismatched=[groups[index] for index in views.wholes] if groups else (),
        mismatched_reference=[mismatched[index] for index in views.wholes] if groups else (),
    )


def needed_examples(examples: Sequence[Example], settings: TrainSection) -> Sequence[Example]:
    """What the method computes: of `sft` the good answers alone, of the others every answer."""
    if settings.method != "sft":
        return examples
    good = [(one, tuple(answer for answer in one.answers if answer.is_desirable)) for one in examples]
    return [replace(one, answers=answers) for one, answers in good if answers]


def has_label_weights(settings: TrainSection) -> bool:
    """Whether the method weighs answers by their label."""
    return settings.method not in NEEDS_PAIRS and settings.method != "sft"


def with_label_weights(examples: Sequence[Example], settings: TrainSection) -> TrainSection:
    """The settings with both label weights as numbers, for a method that has them."""
    if not has_label_weights(settings):
        return settings
    desirable, undesirable = label_weights(examples, settings)
    return settings.model_copy(update={"desirable_weight": desirable, "undesirable_weight": undesirable})


@contextmanager
def _reference_model(settings: TrainSection, model: LoadedModel, journal: Journal | None) -> Iterator[ReferenceModel]:
    """The model as it is before training, or another one, which is freed afterwards."""
    # A journal cannot be shared by several machines: SQLite's write-ahead log needs memory that they have in common.
    journal = journal if processes.is_beside_main() else None
    if settings.reference is None:
        yield ReferenceModel(model.model, model.fingerprint, journal, settings.max_tokens_per_row)
        return
    dtype = str(model.model.dtype).removeprefix("torch.")
    other = load_model(ModelSection(name=settings.reference), dtype=dtype)
    if other.tokenizer.get_vocab() != model.tokenizer.get_vocab():
        raise TrainError(
            f"train.reference {settings.reference!r} has other tokens than {model.name}; the same token ids must mean "
            "the same text to both, so choose a model of the same family, or leave train.reference out"
        )
    yield ReferenceModel(other.model, other.fingerprint, journal, settings.max_tokens_per_row)
    del other
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
