"""Errors of the HTTP clients when servers and connections fail."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest
from fixtures.clients import (
    EACH_PROVIDER,
    EACH_SSE_PROVIDER,
    HI,
    KEY,
    REQUEST,
    Config,
    assert_no_vendor_details,
    batches_of,
    client_and_server,
    collect_deltas,
)
from servers.loopback import Exchange, Respond, answers, begins

from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.deltas import AnswerEnded, Delta, TextDelta
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    IncompleteAnswer,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings


def failure(config: Config, respond: Respond, streaming: bool = True, **more: Any) -> ProviderError:
    """The error of a request, which is sent exactly once."""

    async def main() -> int:
        async with client_and_server(config, respond, **more) as (client, server):
            with pytest.raises(ProviderError) as raised:
                await (collect_deltas(client) if streaming else client.complete(REQUEST))
            errors.append(raised.value)
            return len(server.received)

    errors: list[ProviderError] = []
    assert asyncio.run(main()) == 1
    assert_no_vendor_details(errors[0])
    return errors[0]


async def drop_connection(exchange: Exchange) -> None:
    await exchange.drop()


async def send_garbage(exchange: Exchange) -> None:
    exchange.writer.write(b"this is not HTTP\r\n\r\n")
    await exchange.hang()


@EACH_PROVIDER
@pytest.mark.parametrize("then", [Exchange.drop, Exchange.end_body])
def test_a_stream_that_ends_early_is_incomplete_and_its_deltas_are_yielded(
    config: Config, stream: bytes, then: Respond
) -> None:
    batches: list[Sequence[Delta]] = []
    batch_read = asyncio.Event()

    async def wait_and_stop(exchange: Exchange) -> None:
        await batch_read.wait()
        await then(exchange)

    async def main() -> None:
        async with client_and_server(config, begins(stream[: len(stream) * 3 // 4], wait_and_stop)) as (client, _):
            async for deltas in batches_of(client):
                batches.append(deltas)
                batch_read.set()

    with pytest.raises(IncompleteAnswer) as raised:
        asyncio.run(main())

    assert_no_vendor_details(raised.value)
    assert any(isinstance(delta, TextDelta) for deltas in batches for delta in deltas)


@EACH_PROVIDER
@pytest.mark.parametrize("then", [Exchange.drop, Exchange.end_body])
def test_a_truncated_whole_answer_is_incomplete(config: Config, stream: bytes, then: Respond) -> None:
    del stream
    error = failure(config, begins(b'{"id":"a","model":"m","cont', then), streaming=False)

    assert type(error) is IncompleteAnswer


@EACH_PROVIDER
@pytest.mark.parametrize("streaming", [True, False])
def test_a_timeout_before_the_answer_is_unavailable(config: Config, stream: bytes, streaming: bool) -> None:
    del stream
    error = failure(config, Exchange.hang, streaming, idle_timeout_s=0.05)

    assert type(error) is ProviderUnavailable
    assert error.retryable


@EACH_PROVIDER
@pytest.mark.parametrize("streaming", [True, False])
def test_a_timeout_within_the_answer_is_incomplete(config: Config, stream: bytes, streaming: bool) -> None:
    error = failure(config, begins(stream[:100], Exchange.hang), streaming, idle_timeout_s=0.05)

    assert type(error) is IncompleteAnswer


@EACH_PROVIDER
@pytest.mark.parametrize("respond", [drop_connection, send_garbage])
def test_a_connection_without_an_http_answer_is_unavailable(config: Config, stream: bytes, respond: Respond) -> None:
    del stream

    assert type(failure(config, respond)) is ProviderUnavailable


@EACH_PROVIDER
def test_a_refused_connection_is_unavailable_and_the_error_says_so(config: Config, stream: bytes) -> None:
    del stream

    async def main() -> None:
        async with client_and_server(config, drop_connection) as (_, server):
            url = server.url
        client = open_client(config(url))
        try:
            await collect_deltas(client)
        finally:
            await client.aclose()

    with pytest.raises(ProviderUnavailable, match="Connect call failed") as raised:
        asyncio.run(main())
    assert_no_vendor_details(raised.value)


@EACH_PROVIDER
def test_a_rejected_request_has_its_retry_delay_and_is_not_retried_by_the_sdk(config: Config, stream: bytes) -> None:
    del stream
    busy = answers(b'{"error":{"message":"slow down"}}', 429, retry_after="7", content_type="application/json")

    error = failure(config, busy)

    assert type(error) is RateLimited
    assert (error.message, error.status, error.retry_after_s) == ("slow down", 429, 7.0)


@EACH_SSE_PROVIDER
@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (f'{{"error":{{"message":"wrong key {KEY}","type":"t","code":"{KEY}"}}}}', 401, AuthenticationFailed),
        (f'{{"error":{{"message":"{"x" * 490} {KEY}"}}}}', 401, AuthenticationFailed),
        (f"data: {KEY}\n\n", 200, ProtocolError),
        (f'data: {{"type":"error","error":{{"message":"{KEY}","type":"t"}}}}\n\n', 200, ProviderUnavailable),
    ],
    ids=["rejected", "truncated", "not json", "in the stream"],
)
def test_a_key_that_the_server_repeats_is_removed_from_the_error(
    config: Config, stream: bytes, body: str, status: int, kind: type[ProviderError]
) -> None:
    del stream
    error = failure(config, answers(body.encode(), status))

    assert type(error) is kind
    assert "***" in error.message


@EACH_PROVIDER
def test_a_key_is_removed_from_the_error_of_a_whole_answer(config: Config, stream: bytes) -> None:
    del stream
    error = failure(config, answers(f"<html>{KEY}</html>".encode()), streaming=False)

    assert type(error) is ProtocolError


@EACH_PROVIDER
def test_text_without_a_utf_8_form_is_rejected_before_sending(config: Config, stream: bytes) -> None:
    del stream
    lone_surrogate = Message(role=Role.USER, content=(Text("half a bird: \ud83d"),), turn=1)

    async def main() -> int:
        async with client_and_server(config, drop_connection) as (client, server):
            with pytest.raises(InvalidRequest):
                await collect_deltas(client, Request(1, (HI, lone_surrogate), Settings()))
            with pytest.raises(InvalidRequest):
                await client.complete(Request(1, (HI, lone_surrogate), Settings()))
            return server.connections

    assert asyncio.run(main()) == 0


@EACH_PROVIDER
def test_the_idle_timeout_does_not_run_while_nobody_reads(config: Config, stream: bytes) -> None:
    resumed = asyncio.Event()

    async def respond(exchange: Exchange) -> None:
        await exchange.send_head()
        await exchange.send_chunk(stream[: len(stream) // 2])
        await resumed.wait()
        await exchange.send_chunk(stream[len(stream) // 2 :])
        await exchange.end_body()

    async def main() -> Delta:
        async with (
            client_and_server(config, respond, idle_timeout_s=0.05) as (client, _),
            aclosing(batches_of(client)) as answer,
        ):
            assert await anext(answer)
            asyncio.get_running_loop().call_later(0.2, resumed.set)  # four times the idle timeout
            await resumed.wait()
            return [delta async for deltas in answer for delta in deltas][-1]

    assert isinstance(asyncio.run(main()), AnswerEnded)
