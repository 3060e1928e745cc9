"""What each of several processes runs in the tests: the same call of `train` in all, as `accelerate launch` does it."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import conftest
from seapo.journal import Journal
from seapo.model import load_embedded
from seapo.recipe import TrainSection
from seapo.train import processes, train


class KilledError(Exception):
    """Stands for a kill of all processes."""


def bars(name, die_at):
    """Progress bars that tell which steps are left, and die before one of them."""

    def bar(description):
        def walk(items):
            items = list(items)
            if description == "train" and len(items):
                print(f"{name}: steps {items[0]} to {items[-1]}")
            for number, item in enumerate(items):
                if description == "train" and number == die_at:
                    raise KilledError
                yield item

        return walk

    return bar


def main(folder, cases):
    tiny = conftest.tiny_builder(load_embedded()[1])
    for name, case in cases.items():
        out = Path(folder) / name
        out.mkdir(parents=True, exist_ok=True)
        pairs = conftest.sum_pairs(case.get("samples", 7), negatives=2)
        pairs = conftest.drawn_anew(pairs) if case.get("drawn_anew") else pairs
        try:
            with Journal(out.with_suffix(".sqlite")) as journal:
                summary = train(
                    pairs,
                    TrainSection(**case["settings"]),
                    model=tiny(),
                    out_dir=out,
                    seed=0,
                    journal=journal,
                    progress=bars(name, case.get("die_at")),
                )
        except KilledError:
            print("killed", name)
        else:
            if processes.is_main():
                (out / "summary.json").write_text(summary.model_dump_json())


if __name__ == "__main__":
    for cases in sys.argv[2:]:
        main(sys.argv[1], json.loads(cases))
