"""Load an export with axolotl's own loader of preference data: python axolotl_side.py EXPORT MODEL

Runs in an environment of its own (scripts/check_exports.sh), beside which seapo is not installed.
"""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("AXOLOTL_DO_NOT_TRACK", "1")

import yaml
from axolotl.loaders import load_tokenizer
from axolotl.utils.data.rl import prepare_preference_datasets
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.config import AxolotlInputConfig
from axolotl.utils.schemas.enums import RLType

ANSWERS = {"dpo": ("chosen", "rejected"), "kto": ("completion",)}


def main() -> None:
    """Load both data sets as training would, and compare every answer with the export's."""
    model, folder = Path(sys.argv[2]).resolve(), Path(sys.argv[1])
    os.chdir(folder)
    for kind, columns in ANSWERS.items():
        values = yaml.safe_load(Path(f"{kind}.yaml").read_text(encoding="utf-8")) | {"base_model": str(model)}
        checked = AxolotlInputConfig(**values).model_dump(exclude_none=True)  # refuses what its schema does not know
        cfg = DictDefault(checked) | DictDefault(
            {"tokenizer_config": str(model), "rl": RLType(values["rl"]), "dataset_num_proc": 1}
        )
        with TemporaryDirectory() as prepared:
            cfg.dataset_prepared_path = prepared
            rows, _ = prepare_preference_datasets(cfg, load_tokenizer(cfg))
            given = [json.loads(line) for line in Path(f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]
            compare(kind, columns, list(rows), given)


def compare(kind: str, columns: tuple[str, ...], rows: list[dict], given: list[dict]) -> None:
    """Every loaded answer is the given one with the turn's end behind it; of KTO the order is kept, too."""
    texts = {(row["prompt"], *(row[name] for name in columns)) for row in rows}
    if len(rows) != len(given):
        sys.exit(f"{kind}: {len(rows)} of {len(given)} rows came through")
    for place, row in enumerate(given):
        answers = [row[name][-1] if kind == "kto" else row[name] for name in columns]
        wanted = [answer["content"] for answer in answers]
        found = [rows[place]] if kind == "kto" else rows
        if not any(
            all(one[name].startswith(text) for name, text in zip(columns, wanted, strict=True)) for one in found
        ):
            sys.exit(f"{kind}: row {place} came through with other answers")
    print(f"{kind}.yaml: {len(rows)} of {len(given)} rows, {len(texts)} different, columns {', '.join(columns)}")


if __name__ == "__main__":
    main()
