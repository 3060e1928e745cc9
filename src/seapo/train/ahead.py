"""The reference's view of a training set, asked ahead of the trainings that need it."""

from collections.abc import Sequence

from seapo.journal import Journal
from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection
from seapo.records import PreferencePair
from seapo.train.examples import encode_pairs
from seapo.train.plan import Progress, make_plan


def ask_reference(
    pairs: Sequence[PreferencePair],
    settings: TrainSection,
    *,
    model: LoadedModel,
    seed: int,
    journal: Journal,
    progress: Progress = lambda description: lambda items: items,
) -> None:
    """Put into the journal all that `train` will ask the reference about these pairs; what is there is not asked again.

    Several trainings that run side by side find the values of each other so, in place of computing them twice.
    """
    encoded = encode_pairs(model.tokenizer, pairs, max_length=settings.max_length, truncation=settings.truncation)
    if encoded.examples:
        make_plan(encoded.examples, settings, model, seed=seed, journal=journal, progress=progress)
