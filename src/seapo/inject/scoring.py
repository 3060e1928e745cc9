"""From proposals to candidates: scored beside the chosen answer, measured, and ranked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seapo.inject.proposal import Context, Proposal, Reading
from seapo.inject.ranking import rank
from seapo.inject.severity import edited_share, severity_of
from seapo.inject.spending import affordable
from seapo.records import Candidate, Sample, Severity


def ranked(sample: Sample, chosen: Mapping[str, list[Proposal]], contexts: Mapping[str, Context]) -> list[Candidate]:
    """Candidates of all types, scored beside the chosen answer where a model ranks, and ranked within their type."""
    measures: Mapping[int, _Measures] = defaultdict(_Measures)
    if any(chosen.values()) and (context := next(iter(contexts.values()))).settings.rank_by == "model":
        chosen = affordable(chosen, contexts, context.reading, context.settings.candidate_tokens)
        measures = _measures(sample, [proposal for own in chosen.values() for proposal in own], context.reading)
    candidates = list[Candidate]()
    for name, own in chosen.items():
        values = [measures[id(proposal)].logprob_nats or 0.0 for proposal in own]
        order = rank(list(zip(own, values, strict=True)), contexts[name].random(f"rank:{name}"))
        wanted = sorted(order, key=lambda pair: not measures[id(pair[0])].suits(contexts[name].settings.severity))
        candidates += [
            _candidate(sample, proposal, place, measures[id(proposal)]) for place, (proposal, _) in enumerate(wanted)
        ]
    return candidates


@dataclass(frozen=True)
class _Measures:
    """What the model says of a proposal beside the chosen answer; all None where none was asked."""

    logprob_nats: float | None = None
    tokens: int | None = None
    chosen_logprob_nats: float | None = None
    chosen_tokens: int | None = None
    severity: Severity | None = None

    def suits(self, wish: str) -> bool:
        """Whether it is as grave as wished for."""
        return wish in ("any", self.severity)


def _measures(sample: Sample, proposals: Sequence[Proposal], reading: Reading) -> dict[int, _Measures]:
    """The measures of proposals, by their identity."""
    reference = reading.score()
    scores = reading.scores([proposal.text(sample.chosen) for proposal in proposals])
    return {
        id(proposal): _Measures(
            score.logprob_nats,
            score.tokens,
            reference.logprob_nats,
            reference.tokens,
            severity_of(
                reference.logprob_nats / reference.tokens - score.logprob_nats / score.tokens,
                edited_share(proposal.edits, sample.chosen),
            ),
        )
        for proposal, score in zip(proposals, scores, strict=True)
    }


def _candidate(sample: Sample, proposal: Proposal, place: int, measures: _Measures) -> Candidate:
    return Candidate(
        sample_id=sample.id,
        error_type=proposal.error_type,
        subtype=proposal.subtype,
        strategy=proposal.strategy,
        injector=proposal.injector,
        rank=place,
        text=proposal.text(sample.chosen),
        edits=proposal.edits,
        attempt=proposal.attempt,
        **vars(measures),
    )
