"""What `seapo export --to` can write."""

from collections.abc import Callable
from dataclasses import dataclass

from seapo.export import tables, tools, trl
from seapo.export.written import Job, Written


@dataclass(frozen=True)
class Target:
    """One format."""

    summary: str
    write: Callable[[Job], Written]


def _write_jsonl(job: Job) -> Written:
    tables.write_jsonl(job.folder / "train.jsonl", job.rows)
    return Written(len(job.rows), use=USE_JSONL, data_files="train.jsonl")


USE_JSONL = """```python
from datasets import load_dataset

pairs = load_dataset("json", data_files="train.jsonl", split="train")
```

To change negatives by hand, edit the text in `rejected` of a copy, and give it back: `seapo import COPY RUN`."""


def _write_parquet(job: Job) -> Written:
    tables.write_parquet(job.folder / "train.parquet", job.rows)
    return Written(len(job.rows), use=USE_PARQUET.format(file="train.parquet"), data_files="train.parquet")


USE_PARQUET = """```python
from datasets import load_dataset

pairs = load_dataset("parquet", data_files="{file}", split="train")
```"""


def _write_datasets(job: Job) -> Written:
    tables.write_datasets_folder(job.folder, job.rows)
    return Written(len(job.rows), use=USE_DATASETS)


USE_DATASETS = """```python
from datasets import load_from_disk

pairs = load_from_disk(".")["train"]    # the path of this folder
```"""


def _write_hub(job: Job) -> Written:
    tables.write_parquet(job.folder / "train.parquet", job.rows)
    return Written(len(job.rows), use=USE_HUB, data_files="train.parquet")


USE_HUB = """```python
from datasets import load_dataset

pairs = load_dataset("OWNER/NAME", split="train")    # the name of this data set
```"""

TARGETS: dict[str, Target] = {
    "trl-dpo": Target("pairs for TRL's DPOTrainer, with a script", trl.write_dpo),
    "trl-kto": Target("single answers with labels for TRL's KTOTrainer, with a script", trl.write_kto),
    "llamafactory": Target(
        "LLaMA-Factory: pairs and labels, dataset_info.json, a YAML for each", tools.write_llamafactory
    ),
    "axolotl": Target("axolotl: pairs and labels, a YAML for each", tools.write_axolotl),
    "openrlhf": Target("OpenRLHF: pairs, with the command", tools.write_openrlhf),
    "jsonl": Target("one JSON object a line; what `seapo import` takes back", _write_jsonl),
    "parquet": Target("one typed file", _write_parquet),
    "datasets": Target("a folder for datasets.load_from_disk", _write_datasets),
    "hub": Target("Parquet, pushed to a hub with --repo and --yes", _write_hub),
}
