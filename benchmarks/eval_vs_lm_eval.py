"""Benchmarks on seapo's trees against lm-evaluation-harness's own class for models of transformers.

    python benchmarks/eval_vs_lm_eval.py --data-dir DIR --part truthfulqa --limit 40 --json

Both get the same requests, made by lm-evaluation-harness's own tasks from local data, for the embedded model in
float32; each works in a process of its own, which tells its time and the most memory that it held. The opponent gets
the batch size that is fastest on a few requests. Where the whole set would take it hours, `--opponent-limit` gives it
a part of the items: then the ratio is that of the times per item, and what is compared are the items of both. The bound
is what sharing can give at most: tokens that the opponent computes over tokens that seapo's plan computes; tokens of
prompts alone, where answers are written. Where other programs use the machine, run it with OMP_NUM_THREADS=1 and read
`cpu_ratio`: waiting for a core costs no processor time.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import timed_child

REQUIRED = {"truthfulqa": 10.0, "mmlu": 5.0, "bbh": 3.0, "gsm8k": 3.0}
"""Times as fast on two cores, per part."""
TASKS = {
    "truthfulqa": ("truthfulqa_mc1", "truthfulqa_mc2"),
    "mmlu": ("mmlu_abstract_algebra", "mmlu_clinical_knowledge", "mmlu_moral_disputes", "mmlu_us_foreign_policy"),
    "bbh": tuple(
        f"bbh_cot_fewshot_{name}"
        for name in ("date_understanding", "logical_deduction_three_objects", "navigate", "object_counting")
    ),
    "gsm8k": ("gsm8k_cot",),
}
LIMITS = {"truthfulqa": None, "mmlu": None, "bbh": 10, "gsm8k": 40}
"""Items of each task, where the call doesn't say."""
BATCH_SIZES = {"truthfulqa": (1, 4, 8, 16, 32), "mmlu": (1, 4, 8, 16), "bbh": (4, 10, 20), "gsm8k": (4, 10, 20)}
"""What the opponent's best is looked for among."""
TRIAL_REQUESTS = {"truthfulqa": 48, "mmlu": 32, "bbh": 20, "gsm8k": 20}
TRIAL_TOKENS = 32
"""Length of the answers in a trial."""
TIE_NATS = 1e-3
MOST_MC2 = 1e-4
NAME = "SmolLM2-135M-Instruct"


@dataclass
class Side:
    """What one of both did."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    before_mb: float
    """Resident memory with the model loaded."""
    requests: int
    items: int
    batch_size: int | None
    written_out: int
    """Tokens of all different sequences, each in full."""
    planned: int
    """Tokens that the plan of the trees computes."""
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    """Task -> item -> score."""
    logprobs: dict[str, list[float]] = field(default_factory=dict)
    """Item -> log-probabilities of its choices in nats."""
    answers: dict[str, str] = field(default_factory=dict)
    """Item -> the text."""
    contexts: dict[str, str] = field(default_factory=dict)


def main() -> None:
    """Measure and print; ends with 1 where scores or texts differ otherwise than by a tie."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of benchmark data (docs/evaluation.md)")
    parser.add_argument("--part", choices=list(TASKS), action="append", help="all by default")
    parser.add_argument("--limit", type=int, help="items of each task, drawn by the seed")
    parser.add_argument("--opponent-limit", type=int, help="items of each task for lm-evaluation-harness, of those")
    parser.add_argument("--opponent-batch-size", type=int, help="in place of the best of a trial")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object a part")
    parser.add_argument("--side", choices=("seapo", "lm_eval"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        (part,) = arguments.part
        side = work(arguments.side, part, arguments)
        arguments.out.write_text(json.dumps(asdict(side)), encoding="utf-8")
        return
    is_good = True
    for part in arguments.part or TASKS:
        found = compare(part, in_child("seapo", part, arguments), in_child("lm_eval", part, arguments))
        is_good &= found["is_equal"]
        print(json.dumps(found | environment()) if arguments.json else describe(found), flush=True)
    sys.exit(0 if is_good else 1)


def in_child(side: str, part: str, arguments: argparse.Namespace) -> Side:
    """One side, measured in a process of its own."""
    limit = arguments.limit if arguments.limit is not None else LIMITS[part]
    if side == "lm_eval" and arguments.opponent_limit is not None:
        limit = min(arguments.opponent_limit, limit or arguments.opponent_limit)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "side.json"
        command = [sys.executable, __file__, "--data-dir", str(arguments.data_dir), "--part", part, "--side", side]
        command += ["--out", str(out), "--seed", str(arguments.seed)]
        command += [] if limit is None else ["--limit", str(limit)]
        if arguments.opponent_batch_size:
            command += ["--opponent-batch-size", str(arguments.opponent_batch_size)]
        quiet = {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}
        subprocess.run(command, check=True, env=os.environ | quiet, stdout=subprocess.DEVNULL)
        return Side(**json.loads(out.read_text(encoding="utf-8")))


def work(side: str, part: str, arguments: argparse.Namespace) -> Side:
    """Put a part's requests to one of both, and score its replies."""
    from seapo.evaluate.harness import load_tasks, run_tasks
    from seapo.model import ChatScorer, load_embedded
    from seapo.tasks.benchmark import named

    scorer = ChatScorer(*load_embedded(), NAME, "embedded-float32")
    loaded = load_tasks(
        named(TASKS[part], {}),
        data_dir=arguments.data_dir,
        protocol="paper",
        limit=arguments.limit,
        seed=arguments.seed,
    )
    size = None
    if side == "lm_eval":
        size = arguments.opponent_batch_size or fastest(scorer, part, requests_of(loaded))
    asked = Listener(own_model(scorer) if side == "seapo" else opponent(scorer, size))
    before = timed_child.resident_mb()
    found = run_tasks(asked, loaded, protocol="paper")
    measured = Side(
        wall_s=asked.wall_s,
        cpu_s=asked.cpu_s,
        peak_mb=timed_child.peak_mb(),
        before_mb=before,
        requests=len(asked.requests),
        items=sum(len(each.ids) for each in loaded),
        batch_size=size,
        written_out=0,
        planned=0,
        contexts=asked.contexts(loaded),
    )
    for score in found.scores:
        measured.values.setdefault(score.task, {})[score.id] = score.value
        if score.choice_logprobs_nats:
            measured.logprobs[score.id] = list(score.choice_logprobs_nats)
        else:
            measured.answers[score.id] = str(score.answer)
    measured.written_out, measured.planned = sharing(scorer.tokenizer, asked.requests)
    return measured


class Listener:
    """A model as lm-evaluation-harness asks it, whose replies are timed."""

    def __init__(self, lm: Any) -> None:
        self._lm = lm
        self.requests: list[Any] = []
        self.wall_s = self.cpu_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lm, name)

    def loglikelihood(self, requests: list[Any], **options: Any) -> Any:
        """As the model's own."""
        return self._timed(self._lm.loglikelihood, requests, options)

    def generate_until(self, requests: list[Any], **options: Any) -> Any:
        """As the model's own."""
        return self._timed(self._lm.generate_until, requests, options)

    def contexts(self, loaded: Sequence[Any]) -> dict[str, str]:
        """Item -> the text that it was asked by."""
        ids = {each.name: list(each.ids.values()) for each in loaded}  # requests count the items that are asked
        return {ids[one.task_name][one.doc_id]: one.args[0] for one in self.requests}

    def _timed(self, ask: Any, requests: list[Any], options: dict[str, Any]) -> Any:
        self.requests += requests
        wall, cpu = timed_child.clocks()
        replies = ask(requests, **options)
        self.wall_s += time.perf_counter() - wall
        self.cpu_s += time.process_time() - cpu
        return replies


def requests_of(loaded: Sequence[Any]) -> list[Any]:
    """All requests of some tasks."""
    found = []
    for each in loaded:
        each.task.build_all_requests(samples=None if each.is_whole else list(each.ids))
        found += each.task.instances
    return found


def own_model(scorer: Any) -> Any:
    """seapo's class."""
    from seapo.evaluate.lm import TreeLM

    return TreeLM.from_scorer(scorer)


def opponent(scorer: Any, size: int) -> Any:
    """lm-evaluation-harness's class."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=scorer.model, tokenizer=scorer.tokenizer, batch_size=size)


def fastest(scorer: Any, part: str, requests: Sequence[Any]) -> int:
    """The batch size at which lm-evaluation-harness takes least time for some of the requests."""
    some = [requests[place] for place in range(0, len(requests), max(1, len(requests) // TRIAL_REQUESTS[part]))]
    some = [shortened(one) for one in some[: TRIAL_REQUESTS[part]]]
    seconds = {}
    for size in BATCH_SIZES[part]:
        lm, start = opponent(scorer, size), time.process_time()
        (lm.loglikelihood if part in ("truthfulqa", "mmlu") else lm.generate_until)(some, disable_tqdm=True)
        seconds[size] = time.process_time() - start
    return min(seconds, key=lambda size: seconds[size])


def shortened(request: Any) -> Any:
    """A request whose answer is short, for a trial."""
    import copy

    if not isinstance(request.args[1], dict):
        return request
    short = copy.copy(request)
    short.arguments = (request.args[0], request.args[1] | {"max_gen_toks": TRIAL_TOKENS})
    return short


def sharing(tokenizer: Any, requests: Sequence[Any]) -> tuple[int, int]:
    """(tokens that different sequences have when each is computed in full, tokens that the plan computes)."""
    from seapo.evaluate.forest import plan_forest
    from seapo.evaluate.plain import PairEncoder
    from seapo.model.writing import plan_heads

    encoder = PairEncoder(tokenizer)
    if isinstance(requests[0].args[1], dict):
        prompts = [encoder.encode(one.args[0]) for one in requests]
        heads = plan_heads(prompts)
        planned = sum(one.length + sum(len(prompts[place]) - one.length for place in one.places) for one in heads)
        return sum(map(len, prompts)), planned
    sequences = list({encoder.encode_pair(*one.args).tokens for one in requests})
    chains = {sequence[:-1] for sequence in sequences}
    return sum(map(len, chains)), plan_forest(sequences).tokens


def compare(part: str, ours: Side, theirs: Side) -> dict[str, Any]:
    """Both sides of a part."""
    both = {task: [item for item in values if item in ours.values[task]] for task, values in theirs.values.items()}
    differing = [
        (task, item)
        for task, items in both.items()
        for item in items
        if abs(ours.values[task][item] - theirs.values[task][item]) > (MOST_MC2 if task == "truthfulqa_mc2" else 0)
    ]
    texts = [item for item in theirs.answers if ours.answers[item] != theirs.answers[item]]
    gaps = explain(texts, ours, theirs)
    unexplained = [item for item in texts if gaps[item] > TIE_NATS]
    scores = [item for _, item in differing if item not in texts]
    shares = {"wall": ours.wall_s / ours.items, "cpu": ours.cpu_s / ours.items}
    return {
        "part": part,
        "items": ours.items,
        "opponent_items": theirs.items,
        "opponent_batch_size": theirs.batch_size,
        "seapo_s": round(ours.wall_s, 2),
        "seapo_cpu_s": round(ours.cpu_s, 2),
        "lm_eval_s": round(theirs.wall_s, 2),
        "lm_eval_cpu_s": round(theirs.cpu_s, 2),
        "ratio": round(theirs.wall_s / theirs.items / shares["wall"], 2),
        "cpu_ratio": round(theirs.cpu_s / theirs.items / shares["cpu"], 2),
        "required": REQUIRED[part],
        "bound": round(ours.written_out / ours.planned, 2),
        "seapo_peak_mb": round(ours.peak_mb),
        "lm_eval_peak_mb": round(theirs.peak_mb),
        "seapo_scores": means(ours, both),
        "lm_eval_scores": means(theirs, both),
        "largest_difference_nats": largest_difference(ours, theirs),
        "differing_scores": scores,
        "differing_texts": {item: round(gaps[item], 6) for item in texts},
        "is_equal": not scores and not unexplained,
    }


def means(side: Side, items: dict[str, list[str]]) -> dict[str, float]:
    """Mean score of each task over the items of both."""
    return {task: round(sum(side.values[task][one] for one in kept) / len(kept), 6) for task, kept in items.items()}


def largest_difference(ours: Side, theirs: Side) -> float:
    """Between two log-probabilities of the same choice, in nats."""
    pairs = [
        abs(left - right)
        for item, logprobs in theirs.logprobs.items()
        for left, right in zip(ours.logprobs[item], logprobs, strict=True)
    ]
    return round(max(pairs, default=0.0), 6)


def explain(items: Sequence[str], ours: Side, theirs: Side) -> dict[str, float]:
    """Item -> how far apart the two best tokens are, in nats, where the two texts part."""
    if not items:
        return {}
    from seapo.evaluate.plain import PairEncoder
    from seapo.model import load_embedded

    model, tokenizer = load_embedded()
    encoder = PairEncoder(tokenizer)
    return {
        item: gap_where_parting(
            model, tokenizer, encoder, ours.contexts[item], ours.answers[item], theirs.answers[item]
        )
        for item in items
    }


def gap_where_parting(model: Any, tokenizer: Any, encoder: Any, context: str, ours: str, theirs: str) -> float:
    """Between the two best tokens, by a plain pass over the context and our text."""
    import torch

    prompt = encoder.encode(context)
    written = tokenizer.encode(ours, add_special_tokens=False)
    with torch.no_grad():
        logits = model(torch.tensor([prompt + written])).logits[0, len(prompt) - 1 :]
    parting = next(
        (place for place in range(len(written)) if not theirs.startswith(tokenizer.decode(written[: place + 1]))),
        len(written),
    )
    best = logits[parting].topk(2).values
    return float(best[0] - best[1])


def environment() -> dict[str, Any]:
    """What the figures depend on."""
    packages = {name: version(name) for name in ("lm-eval", "torch", "transformers")}
    threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    return {"packages": packages, "threads": threads, "platform": platform.platform()}


def describe(found: dict[str, Any]) -> str:
    """The figures in words."""
    scores = ", ".join(
        f"{task} {found['seapo_scores'][task]:.4f} and {found['lm_eval_scores'][task]:.4f}"
        for task in found["seapo_scores"]
    )
    return (
        f"{found['part']}: {found['ratio']:.1f} times as fast, {found['cpu_ratio']:.1f} in processor time "
        f"(required {found['required']:g}, shared tokens allow {found['bound']:.1f})\n"
        f"  seapo {found['seapo_s']:.1f} s for {found['items']} items, up to {found['seapo_peak_mb']} MB\n"
        f"  lm-evaluation-harness, batches of {found['opponent_batch_size']}: {found['lm_eval_s']:.1f} s for "
        f"{found['opponent_items']} items, up to {found['lm_eval_peak_mb']} MB\n"
        f"  scores: {scores}; {'equal' if found['is_equal'] else 'NOT EQUAL: ' + str(found['differing_scores'])}; "
        f"log-probabilities differ by at most {found['largest_difference_nats']:.5f} nats; "
        f"{len(found['differing_texts'])} texts differ, at ties"
    )


if __name__ == "__main__":
    main()
