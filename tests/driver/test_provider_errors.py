"""Wrong keys, unknown models, unreachable addresses: the turn fails with the reason, and the session can continue."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest
from fixtures.clients import KEY, Config, anthropic, azure, openai
from fixtures.rejections import rejected, still_answers
from servers.loopback import Loopback, answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, TurnFailed
from rayconteur.providers import Role
from rayconteur.runtime.driver.blocking.background_loop import BackgroundLoop

ANTHROPIC_401 = b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}'
ANTHROPIC_404 = b'{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}'
OPENAI_401 = b'{"error":{"message":"Incorrect API key provided: %s","code":"invalid_api_key"}}' % KEY.encode()
OPENAI_404 = b'{"error":{"message":"The model `gpt-x` does not exist","code":"model_not_found"}}'
AZURE_401 = b'{"error":{"code":"401","message":"Access denied due to invalid subscription key."}}'
AZURE_404 = b'{"error":{"code":"DeploymentNotFound","message":"The API deployment does not exist."}}'


@contextmanager
def served(status: int, body: bytes) -> Generator[Loopback]:
    """A server that gives this answer to every request."""
    loop = BackgroundLoop()
    server = loop.run(Loopback(answers(body, status)).__aenter__())
    try:
        yield server
    finally:
        loop.run(server.__aexit__())
        loop.close()


@pytest.mark.parametrize(
    ("config", "body"),
    [(anthropic, ANTHROPIC_401), (openai, OPENAI_401), (azure, AZURE_401)],
    ids=["anthropic", "openai", "azure"],
)
def test_a_wrong_key_fails_the_turn_at_once_and_does_not_appear_in_the_error(
    runtime: blocking.Runtime, config: Config, body: bytes
) -> None:
    with served(401, body) as server:
        session = runtime.spawn(rc.SessionConfig(provider=config(server.url)))
        [*_, failed] = session.ask("hi")

        assert isinstance(failed, rc.Failed)
        assert (failed.code, failed.retryable) == ("authentication_failed", False)
        assert KEY not in failed.message
        assert len(server.received) == 1
    assert continues_with_another_provider(session)


@pytest.mark.parametrize(
    ("config", "body"),
    [(anthropic, ANTHROPIC_404), (openai, OPENAI_404), (azure, AZURE_404)],
    ids=["anthropic", "openai", "azure"],
)
def test_an_unknown_model_fails_the_turn_at_once(runtime: blocking.Runtime, config: Config, body: bytes) -> None:
    with served(404, body) as server:
        session = runtime.spawn(rc.SessionConfig(provider=config(server.url)))

        with rejected(TurnFailed) as caught:
            session.ask("hi").answer()

        assert (caught.value.failure, caught.value.retryable) == ("unknown_model", False)
        assert len(server.received) == 1
    assert continues_with_another_provider(session)


@pytest.mark.parametrize("config", [anthropic, openai, azure], ids=["anthropic", "openai", "azure"])
def test_an_unreachable_address_fails_the_turn_after_the_configured_attempts(
    runtime: blocking.Runtime, config: Config
) -> None:
    retry = rc.RetryPolicy(max_attempts=3, first_delay_s=0)
    session = runtime.spawn(rc.SessionConfig(provider=config("http://127.0.0.1:1"), retry=retry))

    events = list(session.ask("hi"))

    assert [type(event) for event in events] == [rc.TurnStarted, rc.Retrying, rc.Retrying, rc.Failed]
    assert {event.code for event in events if isinstance(event, rc.Retrying | rc.Failed)} == {"unavailable"}
    assert continues_with_another_provider(session)


@pytest.mark.parametrize("config", [anthropic, openai, azure], ids=["anthropic", "openai", "azure"])
@pytest.mark.parametrize("url", ["nowhere", "ftp://somewhere", "http://", "http://somewhere:port"])
def test_an_invalid_address_is_rejected_when_the_session_is_spawned(
    runtime: blocking.Runtime, config: Config, url: str
) -> None:
    with rejected(InvalidConfig, "provider.", "http://"):
        runtime.spawn(rc.SessionConfig(provider=config(url)))


def continues_with_another_provider(session: blocking.SessionHandle) -> bool:
    """True if the user message is still in the history, and *session* answers once its provider is another one."""
    roles = [message.role for message in session.history()]
    session.configure(rc.Configure(provider=rc.Scripted()))
    return roles == [Role.USER] and still_answers(session)
