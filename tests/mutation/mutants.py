"""Mutants: single small faults in the source of a module, and a reproducible sample of them."""

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import msgspec


class Mutant(msgspec.Struct, frozen=True):
    """A fault in the *module*: the *operator* changed *line*, whose text was *before* and is *after*.

    *code* is the source of the module with it.
    """

    module: str
    operator: str
    line: int
    before: str
    after: str
    code: str

    @property
    def is_valid(self) -> bool:
        """True if Python compiles it without a warning: ``is 1`` is usually the same as ``== 1``."""
        try:
            with warnings.catch_warnings(action="error"):
                compile(self.code, self.module, "exec")
        except (SyntaxError, SyntaxWarning):
            return False
        return True


_UNUSABLE = ("core/ExceptionReplacer",)
"""Operators of Cosmic Ray 8.7 that fail: for the name of an exception in a module, as in ``except struct.error``."""


class _Site(msgspec.Struct, frozen=True):
    """A place in *path* that an *operator* of Cosmic Ray can change, as its *occurrence* there."""

    path: Path
    operator: str
    occurrence: int
    start: tuple[int, int]


def sample(root: Path, folders: Iterable[str], number: int, seed: int, module: str = "") -> list[Mutant]:
    """*number* mutants of the modules in *folders*, at different places. The same *seed* gives the same ones.

    Places are chosen first, then what is changed there: a comparison has eight variants, a keyword argument one.
    """
    places: dict[tuple[Path, tuple[int, int], str], list[_Site]] = defaultdict(list)
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            if path.name != "__init__.py":
                for site in _sites(path):
                    places[path, site.start, site.operator.partition("_")[0]].append(site)
    random = Random(seed)
    order = sorted(places)
    random.shuffle(order)
    mutants: list[Mutant] = []
    for place in order:
        mutant = _mutant(root, random.choice(places[place]))
        if mutant is not None and mutant.is_valid and module in mutant.module:
            mutants.append(mutant)
            if len(mutants) == number:
                break
    return mutants


def _sites(path: Path) -> Iterator[_Site]:
    source = path.read_text()
    excluded = list(_without_behavior(ast.parse(source)))
    for operator, start, occurrence in (*_places_of_cosmic_ray(path), *_own_places(source)):
        if not any(first <= start < last for first, last in excluded):
            yield _Site(path, operator, occurrence, start)


def _without_behavior(tree: ast.Module) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The spans of *tree* that only type checkers read, or that only decide how an object is stored."""
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign() | ast.arg() if node.annotation is not None:
                yield _span(node.annotation)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.returns is not None:
                yield _span(node.returns)
            case ast.ClassDef():
                yield from map(_span, node.keywords)  # frozen=True, gc=False
                yield from map(_span, node.decorator_list)
            case ast.Assign(value=ast.BinOp(op=ast.BitOr(), left=ast.Name() | ast.Attribute() | ast.BinOp())):
                yield _span(node.value)  # a union of types
            case _:
                pass


def _span(node: ast.expr | ast.keyword) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def _places_of_cosmic_ray(path: Path) -> Iterator[tuple[str, tuple[int, int], int]]:
    plugins: Any = import_module("cosmic_ray.plugins")
    trees: Any = import_module("cosmic_ray.ast")
    nodes = list(trees.ast_nodes(trees.get_ast_from_path(path)))
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if operator.arguments() or name in _UNUSABLE:
            continue
        found = (start for node in nodes for start, _ in operator().mutation_positions(node))
        for occurrence, start in enumerate(found):
            yield name.removeprefix("core/"), start, occurrence


def _own_nodes(source: str) -> Iterator[tuple[str, ast.stmt | ast.keyword, str]]:
    """What Cosmic Ray leaves alone: keyword arguments and statements with an effect, and what takes their place."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call():
                yield from (("DropKeywordArgument", keyword, "**{}") for keyword in node.keywords if keyword.arg)
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign():
                yield "DropStatement", node, "pass"
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
                yield "DropStatement", node, "pass"
            case _:
                pass


def _own_places(source: str) -> Iterator[tuple[str, tuple[int, int], int]]:
    for occurrence, (name, node, _) in enumerate(_own_nodes(source)):
        yield name, (node.lineno, node.col_offset), occurrence


def _mutant(root: Path, site: _Site) -> Mutant | None:
    source = site.path.read_text()
    code = _changed(source, site)
    if code is None:
        return None
    changes = [
        (line, before, after)
        for line, (before, after) in enumerate(zip(source.splitlines(), code.splitlines(), strict=False), 1)
        if before != after
    ]
    if not changes:
        return None
    line, before, after = changes[0]
    module = ".".join(("rayconteur", *site.path.relative_to(root).with_suffix("").parts))
    return Mutant(module, site.operator, line, before.strip(), after.strip(), code)


def _changed(source: str, site: _Site) -> str | None:
    if site.operator.startswith("Drop"):
        _, node, replacement = list(_own_nodes(source))[site.occurrence]
        lines = source.encode().splitlines(keepends=True)
        starts = [sum(map(len, lines[: number - 1])) for number in (node.lineno, node.end_lineno or 0)]
        start, end = starts[0] + node.col_offset, starts[1] + (node.end_col_offset or 0)
        data = source.encode()
        gap = b"\n" * data[start:end].count(b"\n") if site.operator == "DropStatement" else b""  # lines keep numbers
        return (data[:start] + replacement.encode() + gap + data[end:]).decode()
    plugins: Any = import_module("cosmic_ray.plugins")
    mutating: Any = import_module("cosmic_ray.mutating")
    operator = plugins.get_operator(f"core/{site.operator}")
    code: str | None = mutating.mutate_code(source, operator(), site.occurrence)
    return code
