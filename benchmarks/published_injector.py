"""The published way to make negatives, for `benchmarks/inject.py`: rewrite, greedily, one after the other, unread.

    python benchmarks/published_injector.py RECIPE

Fills the inject stage of a run whose source stage is finished, so that `seapo verify` can say what is in it. Generation
goes through `transformers.generate`; greedy, at most 1,024 new tokens (arXiv:2509.24781, Section 4.1).
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from seapo.engine.request import Reply, Request
from seapo.inject import Context
from seapo.inject.rewrite import propose_by_rewrite
from seapo.model.load import load_model
from seapo.pipeline import Run
from seapo.recipe import load_recipe
from seapo.records import Candidate, Sample
from seapo.stages import STAGES, stage_fingerprint
from seapo.store import write_records, write_text

MAX_NEW_TOKENS = 1024


class GreedyModel:
    """A model that answers one request at a time, in this process."""

    def __init__(self, loaded: Any) -> None:
        self.name, self.fingerprint = loaded.name, "published"
        self._model, self._tokenizer = loaded.model, loaded.tokenizer
        self.asked: list[dict[str, Any]] = []

    @torch.no_grad()
    def complete(self, request: Request) -> Reply:
        """The likeliest token, and again, up to the end of the turn."""
        turns = [message.model_dump() for message in request.messages]
        ids = self._tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        length = ids["input_ids"].shape[1]
        made = self._model.generate(**ids, do_sample=False, max_new_tokens=MAX_NEW_TOKENS)[0, length:]
        text = self._tokenizer.decode(made, skip_special_tokens=True)
        reason = "length" if len(made) == MAX_NEW_TOKENS else "stop"
        return Reply(text=text, finish_reason=reason, prompt_tokens=length, completion_tokens=len(made))


def main() -> None:
    """Fill the inject stage."""
    run = Run(load_recipe(Path(sys.argv[1])), quiet=True)
    with run.folder.lock():
        run.folder.produce("inject", stage_fingerprint(run, STAGES["inject"]), lambda folder: fill(run, folder))


def fill(run: Run, folder: Path) -> None:
    """Ask for every sample and type, in turn, and keep whatever comes."""
    engine = GreedyModel(load_model(run.recipe.model))
    candidates = []
    asked: list[dict[str, Any]] = []
    for sample in run.records("source", "samples.jsonl", Sample):
        for error_type in run.recipe.inject.error_types:
            counted = Counted(engine)
            context = Context(sample, seed=run.recipe.seed, settings=run.recipe.inject, source=counted)
            for proposal in propose_by_rewrite(sample, error_type, context):
                candidates.append(
                    Candidate(
                        sample_id=sample.id,
                        error_type=error_type,
                        subtype=proposal.subtype,
                        strategy="rewrite",
                        injector=engine.name,
                        rank=0,
                        text=proposal.text(sample.chosen),
                        edits=proposal.edits,
                    )
                )
            asked += [{"sample_id": sample.id, "error_type": error_type, **reply} for reply in counted.replies]
    write_records(folder / "candidates.jsonl", candidates)
    write_text(folder / "skipped.jsonl", "")
    write_text(folder / "asked.jsonl", "".join(f"{json.dumps(row)}\n" for row in asked))


class Counted:
    """An engine that remembers what its replies cost."""

    def __init__(self, engine: GreedyModel) -> None:
        self._engine, self.name, self.fingerprint = engine, engine.name, engine.fingerprint
        self.replies: list[dict[str, Any]] = []

    def complete(self, request: Request) -> Reply:
        """The engine's reply."""
        reply = self._engine.complete(request)
        self.replies.append(reply.model_dump(mode="json", exclude={"text"}))
        return reply


if __name__ == "__main__":
    main()
