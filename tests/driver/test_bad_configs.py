"""Invalid configs and ids: the field is named, and no session or id is left behind."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from fixtures.rejections import ECHO, rejected, scripted, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, MissingKey, SessionExists, UnknownProvider, UnknownSession
from rayconteur.providers import ProviderConfig
from rayconteur.scripted import Fail, Script


def untyped_config(**fields: object) -> rc.SessionConfig:
    """A config as a program without type checks builds it."""
    return rc.SessionConfig(**{"provider": rc.Scripted(), **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (lambda: untyped_config(temperature=3), "config.temperature"),
        (lambda: untyped_config(temperature=math.nan), "config.temperature"),
        (lambda: untyped_config(max_output_tokens=0), "config.max_output_tokens"),
        (lambda: untyped_config(max_output_tokens=2**70), "config.max_output_tokens"),
        (lambda: untyped_config(system=7), "config.system"),
        (lambda: untyped_config(system="\ud800"), "config.system"),
        (lambda: untyped_config(when_busy="wait"), "config.when_busy"),
        (lambda: untyped_config(limits=rc.Limits(message_bytes=-1)), "limits.message_bytes"),
        (lambda: untyped_config(tools=(rc.Tool(name="look", input_schema={"at": object()}),)), "config.tools"),
        (lambda: untyped_config(provider=rc.Scripted(script=Script(tokens_per_s=0))), "script.tokens_per_s"),
        (lambda: scripted((Fail(code="bad luck"),)), "fail.code"),
        (rc.Scripted, "config"),
    ],
)
def test_an_invalid_config_is_rejected_and_its_field_named(
    runtime: blocking.Runtime, config: Callable[[], rc.SessionConfig], field: str
) -> None:
    with rejected(InvalidConfig, field):
        runtime.spawn(config(), "invalid")

    assert still_answers(runtime.spawn(ECHO, "invalid"))
    runtime.session("invalid").close()


@pytest.mark.parametrize("provider", ["claude", None, rc.Scripted])
def test_an_unknown_provider_is_rejected_with_the_names_of_the_known_ones(
    runtime: blocking.Runtime, provider: object
) -> None:
    with rejected(UnknownProvider, "Anthropic"):
        runtime.spawn(untyped_config(provider=provider))


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        (rc.Anthropic(model="claude-sonnet-4-5"), "ANTHROPIC_API_KEY"),
        (rc.OpenAI(model="gpt-5"), "OPENAI_API_KEY"),
        (rc.AzureOpenAI(deployment="mine", resource="us"), "AZURE_OPENAI_API_KEY"),
    ],
)
def test_a_missing_key_is_named_when_the_session_is_spawned(
    runtime: blocking.Runtime, monkeypatch: pytest.MonkeyPatch, provider: ProviderConfig, variable: str
) -> None:
    monkeypatch.delenv(variable, raising=False)

    with rejected(MissingKey, variable, "api_key"):
        runtime.spawn(rc.SessionConfig(provider=provider))


def test_a_rejected_config_leaves_the_id_of_a_dedicated_session_free(runtime: blocking.Runtime) -> None:
    with rejected(InvalidConfig):
        runtime.spawn(scripted((Fail(code="bad luck"),)), "alone", rc.Dedicated())

    assert still_answers(runtime.spawn(ECHO, "alone", rc.Dedicated()))


@pytest.mark.parametrize("session_id", ["", "a b", "../a", "x" * 129, "ä", "-a", "a\n", 7])
def test_an_invalid_id_is_rejected(runtime: blocking.Runtime, session_id: str) -> None:
    with rejected(InvalidConfig, "session_id", repr(session_id)[:100]):  # a long one is cut
        runtime.spawn(ECHO, session_id)


def test_a_second_session_with_the_same_id_is_rejected_and_the_first_is_not_affected(runtime: blocking.Runtime) -> None:
    first = runtime.spawn(ECHO, "twin")

    with rejected(SessionExists, "twin", "attach"):
        runtime.spawn(ECHO, "twin")
    with rejected(SessionExists, "twin"):
        runtime.spawn(ECHO, "twin", rc.Dedicated())

    assert still_answers(first)
    assert still_answers(runtime.session("twin"))


def test_spawning_many_with_a_taken_id_starts_none(runtime: blocking.Runtime) -> None:
    runtime.spawn(ECHO, "taken")

    with rejected(SessionExists, "taken"):
        runtime.spawn_many(ECHO, ["free-1", "taken", "free-2"])
    with rejected(SessionExists, "double"):
        runtime.spawn_many(ECHO, ["double", "double"])

    assert still_answers(runtime.spawn(ECHO, "free-1"))
    assert still_answers(runtime.spawn(ECHO, "double"))


@pytest.mark.parametrize("ids", [-1, "abc"])
def test_ids_that_are_neither_a_list_nor_a_count_are_rejected(runtime: blocking.Runtime, ids: int | str) -> None:
    with rejected(InvalidConfig, "ids"):
        runtime.spawn_many(ECHO, ids)


@pytest.mark.parametrize(
    ("warm", "problem"),
    [
        (-1, "0 or more"),
        ({"openai": -1}, "0 or more"),
        ({"openai": "2"}, "0 or more"),
        ({"opanai": 1}, "openai"),
        ({"": 1}, "openai"),
    ],
)
def test_an_invalid_number_of_warm_actors_is_rejected(warm: Any, problem: str) -> None:
    with rejected(InvalidConfig, "warm", problem):
        rc.Runtime(warm=warm)


@pytest.mark.parametrize("session_id", ["nobody", "", "no id at all", "_directory", "_router-0"])
def test_attaching_to_an_unknown_id_is_rejected(runtime: blocking.Runtime, session_id: str) -> None:
    with rejected(UnknownSession, repr(session_id)):
        runtime.session(session_id)
