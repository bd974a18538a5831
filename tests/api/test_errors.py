"""The errors of sessions: a tree that is drawn at the top of its file, and errors that survive pickling."""

import pickle
from collections.abc import Iterator

import pytest

from rayconteur.providers.schema.errors import RayconteurError
from rayconteur.runtime.api import errors
from rayconteur.runtime.api.errors import TurnFailed

ERRORS: list[type[RayconteurError]] = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, RayconteurError) and error.__module__ == errors.__name__
]


def parents_in_drawing(drawing: str) -> Iterator[tuple[str, str]]:
    """Each error of a drawn tree with its parent."""
    ancestors: list[tuple[int, str]] = []
    for line in filter(str.strip, drawing.splitlines()):
        depth, name = len(line) - len(line.lstrip()), line.split()[0]
        if name.isidentifier() and name[0].isupper() and (depth == 0 or ancestors):
            ancestors = [(other_depth, other) for other_depth, other in ancestors if other_depth < depth]
            if ancestors:
                yield name, ancestors[-1][1]
            ancestors.append((depth, name))


def test_the_drawn_tree_matches_the_classes() -> None:
    [_, drawing] = (errors.__doc__ or "").split("\n\n", 1)

    assert dict(parents_in_drawing(drawing)) == {error.__name__: error.__bases__[0].__name__ for error in ERRORS}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_a_code_that_no_other_has(error: type[RayconteurError]) -> None:
    assert "code" in vars(error)
    assert sum(other.code == error.code for other in ERRORS) == 1


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_survives_pickling(error: type[RayconteurError]) -> None:
    raised = error("the message")

    unpickled = pickle.loads(pickle.dumps(raised))

    assert type(unpickled) is error
    assert (str(unpickled), unpickled.message) == ("the message", "the message")
    assert vars(unpickled) == vars(raised)


def test_turn_failed_keeps_its_fields_when_pickled() -> None:
    raised = TurnFailed("too much to do", "overloaded", True, "half an ans")

    unpickled = pickle.loads(pickle.dumps(raised))

    assert str(unpickled) == "too much to do"
    assert (unpickled.failure, unpickled.retryable, unpickled.partial_text) == ("overloaded", True, "half an ans")
