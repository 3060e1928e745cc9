"""What lm-evaluation-harness asks in HumanEval and MBPP, and how it finds the program in a reply.

Its task files are read as data: importing its modules for these two would load a metric from the hub that runs code
without a sandbox. Prompts, stop sequences and examples are theirs; the metric and the filters here take the place of
the functions that the files name.
"""

import ast
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import yaml

from seapo.errors import DataError
from seapo.records import Protocol

INSTALL = "pip install 'lm-eval>=0.4.13'"
FENCED = re.compile(r"```\w*\n?(?P<code>.*?)\n?```", re.DOTALL)
OPENING = re.compile(r"\s*(```\w*|python3?|py)[ \t]*\r?\n")
Finder = Callable[[str, Mapping[str, Any]], str]
"""The program in a reply to the question of a row."""


class _TaskLoader(yaml.SafeLoader):
    """Reads a task file; the functions that it names become None."""


_TaskLoader.add_constructor("!function", lambda loader, node: None)


def read_config(benchmark: str, protocol: Protocol) -> dict[str, Any]:
    """The task file of a benchmark, with its examples in full; the one with instructions for `chat`.

    Raises DataError where the installed package `lm_eval` has none.
    """
    name = f"{benchmark}_instruct" if protocol == "chat" else benchmark
    config = _read_yaml(benchmark, f"{name}.yaml")
    if config.get("fewshot_config"):
        config["fewshot_config"] |= {"samples": _examples(benchmark)}
    return config


def finders(benchmark: str, protocol: Protocol) -> dict[str, Finder]:
    """Ways to find the program of a reply, by name; the first one decides about a task's score.

    They are lm-evaluation-harness's, under its names, and one of our own. HumanEval's prompt is the beginning of the
    program, which with instructions ends at the first ```. In MBPP with instructions the reply continues an open block
    of code; there lm-evaluation-harness takes a program's first word, `def` for the most part, for the name of its
    language, and then nothing passes. So `open_block` decides, and `extract_code` is told beside it.
    """
    known: dict[tuple[str, str], dict[str, Finder]] = {
        ("humaneval", "paper"): {"create_test": lambda reply, row: f"{row['prompt']}{reply}"},
        ("humaneval", "chat"): {"create_test": lambda reply, row: f"{row['prompt']}{reply.partition('```')[0]}"},
        ("mbpp", "paper"): {"none": lambda reply, row: reply},
        ("mbpp", "chat"): {
            "open_block": lambda reply, row: _rest_of_block(reply),
            "extract_code": lambda reply, row: _first_block(f"```{reply}"),
        },
    }
    return known[benchmark, protocol]


def _rest_of_block(reply: str) -> str:
    """What stands before the end of the block, or of the reply; a reply that opens the block again may do so."""
    opening = OPENING.match(reply)
    return reply[opening.end() if opening else 0 :].partition("```")[0]


def _first_block(text: str) -> str:
    found = FENCED.search(text)
    return found["code"] if found else ""


def _read_yaml(benchmark: str, name: str) -> dict[str, Any]:
    config = yaml.load(_read(benchmark, name), Loader=_TaskLoader)
    included = config.pop("include", None)
    return (_read_yaml(benchmark, included) if included else {}) | dict(config)


def _examples(benchmark: str) -> list[dict[str, Any]]:
    """The list that the function `list_fewshot_samples` returns, read off its source."""
    for node in ast.walk(ast.parse(_read(benchmark, "utils.py"))):
        if isinstance(node, ast.FunctionDef) and node.name == "list_fewshot_samples":
            returned = [part.value for part in node.body if isinstance(part, ast.Return) and part.value is not None]
            return [dict(example) for example in ast.literal_eval(returned[0])]
    raise DataError(f"lm_eval {version('lm_eval')} holds no examples for {benchmark}; run: {INSTALL}")


def _read(benchmark: str, name: str) -> str:
    path = f"tasks/{benchmark}/{name}"
    try:
        return (files("lm_eval") / path).read_text(encoding="utf-8")
    except ModuleNotFoundError as problem:
        raise DataError(
            f"the prompts of {benchmark} are read from the package lm_eval, which is not installed; run: {INSTALL}"
        ) from problem
    except OSError as problem:
        raise DataError(f"lm_eval {version('lm_eval')} holds no {path} ({problem}); run: {INSTALL}") from problem
