"""The calls of the package that block their thread until Ray's control service (GCS) answers."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from checkers.imports import syntax_nodes

_OF_RAY = {
    *("actor_table", "get_actor", "list_named_actors", "ray.nodes", "drain_node"),
    *("_internal_kv_put", "_internal_kv_get", "_internal_kv_del"),
}
"""What of Ray does."""


def threads_without_deadline(files: Sequence[Path]) -> Iterator[str]:
    """Where *files* call ``to_thread`` with a function that blocks so, or one that calls such a function."""
    blocking = _blocking(files)
    for file in files:
        for node in syntax_nodes(file):
            if isinstance(node, ast.Call) and "to_thread" in _names(node.func) and blocking & _names(node):
                yield f"{file}:{node.lineno}"


def _blocking(files: Sequence[Path]) -> set[str]:
    named = {
        node.name: _names(node) for file in files for node in syntax_nodes(file) if isinstance(node, ast.FunctionDef)
    }
    blocking = set(_OF_RAY)
    while more := {name for name, used in named.items() if used & blocking} - blocking:
        blocking |= more
    return blocking


def _names(tree: ast.AST) -> set[str]:
    """The names of functions in *tree*: of attributes the last part, and all of it."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return names | {node.attr for node in attributes} | {ast.unparse(node) for node in attributes}
