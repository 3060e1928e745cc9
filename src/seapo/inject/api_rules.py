"""Hallucination rules for code: calls of functions, methods and arguments that do not exist."""

import ast
import builtins
import re
from collections.abc import Iterator
from random import Random

from seapo.inject.code_sites import Source, expressions
from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.passage import Passage
from seapo.records import Edit

_METHODS = {
    "append": "add push append_item",
    "extend": "append_all add_all push_all",
    "lower": "to_lower lowercase",
    "upper": "to_upper uppercase",
    "split": "divide split_on to_parts",
    "join": "concat join_all glue",
    "strip": "trim clean strip_all",
    "replace": "replace_all substitute swap",
    "get": "get_or fetch lookup",
    "items": "entries pairs to_pairs",
    "keys": "key_list names",
    "values": "value_list contents",
    "count": "count_of occurrences tally",
    "index": "index_of position find_index",
    "find": "find_first index_of locate",
    "rfind": "find_last last_index",
    "sort": "sort_by order sort_in_place",
    "reverse": "flip invert_order",
    "pop": "remove_last take pull",
    "insert": "insert_at add_at",
    "remove": "delete discard_value remove_first",
    "update": "merge put_all",
    "startswith": "has_prefix begins_with",
    "endswith": "has_suffix ends_with",
    "isdigit": "is_number is_digits",
    "isalpha": "is_letters is_word",
    "title": "to_title title_case",
    "copy": "clone duplicate",
    "add": "put insert_value include",
    "format": "fill format_with",
    "read": "read_text slurp",
    "write": "write_text emit",
    "popleft": "shift pop_first",
    "setdefault": "get_or_set ensure",
    "zfill": "pad_zeros pad_left",
    "splitlines": "lines to_lines",
    "capitalize": "capital_first to_capital",
    "most_common": "top largest",
    "sqrt": "square_root root",
    "floor": "round_down",
    "ceil": "round_up",
    "randint": "random_int rand_range",
    "loads": "parse from_string",
    "dumps": "stringify to_string",
    "sub": "replace_all",
    "findall": "match_all all_matches",
}
"""Methods and module functions -> names that other languages have, and Python has not."""
_FUNCTIONS = {
    "len": "length size len_of",
    "sum": "total sum_of",
    "max": "maximum largest",
    "min": "minimum smallest",
    "sorted": "sort order_by sort_list",
    "enumerate": "indexed with_index each_with_index",
    "range": "range_of upto span",
    "zip": "pair_up zip_with pairs",
    "reversed": "backwards reverse_of",
    "abs": "absolute magnitude",
    "round": "round_to nearest",
    "int": "integer parse_int to_int",
    "str": "string to_string",
    "list": "to_list array",
    "set": "unique to_set distinct",
    "any": "some any_of",
    "all": "every all_of",
    "float": "to_float parse_float",
    "map": "map_each transform",
    "filter": "select where keep",
    "isinstance": "is_type instance_of",
    "print": "println echo",
    "dict": "mapping to_dict",
    "tuple": "to_tuple pack",
    "divmod": "div_rem",
    "ord": "char_code",
    "chr": "from_code",
    "input": "read_line",
    "open": "open_file",
}
_AS_METHODS = {
    "len": "length size count_all",
    "sorted": "sorted to_sorted",
    "str": "to_string",
    "int": "to_int",
    "abs": "abs",
    "set": "unique to_set",
    "sum": "sum total",
    "list": "to_list",
    "reversed": "reversed",
    "max": "max",
    "min": "min",
}
"""Functions of one argument -> the method that a reader might expect on it: `len(x)` -> `x.length()`."""
_ARGUMENTS = {
    "key": "by order_by",
    "reverse": "descending desc",
    "default": "fallback otherwise",
    "sep": "separator delimiter",
    "end": "ending",
    "start": "start_at offset",
    "maxsplit": "limit",
    "encoding": "charset",
    "indent": "indentation",
    "strict": "exact",
}
_IMPORTS = {
    "itertools": "pairs_of windowed flatten interleave",
    "functools": "memoize once compose curry",
    "math": "clamp sign average mean_of",
    "collections": "MultiMap OrderedSet FrozenDict Bag",
    "string": "slugify strip_accents vowels capital",
    "typing": "Number Maybe Result",
    "operator": "increment between negate_all",
    "statistics": "average percentile spread",
    "random": "pick shuffled coin",
    "re": "match_all replace_all capture",
    "time": "now stopwatch today",
    "os": "read_file list_files home",
}
"""Modules of the standard library -> what they do not hold."""
_LATER_WORDS = ("all", "each", "by_value", "with_default", "in_order", "fast", "items", "checked")
_CALL_IN_TEXT = re.compile(r"(?<=`)(?:[\w.]+\.)?(?P<name>[A-Za-z_]\w{2,})(?=\([^`\n]*\)`)")
_CALL_IN_CODE = re.compile(r"(?<=[\w)\]]\.)(?P<name>[a-z]\w{3,})(?=\()")
_OTHER_LANGUAGES = re.compile(
    r"^```(?:javascript|js|typescript|ts|jsx|tsx|java|c|cpp|c\+\+|csharp|cs|c#|go|rust|php|swift|kotlin|ruby|"
    r"scala|dart|r)\s*\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_CAMEL_TAILS = (
    "All",
    "Safe",
    "Each",
    "ByKey",
    "OrDefault",
    "Sync",
    "Deep",
    "WithIndex",
    "Fast",
    "Strict",
    "InPlace",
    "Chain",
)


def invented_calls(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A function, method or keyword argument of Python becomes one that does not exist."""
    for region in shuffled(rng, passage.python):
        source = Source(region)
        found = [*_renamed_methods(source, rng), *_renamed_functions(source, rng), *_renamed_arguments(source, rng)]
        for edits in shuffled(rng, found):
            if source.changes_program(edits):
                yield Draft("invented_api", edits)


def invented_imports(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Code that calls nothing begins by importing something that its module does not hold."""
    for region in passage.python:
        source = Source(region)
        has_calls = any(_renamed_methods(source, rng)) or any(_renamed_functions(source, rng))
        if not has_calls and re.search(r"^(?:from|import) |^#", region.code, re.MULTILINE) is None:
            module, names = rng.choice(sorted(_IMPORTS.items()))
            line = f"from {module} import {rng.choice(names.split())}\n\n"
            yield draft("invented_api", passage.text, [replace(passage.text, region.start, region.start, line)])


def invented_calls_elsewhere(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A call in `inline code`, or in a block of another language, gets a name that its library does not have."""
    matches = list(_CALL_IN_TEXT.finditer(passage.text))
    for block in _OTHER_LANGUAGES.finditer(passage.text):
        matches += _CALL_IN_CODE.finditer(passage.text, *block.span("code"))
    for match in shuffled(rng, matches):
        name = match["name"]
        is_own = re.search(
            rf"\b(?:def|function|func|void|int|public|private|static|fn) +(?:\w+ +)?{name}\b", passage.text
        )
        if is_own is None:
            other = _other_name(name, rng)
            is_snake = "_" in name or bool(passage.python)
            spelled = other if is_snake else _in_camel_case(other)
            yield draft("invented_api", passage.text, [replace(passage.text, *match.span("name"), spelled)])


def _renamed_methods(source: Source, rng: Random) -> Iterator[tuple[Edit, ...]]:
    own = {function.name for function in source.functions}
    for node in expressions(source, ast.Call):
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr not in own:
            name, end = node.func.attr, source.span(node.func)[1]
            yield (source.edit(end - len(name), end, _other_name(name, rng)),)


def _renamed_functions(source: Source, rng: Random) -> Iterator[tuple[Edit, ...]]:
    used = {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)} | {f.name for f in source.functions}
    for node in expressions(source, ast.Call):
        assert isinstance(node, ast.Call)
        if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS:
            continue
        name = node.func.id
        others = [other for other in _FUNCTIONS[name].split() if other not in used and not hasattr(builtins, other)]
        if others:
            yield (source.edit(*source.span(node.func), rng.choice(others)),)
        if name in _AS_METHODS and len(node.args) == 1 and isinstance(node.args[0], ast.Name) and not node.keywords:
            method = rng.choice(_AS_METHODS[name].split())
            yield (source.edit(*source.span(node), f"{source.text(node.args[0])}.{method}()"),)


def _renamed_arguments(source: Source, rng: Random) -> Iterator[tuple[Edit, ...]]:
    own = {a.arg for f in source.functions for a in [*f.args.args, *f.args.kwonlyargs]}
    for node in expressions(source, ast.Call):
        assert isinstance(node, ast.Call)
        for word in node.keywords:
            if word.arg in _ARGUMENTS and word.arg not in own:
                start = source.offset(word.lineno, word.col_offset)
                yield (source.edit(start, start + len(word.arg), rng.choice(_ARGUMENTS[word.arg].split())),)


def _other_name(name: str, rng: Random) -> str:
    """A name that could be there: another language's, or the name with a part more, in the same style."""
    if name in _METHODS and rng.random() < 0.8:
        return rng.choice(_METHODS[name].split())
    if "_" in name or name.islower():
        return f"{name}_{rng.choice(_LATER_WORDS)}"
    return name + rng.choice(_CAMEL_TAILS)


def _in_camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
