"""Where the credentials come from that configs leave out."""

import asyncio
import os

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime.cluster.credential_source import environ_of

FUNCTIONS = "fixtures.credentials.functions"


def environ(source: str) -> dict[str, str]:
    return dict(asyncio.run(environ_of(source)))


def test_a_function_adds_to_the_environment_and_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    assert environ("env") == dict(os.environ)
    found = environ(f"{FUNCTIONS}:anthropic_key")

    assert (found["ANTHROPIC_API_KEY"], found["AWS_REGION"]) == ("sk-of-a-function", "eu-central-1")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("raises", "raised LookupError, which is the cause of this error"),
        ("unknown", "raised AttributeError, which is the cause of this error"),
        ("a_list", "must return the values of environment variables by name, not a list"),
        ("numbers", "must return the values of environment variables by name, not a dict"),
    ],
)
def test_a_function_that_gives_none_is_named_without_what_it_says(name: str, problem: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        environ(f"{FUNCTIONS}:{name}")

    assert (raised.value.field, raised.value.problem) == ("credentials", f"{FUNCTIONS}:{name} {problem}")


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidConfig, match="no_such_module:keys raised ModuleNotFoundError"):
        environ("no_such_module:keys")


@pytest.mark.parametrize("source", ["", "vault", "module:", ":function", "my-module:keys", "a.b", "a:b:c", "a:b.c"])
def test_what_names_no_function_is_refused_where_it_is_written(source: str) -> None:
    with pytest.raises(InvalidConfig, match=r"credentials: give 'env', or a function as 'module:function'"):
        rc.RuntimeOptions(credentials=source)
