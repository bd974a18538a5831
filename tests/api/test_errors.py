"""The errors of sessions: one tree, drawn at the top of its file, and each crosses processes whole."""

import pickle
from collections.abc import Iterator

import pytest

from rayconteur.providers.schema.errors import RayconteurError
from rayconteur.runtime.api import errors
from rayconteur.runtime.api.errors import TurnFailed

ALL: list[type[RayconteurError]] = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, RayconteurError) and error.__module__ == errors.__name__
]


def drawn(picture: str) -> Iterator[tuple[str, str]]:
    """Each error of a drawn tree with the one it stands under."""
    above: list[tuple[int, str]] = []
    for line in filter(str.strip, picture.splitlines()):
        depth, name = len(line) - len(line.lstrip()), line.split()[0]
        if name.isidentifier() and name[0].isupper() and (depth == 0 or above):
            above = [(d, n) for d, n in above if d < depth]
            if above:
                yield name, above[-1][1]
            above.append((depth, name))


def test_the_drawn_tree_matches_the_classes() -> None:
    [_, tree] = (errors.__doc__ or "").split("\n\n", 1)

    assert dict(drawn(tree)) == {error.__name__: error.__bases__[0].__name__ for error in ALL}


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_every_error_has_a_code_that_no_other_has(error: type[RayconteurError]) -> None:
    assert "code" in vars(error)
    assert sum(other.code == error.code for other in ALL) == 1


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_every_error_survives_pickling(error: type[RayconteurError]) -> None:
    raised = error("what to do")

    arrived = pickle.loads(pickle.dumps(raised))

    assert type(arrived) is error
    assert (str(arrived), arrived.message) == ("what to do", "what to do")
    assert vars(arrived) == vars(raised)


def test_turn_failed_keeps_its_fields_when_pickled() -> None:
    raised = TurnFailed("too much to do", "overloaded", True, "half an ans")

    arrived = pickle.loads(pickle.dumps(raised))

    assert str(arrived) == "too much to do"
    assert (arrived.failure, arrived.retryable, arrived.partial_text) == ("overloaded", True, "half an ans")
