"""Load an export with OpenRLHF's own data set class: python openrlhf_side.py EXPORT MODEL

Runs in an environment of its own (scripts/check_exports.sh), beside which seapo is not installed. The command line
cannot be run without its GPU packages, so the options of the export's command are compared with those in its source.
"""

import ast
import importlib.util
import json
import os
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import transformers
from openrlhf.datasets import RewardDataset
from openrlhf.datasets.utils import blending_datasets


def main() -> None:
    """Load the pairs as training would, and compare every answer with the export's."""
    folder, model = Path(sys.argv[1]), sys.argv[2]
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(Path(model).resolve()))
    os.chdir(folder)
    options = command_options(Path("train_dpo.sh"))
    data = {key.removeprefix("--data."): value for key, value in options.items() if key.startswith("--data.")}
    data["apply_chat_template"] = True
    args = SimpleNamespace(data=SimpleNamespace(**data), use_ms=False)
    strategy = SimpleNamespace(args=args, print=print, is_rank_0=lambda: False)
    rows = RewardDataset(
        blending_datasets(data["dataset"], strategy=strategy),
        tokenizer,
        int(data["max_len"]),
        strategy,
        is_dpo=True,
        num_processors=None,
    )
    given = [json.loads(line) for line in Path(data["dataset"]).read_text(encoding="utf-8").splitlines()]
    if len(rows) != len(given):
        sys.exit(f"{len(rows)} of {len(given)} rows came through")
    for place, row in enumerate(given):
        chosen, _, rejected, _, prompt_tokens = rows[place]
        for ids, name in ((chosen, "chosen"), (rejected, "rejected")):
            text = tokenizer.decode(ids[0][prompt_tokens:])
            if not text.startswith(row[name][0]["content"]):
                sys.exit(f"row {place}: {name} came through as {text[:80]!r}")
    print(f"train.jsonl: {len(rows)} of {len(given)} rows")


def command_options(script: Path) -> dict[str, str]:
    """The options of the command, each of which the tool's parser must know."""
    words = shlex.split(script.read_text(encoding="utf-8").replace("\\\n", " "), comments=True)
    words = words[words.index("openrlhf.cli.train_dpo") + 1 :]
    found = {}
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        if word.startswith("--"):
            found[word] = "" if following.startswith("--") else following
    spec = importlib.util.find_spec("openrlhf")
    source = Path(spec.submodule_search_locations[0]) / "cli" / "train_dpo.py"
    calls = [node for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    known = {
        argument.value
        for call in calls
        if getattr(call.func, "attr", "") == "add_argument"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
    if unknown := set(found) - known:
        sys.exit(f"the parser does not know {', '.join(sorted(unknown))}")
    print(f"train_dpo.sh: {len(found)} options, all known")
    return found


if __name__ == "__main__":
    main()
