"""From the folders of an experiment to its results: `experiment/results.json`, and the same as text."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from seapo.errors import DataError
from seapo.evaluate.results import Evaluation, read_evaluation
from seapo.experiment.arms import Arm
from seapo.experiment.claims import Claim, Evidence, claims
from seapo.experiment.effects import Asking, Effect, Seeded, effects, of_protocol, protocols_of, unpaired
from seapo.experiment.harm import Harm, harms
from seapo.experiment.held_out import HeldOutRow, SplitSummary
from seapo.experiment.matrix import HELD_OUT, RESULTS, Matrix
from seapo.experiment.work import ROWS
from seapo.recipe.experiment import UNTOUCHED
from seapo.records import Protocol, Record
from seapo.run import Run
from seapo.store import read_json, read_records
from seapo.summaries import MixSummary, TrainSummary

METHOD = (
    "An item's score is the mean over an arm's seeds; arm and baseline are paired by item. `interval`: items drawn "
    "anew, these trained models, as `seapo compare` computes it (right or wrong items of one seed: Tango's; else a "
    "paired bootstrap over questions). `seeds_interval`: items and training seeds drawn anew; the variance over items "
    "and that of the seeds' mean differences over their number are added, with Satterthwaite's degrees of freedom. "
    "p-values are over items, corrected by Holm's method over all rows of one kind and protocol, all arms and "
    "baselines. Data, injection and checks are the same for all seeds: how much another injection would change is in "
    "no interval."
)


class ArmResult(Record):
    """What an arm was trained on."""

    name: str
    overrides: dict[str, object]
    seeds: tuple[int, ...]
    """Those that have a result."""
    pairs: tuple[int, ...]
    """Of each of these seeds."""
    by_error_type: dict[str, int]
    """Pairs by error type, of the first seed."""
    steps: int
    method: str
    is_baseline: bool


class Results(Record):
    """What an experiment found."""

    name: str
    model: str
    data: str
    seed: int
    """Of data, injection, evaluation and bootstrap."""
    seeds: tuple[int, ...]
    split: SplitSummary
    arms: tuple[ArmResult, ...]
    baselines: tuple[str, ...]
    items: dict[Protocol, int]
    """Protocol -> items that every model was asked."""
    confidence: float
    method: str = METHOD
    effects: tuple[Effect, ...]
    claims: tuple[Claim, ...]
    no_harm: tuple[Harm, ...]
    unpaired: tuple[tuple[str, str], ...] = ()
    """(baseline, arm) that are in no table: both were trained, and no seed was finished by both."""
    failed: dict[str, str] = Field(default_factory=dict)
    """Run -> why it has no result."""


def summarise(matrix: Matrix, failed: Mapping[str, str]) -> Results:
    """What the finished runs of an experiment come to; arms without a finished run are left out."""
    recipe = matrix.recipe
    before = read_evaluation(matrix.untouched)
    evaluations = {arm.name: _evaluations(matrix, arm, failed) for arm in matrix.arms}
    trained = {arm.name: arm for arm in matrix.arms if evaluations[arm.name]}
    baselines = [UNTOUCHED, *(name for name, arm in trained.items() if arm.is_sft or arm.is_original)]
    seeded: dict[str, Seeded] = {UNTOUCHED: {recipe.seed: before.scores}}
    seeded |= {name: {seed: one.scores for seed, one in evaluations[name].items()} for name in trained}
    asking = Asking(confidence=recipe.evaluate.confidence, seed=recipe.seed)
    scores = {
        protocol: {name: of_protocol(each, protocol) for name, each in seeded.items()}
        for protocol in protocols_of(before.scores)
    }
    couples = [(base, arm) for base in baselines for arm in trained if arm != base]
    found = [row for each in scores.values() for row in effects(each, couples, before.results, asking)]
    evidence = Evidence(
        effects=found,
        scores=scores,
        results=before.results,
        main=recipe.experiment.main,
        original=next((name for name, arm in trained.items() if arm.is_original), None),
        singles={arm.single_type: name for name, arm in trained.items() if arm.single_type is not None},
        suffered=_suffered(matrix),
        asking=asking,
    )
    return Results(
        name=recipe.name,
        model=before.results.model,
        data=recipe.data.path,
        seed=recipe.seed,
        seeds=recipe.experiment.seeds,
        split=matrix.split.summary,
        arms=tuple(
            _arm_result(matrix, arm, sorted(evaluations[name]), is_baseline=name in baselines)
            for name, arm in trained.items()
        ),
        baselines=tuple(baselines),
        items={protocol: len(each[UNTOUCHED][recipe.seed]) for protocol, each in scores.items()},
        confidence=asking.confidence,
        effects=tuple(found),
        claims=tuple(claims(evidence)),
        no_harm=tuple(_no_harm(matrix, evaluations, asking)),
        unpaired=tuple(unpaired(seeded, couples)),
        failed=dict(failed),
    )


def read_results(folder: Path) -> Results:
    """The results of a finished experiment; raises DataError where there are none."""
    path = folder / RESULTS / "results.json"
    try:
        return Results.model_validate(read_json(path))
    except ValidationError as problem:
        raise DataError(f"{path}: no results that this version of seapo can read; run the experiment anew") from problem


def _evaluations(matrix: Matrix, arm: Arm, failed: Mapping[str, str]) -> dict[int, Evaluation]:
    runs = [one for one in matrix.runs if one.arm.name == arm.name and one.name not in failed]
    return {one.seed: read_evaluation(one.recipe.run_dir / "evaluate" / "after") for one in runs}


def _arm_result(matrix: Matrix, arm: Arm, seeds: Sequence[int], *, is_baseline: bool) -> ArmResult:
    folders = [matrix.folder.path / f"{arm.name}-{seed}" for seed in seeds]
    mixes = [MixSummary.model_validate(read_json(folder / "mix" / "summary.json")) for folder in folders]
    trained = TrainSummary.model_validate(read_json(folders[0] / "train" / "summary.json"))
    return ArmResult(
        name=arm.name,
        overrides=dict(arm.overrides),
        seeds=tuple(seeds),
        pairs=tuple(mix.pairs for mix in mixes),
        by_error_type=mixes[0].by_error_type,
        steps=trained.steps,
        method=trained.method,
        is_baseline=is_baseline,
    )


def _no_harm(matrix: Matrix, evaluations: Mapping[str, Mapping[int, Evaluation]], asking: Asking) -> list[Harm]:
    before = list(read_records(matrix.untouched / "held_out.jsonl", HeldOutRow))
    after = {
        arm: {
            seed: list(read_records(matrix.folder.path / f"{arm}-{seed}" / HELD_OUT / ROWS, HeldOutRow))
            for seed in by_seed
        }
        for arm, by_seed in evaluations.items()
        if by_seed
    }
    return harms(before, after, confidence=asking.confidence, seed=asking.seed)


def _suffered(matrix: Matrix) -> dict[str, str] | None:
    """Dimension -> the type of most wrong answers of the diagnosis; a dimension where two are level has none."""
    from seapo.diagnose import Profile

    run = next((Run(one.recipe) for one in matrix.runs if one.recipe.has_diagnosis), None)
    if run is None or not (run.folder.stage("diagnose") / "profile.json").is_file():
        return None
    profile = Profile.model_validate(read_json(run.folder.stage("diagnose") / "profile.json"))
    found = {}
    for dimension in profile.dimensions[1:]:  # the first one is all of them together
        counts = {each.error_type: each.of_wrong.part for each in dimension.types}
        counts.pop("other", None)
        most = max(counts.values(), default=0)
        ahead = [name for name, count in counts.items() if count == most]
        if most and len(ahead) == 1:
            found[dimension.name] = ahead[0]
    return found
