"""A session actor logs as the program that starts it does: JSON lines, if that writes some."""

import logging
from collections.abc import Iterator
from typing import Any, cast

import pytest
import ray
from fixtures.named_actors import host_name

import rayconteur as rc
from rayconteur import blocking
from rayconteur.runtime import JSONFormatter

LOG = logging.getLogger("rayconteur")


@pytest.fixture
def json_lines() -> Iterator[None]:
    """This process writes JSON lines from INFO on."""
    handler = logging.NullHandler()
    handler.setFormatter(JSONFormatter())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    yield
    LOG.removeHandler(handler)
    LOG.setLevel(logging.NOTSET)


@pytest.mark.usefixtures("json_lines")
def test_an_actor_of_a_program_that_writes_json_lines_writes_some_from_the_same_level_on(
    joining: rc.RuntimeOptions,
) -> None:
    def level_and_formatter(_: object) -> tuple[int, str]:
        """It is pickled by value, and a logger by its name: this one is the actor's own."""
        return LOG.level, type(LOG.handlers[0].formatter).__name__

    with blocking.Runtime(placement=rc.Packed(), options=joining) as runtime:
        session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))
        actor = cast(Any, ray.get_actor(host_name(session.id, joining.namespace), joining.namespace))
        found = ray.get(actor.__ray_call__.remote(level_and_formatter))

    assert found == (logging.INFO, "JSONFormatter")
