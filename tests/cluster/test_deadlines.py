"""Every wait of a program for another process has a deadline."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

ENDLESS = {
    ("runtime/cluster/ray_calls.py", "result_within"): "it has the deadline",
    ("runtime/cluster/refs.py", "call_while_alive"): "asks meanwhile whether the actor responds",
    ("runtime/cluster/refs.py", "_respond_or_finish"): "is waited for with a deadline",
    ("runtime/cluster/shipping.py", "read_pages"): "in the actor; its caller asks whether that responds",
    ("runtime/cluster/directory/namespace_actors.py", "report_of"): "in the directory: nobody waits for more than 3 s",
    ("runtime/cluster/directory/namespace_actors.py", "wait_exit"): "in the directory: it waits for the end",
    ("runtime/cluster/directory/namespace_actors.py", "drain_host"): "in the directory: nobody waits for it",
    ("runtime/cluster/nodes/node_versions.py", "_find_version"): "has a timeout",
    ("runtime/driver/shutdown.py", "drain"): "is cancelled at the deadline",
}
"""The functions that await a Ray call without a deadline of their own, and why nobody waits for them without end."""


def functions(tree: ast.AST) -> Iterator[ast.AsyncFunctionDef]:
    """All coroutine functions."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef))


def own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of *function*, without those of functions in it."""
    pending: list[ast.AST] = [*function.body]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def called_name(node: ast.AST) -> str:
    """The name of the function or method that *node* calls."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
        case _:
            return ""


def sources() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("runtime/driver", "runtime/events", "runtime/cluster", "cli"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def test_ray_calls_are_awaited_with_a_deadline() -> None:
    endless = {
        (path, function.name)
        for path, tree in sources()
        for function in functions(tree)
        if any(called_name(node) == "result_of" for node in own_nodes(function))
    }

    assert endless == ENDLESS.keys()


def test_no_ray_call_is_awaited_by_itself() -> None:
    """Only as the argument of what has a deadline."""
    alone = [
        f"{path}: {function.name}"
        for path, tree in sources()
        for function in functions(tree)
        for node in own_nodes(function)
        if isinstance(node, ast.Await) and called_name(node.value) == "remote"
    ]

    assert alone == ["runtime/cluster/router_actor.py: _ask_directory"]


def test_no_program_waits_for_ray_by_itself() -> None:
    blocking = [
        f"{path}:{node.lineno}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"ray.get", "ray.wait"}
    ]

    assert blocking == []
