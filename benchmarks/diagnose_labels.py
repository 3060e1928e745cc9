"""How well the program's diagnosis agrees with people: error types, places of the first error, made-up statements.

    python benchmarks/diagnose_labels.py --data-dir DATA [--json]

DATA holds `mr_gsm8k_partial`, `processbench`, `bigbench_mistake` and `halueval`, folders with the files as they are
published. Each source is used for what it labels and for nothing else. No model is loaded.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from seapo.diagnose.agreement import fact_agreement, place_agreement, type_agreement
from seapo.errors import SeapoError
from seapo.interval import Share
from seapo.tasks.labelled import Labelled, read_labelled

FOLDERS = ("mr_gsm8k_partial", "processbench", "bigbench_mistake", "halueval")


def measure(data_dir: Path) -> dict[str, Any]:
    """The agreement with each source."""
    sources: dict[str, list[Labelled]] = {}
    for item in read_labelled([data_dir / folder for folder in FOLDERS]):
        sources.setdefault(item.source, []).append(item)
    parted = {name: items for name, items in sources.items() if items[0].steps}
    return {
        "types": [type_agreement(sources["mr_gsm8k"]).model_dump(mode="json")],
        "places": [place_agreement(name, items).model_dump(mode="json") for name, items in parted.items()],
        "facts": [fact_agreement("halueval", sources["halueval"]).model_dump(mode="json")],
    }


def show(found: dict[str, Any]) -> None:
    """The figures as tables."""
    for each in found["types"]:
        print(f"{each['source']}: {each['solutions']} wrong solutions whose label names a type")
        print(f"  given a type      {told(each['told'])}\n  the same type     {told(each['agreed'])}")
        print(f"  Cohen's kappa     {kappa(each)}")
        for one in each["types"]:
            print(f"  {one['error_type']:16}  precision {told(one['precision']):30} recall {told(one['recall'])}")
        for named, row in each["table"].items():
            print(f"  people say {named:14} the program says {', '.join(f'{n} {name}' for name, n in row.items())}")
    print(f"\n{'place of the first error':42}{'found':>30}{'in the right step':>30}{'false alarms':>30}")
    for each in found["places"]:
        print(f"{each['source']:42}{told(each['found']):>30}{told(each['at_place']):>30}{told(each['alarms']):>30}")
    for each in found["facts"]:
        print(f"\n{each['source']}: {each['texts']} texts, {each['made_up']} made up")
        print(f"  precision {told(each['precision'])}, recall {told(each['recall'])}, Cohen's kappa {kappa(each)}")
        print(f"  in the marked passage: {told(each['in_passage'])}")


def told(share: dict[str, Any]) -> str:
    """`97.1% [95.0, 98.3] 33/34`."""
    one = Share.model_validate(share)
    if one.interval is None:
        return "none"
    low, high = one.interval
    return f"{one.part / one.whole:.1%} [{100 * low:.1f}, {100 * high:.1f}] {one.part}/{one.whole}"


def kappa(row: dict[str, Any]) -> str:
    """The figure with its interval."""
    low, high = row["kappa_interval"]
    return f"{row['kappa']:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        found = measure(given.data_dir)
    except (SeapoError, OSError) as problem:
        sys.exit(f"diagnose_labels: {problem}")
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
