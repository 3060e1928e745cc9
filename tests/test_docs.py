"""Every snippet of docs/*.md is executed, or parsed by what would execute it.

* python: run, here or by the test of its page (`RUN_ELSEWHERE`); what is on no list is run here, in an empty folder.
  What needs a finished run (`ONLY_IMPORTED`) is compiled, and its imports are run.
* `seapo ...`: parsed by the real commands, so that every option and argument exists, and `key=value` by the recipe's
  types. They are not run: most want a run, data or a model. Those of the README are run (tests/test_readme.py).
* yaml: a recipe, whole or a section of one, that the recipe's types take.
* `python SCRIPT ...`: the script is there, and takes the options.

Where a snippet fails: mend the page if it is out of date, or the code if the page is right. A block that is none of
these gets another language than python, yaml, bash or sh (`text` for output, `toml`, `json`).
"""

import ast
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from seapo.cli import seapo
from seapo.errors import RecipeError
from seapo.recipe import default_recipe, parse_recipe

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
SHELL = ("", "bash", "sh")
RUN_ELSEWHERE = {
    "diagnosis.md": "tests/diagnose/test_diagnosis_docs.py",
    "evaluation.md": "tests/evaluate/test_evaluation_page.py",
    "extending.md": "tests/test_extending.py",
    "giveaways.md": "tests/verify/test_giveaways_doc.py",
    "injection.md": "tests/inject/test_inject_stage.py",
    "mixing.md": "tests/mix/test_mixing_page.py",
    "training.md": "tests/train/test_training_docs.py",
}
"""Page -> the test that runs its python blocks, with the files or in the order that they need."""
ONLY_IMPORTED = {"report.md"}
"""Pages whose python blocks read a finished run: they are compiled, and what they import is imported."""


@dataclass(frozen=True)
class Snippet:
    """A fenced block."""

    page: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """As an editor finds it."""
        return f"docs/{self.page}:{self.line}"


def snippets(page: Path) -> list[Snippet]:
    """The fenced blocks of a page; the line is that of the fence."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```", text, flags=re.MULTILINE | re.DOTALL)
    return [Snippet(page.name, text[: one.start()].count("\n") + 1, one[2], one[3]) for one in found]


RECIPES = sorted((REPOSITORY / "recipes").glob("*.yaml"))
EVERY = [snippet for page in PAGES for snippet in snippets(page)]


def commands(snippet: Snippet) -> list[list[str]]:
    """The command lines of a block as words: comments, redirections and variables before a command taken away."""
    lines = snippet.text.replace("\\\n", " ").splitlines()
    split = [shlex.split(line, comments=True) for line in lines if line.strip() and not line.startswith(" ")]
    return [plain for words in split if (plain := _plain(words))]


def _plain(words: list[str]) -> list[str]:
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    ends = [place for place, word in enumerate(words) if word in (">", "|", "&&", ">>", "2>")]
    return words[: ends[0]] if ends else words


def arguments_of(words: list[str]) -> list[str] | None:
    """What follows `seapo` in a command line, also behind `python -m` or `accelerate launch`; None for others."""
    if words[0] == "seapo" or words[0].endswith("/seapo"):
        return words[1:]
    if "-m" in words and words[words.index("-m") + 1 :][:1] == ["seapo"]:
        return words[words.index("-m") + 2 :]
    return None


def parsed(arguments: list[str]) -> click.Context:
    """The innermost context of a command line as click parses it, files that it names taken for there."""
    context = seapo.make_context("seapo", list(arguments), resilient_parsing=False)
    command: click.Command = seapo
    while isinstance(command, click.Group) and context._protected_args:
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        for parameter in found.params:
            if isinstance(parameter.type, click.Path):
                parameter.type = click.Path(path_type=Path)
        command, context = found, found.make_context(name, rest, parent=context)
    return context


def check_command(arguments: list[str]) -> None:
    """Raises where a command line has an option that is not there, or a key that no recipe has."""
    if {"-h", "--help", "--version"} & set(arguments):
        arguments = [word for word in arguments if word not in ("-h", "--help", "--version")]
        assert not arguments or seapo.get_command(click.Context(seapo), arguments[0]), f"no command {arguments[0]!r}"
        return
    keys = parsed(arguments).params.get("overrides") or ()
    given = [key for key in keys if "=" in key]
    if given:
        default_recipe([*_companions(given), *given])


def _companions(given: list[str]) -> list[str]:
    """What the recipe of a command line would say besides, where a key cannot stand alone."""
    more = []
    if any(key.startswith("mix.error_type=") for key in given) and not any(
        key.startswith("mix.kind=") for key in given
    ):
        more.append("mix.kind=single")
    for section in ("engine", "judge"):
        if any(key.startswith(f"{section}.") for key in given):
            address = f"{section}.base_url=http://127.0.0.1/v1"
            more += [
                each
                for each in (address, f"{section}.model=m")
                if not any(k.startswith(each.split("=")[0]) for k in given)
            ]
    return more


def check_yaml(text: str) -> None:
    """Raises where a block is no recipe; a lone section's keys may stand without its name."""
    values: Any = yaml.safe_load(text)
    assert isinstance(values, dict), "a recipe is a mapping of sections"
    parse_recipe(values)


def check_script(words: list[str]) -> None:
    """Raises where a script is not there, or does not know an option that it is given."""
    path = REPOSITORY / words[1]
    assert path.is_file(), f"there is no {words[1]}"
    source = path.read_text(encoding="utf-8")
    for option in (word.split("=")[0] for word in words[2:] if word.startswith("--")):
        stem = option.removeprefix("--").replace("-", "_")
        assert f'"{option}"' in source or re.search(rf"^    {stem}: ", source, re.MULTILINE), (
            f"{words[1]} has no {option}"
        )


def ids(found: list[Snippet]) -> list[str]:
    return [snippet.where for snippet in found]


SHELLS = [snippet for snippet in EVERY if snippet.language in SHELL]
YAMLS = [snippet for snippet in EVERY if snippet.language in ("yaml", "yml")]
PYTHONS = [snippet for snippet in EVERY if snippet.language == "python" and snippet.page not in RUN_ELSEWHERE]


@pytest.mark.parametrize("snippet", SHELLS, ids=ids(SHELLS))
def test_command_lines_are_understood(snippet):
    for words in commands(snippet):
        arguments = arguments_of(words)
        try:
            if arguments is not None:
                check_command(arguments)
            elif words[0] in ("python", "python3") and words[1].endswith(".py"):
                check_script(words)
        except (click.ClickException, RecipeError, AssertionError) as problem:
            told = problem.format_message() if isinstance(problem, click.ClickException) else str(problem)
            pytest.fail(
                f"{snippet.where}: {' '.join(words)}\n{told}\n(see the head of tests/test_docs.py)", pytrace=False
            )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_commands_in_the_comments_of_recipes_are_understood(path):
    comments = re.findall(r"^# +((?:[A-Z_]+=\S+ )*seapo .*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert comments, f"{path.name} does not say which command starts it"
    for comment in comments:
        arguments = arguments_of(_plain(shlex.split(comment, comments=True)))
        assert arguments is not None
        check_command(arguments)


@pytest.mark.parametrize("snippet", YAMLS, ids=ids(YAMLS))
def test_recipes_are_taken(snippet):
    try:
        check_yaml(snippet.text)
    except (RecipeError, yaml.YAMLError, AssertionError) as problem:
        pytest.fail(f"{snippet.where}: {problem}\n(see the head of tests/test_docs.py)", pytrace=False)


@pytest.mark.parametrize("snippet", PYTHONS, ids=ids(PYTHONS))
def test_programs_run_and_print_what_they_say(snippet, tmp_path):
    (tmp_path / "recipes").symlink_to(REPOSITORY / "recipes")
    text = imports_of(snippet.text) if snippet.page in ONLY_IMPORTED else snippet.text
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{snippet.where}\n{done.stderr}"
    said = re.findall(r"^print\(.*\)  # (.+)$", text, flags=re.MULTILINE)
    if len(said) == len(re.findall(r"^ *print\(", text, flags=re.MULTILINE)):
        printed = done.stdout.splitlines()
        # a comment may go on behind a colon: `# (0, 1): side by side`
        said = [
            line if word.startswith(f"{line}: ") else word for word, line in zip_longest(said, printed, fillvalue="")
        ]
        assert said == printed, snippet.where


def imports_of(text: str) -> str:
    """The import statements of a program; raises SyntaxError for one that does not compile."""
    lines = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, lines))


def test_a_program_that_is_only_imported_is_seen_to_be_wrong():
    assert imports_of("from seapo.report import read\nread('runs/a')") == "from seapo.report import read"
    with pytest.raises(SyntaxError):
        imports_of("print(")


@pytest.mark.parametrize(("page", "test"), RUN_ELSEWHERE.items())
def test_pages_that_are_run_elsewhere_are(page, test):
    text = (REPOSITORY / test).read_text(encoding="utf-8")
    assert page in text
    assert "```python" in text or 'blocks("python")' in text


def test_there_is_something_to_check():
    assert len(SHELLS) > 10
    assert len(YAMLS) > 8
    assert any(arguments_of(words) for snippet in SHELLS for words in commands(snippet))


@pytest.mark.parametrize(
    "line",
    [
        "seapo run recipes/quickstart.yaml --not-an-option",
        "seapo rum recipes/quickstart.yaml",
        "seapo train runs/a train.methd=dpo",
        "seapo train runs/a train.method=dop",
        "seapo journal stats runs --nothing",
        "accelerate launch -m seapo train runs/a --nothing",
    ],
)
def test_a_wrong_command_line_is_seen(line):
    arguments = arguments_of(line.split())
    assert arguments is not None
    with pytest.raises((click.ClickException, RecipeError)):
        check_command(arguments)


@pytest.mark.parametrize("text", ["tarin: {method: dpo}", "train: {methd: dpo}", "train: {method: dop}"])
def test_a_wrong_recipe_is_seen(text):
    with pytest.raises(RecipeError):
        check_yaml(text)


@pytest.mark.parametrize("line", ["python benchmarks/none.py", "python scripts/cost.py --nothing"])
def test_a_wrong_script_is_seen(line):
    with pytest.raises(AssertionError):
        check_script(line.split())


@pytest.mark.parametrize("page", [*PAGES, REPOSITORY / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_index_has_every_page():
    index = (REPOSITORY / "docs" / "README.md").read_text(encoding="utf-8")
    missing = [page.name for page in PAGES if page.name != "README.md" and f"]({page.name}" not in index]
    assert missing == [], "add them to docs/README.md, where a reader would look for them"
