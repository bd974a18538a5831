"""Short words for tests of what is refused, over Ray and with the blocking face."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar, cast

import pytest
import ray
from ray.exceptions import RayActorError

import rayconteur as rc
from rayconteur import blocking
from rayconteur.runtime.cluster.actor import SessionActorHandle
from rayconteur.runtime.cluster.calls import kill as end_process

Error = TypeVar("Error", bound=rc.RayconteurError)

ECHO = rc.SessionConfig(provider=rc.Scripted())


@contextmanager
def refused(error: type[Error], *says: str) -> Generator[pytest.ExceptionInfo[Error]]:
    """What happens inside is refused with *error* and no other, and its message says all that."""
    with pytest.raises(error) as caught:
        yield caught
    assert caught.type is error
    for words in says:
        assert words in str(caught.value)


def still_answers(session: blocking.SessionHandle) -> bool:
    """Whether *session*, which echoes, does."""
    return session.ask("are you there?").answer().text == "are you there?"


def scripted(*answers: tuple[rc.Step, ...]) -> rc.SessionConfig:
    """A session that answers with *answers*, one after the other."""
    return rc.SessionConfig(provider=rc.Scripted(script=rc.Script(answers=answers)))


def kill(session: blocking.SessionHandle, namespace: str) -> None:
    """Kill the actor of a dedicated session, and wait until it is dead."""
    kill_host(session.id, namespace)


def kill_host(name: str, namespace: str) -> None:
    """The same of the session actor of that name."""
    actor = cast(SessionActorHandle, ray.get_actor(name, namespace))
    farewell = actor.farewell.remote()
    end_process(actor)
    with pytest.raises(RayActorError):
        ray.get(farewell)
