"""Load an export with LLaMA-Factory's own arguments and loader: python llamafactory_side.py EXPORT MODEL

Runs in an environment of its own (scripts/check_exports.sh), beside which seapo is not installed.
"""

import os
import sys
from pathlib import Path
from types import ModuleType

import transformers
import yaml

# Imported for audio, which the data has none of; its wheels want a GPU's libraries. transformers, which asks whether
# it is installed, comes before.
sys.modules.setdefault("torchaudio", ModuleType("torchaudio"))

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: E402
from llamafactory.hparams import get_train_args  # noqa: E402
from llamafactory.model import load_tokenizer  # noqa: E402

STAGES = {"train_dpo.yaml": "rm", "train_kto.yaml": "kto"}
"""Configuration -> the stage that its workflow asks the loader for."""


def main() -> None:
    """Load both data sets as training would, and print how many rows came through."""
    transformers.logging.set_verbosity_error()
    model, folder = Path(sys.argv[2]).resolve(), Path(sys.argv[1])
    os.chdir(folder)
    for name, stage in STAGES.items():
        values = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
        values |= {"model_name_or_path": str(model), "bf16": False, "overwrite_cache": True}
        model_args, data_args, training_args, _, _ = get_train_args(values)
        tokens = load_tokenizer(model_args)
        template = get_template_and_fix_tokenizer(tokens["tokenizer"], data_args)
        rows = get_dataset(template, model_args, data_args, training_args, stage=stage, **tokens)["train_dataset"]
        given = len(Path(f"{values['dataset']}.jsonl").read_text(encoding="utf-8").splitlines())
        if len(rows) != given:
            sys.exit(f"{name}: {len(rows)} of {given} rows came through")
        print(f"{name}: {len(rows)} of {given} rows, columns {', '.join(sorted(rows.column_names))}")


if __name__ == "__main__":
    main()
