"""The imports of the repository's files, and the cycles among them."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def syntax_tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def syntax_nodes(file: Path) -> tuple[ast.AST, ...]:
    """All nodes of the tree of *file*."""
    return tuple(ast.walk(syntax_tree(file)))


@cache
def _is_module(path: str) -> bool:
    return (ROOT / f"{path}.py").is_file() or (ROOT / path / "__init__.py").is_file()


def own_imports(file: Path, nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The files of this repository that *nodes* of *file* import, as paths without ``.py``."""
    folder = file.relative_to(ROOT).parts[:-1]
    for node in nodes:
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = [*folder[: len(folder) - node.level + 1], *(node.module or "").split(".")]
        elif node.module and node.module.partition(".")[0] == "rayconteur":
            base = node.module.split(".")[1:]
        else:
            continue
        package = "/".join(part for part in base if part)
        for alias in node.names:
            submodule = f"{package}/{alias.name}".strip("/")
            yield submodule if _is_module(submodule) else package


def third_party_imports(file: Path) -> Iterator[str]:
    """The top-level modules that *file* imports by absolute names, the standard library included."""
    for node in syntax_nodes(file):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case _:
                pass


def import_cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of files that import each other in a cycle: Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = lowest[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in stack:
                lowest[node] = min(lowest[node], index[target])
        if lowest[node] == index[node]:
            start = stack.index(node)
            component = stack[start:]
            del stack[start:]
            if len(component) > 1:
                cycles.append(sorted(component))

    for node in graph:
        if node not in index:
            visit(node)
    return cycles
