"""Requests over connections that the server closes between two requests, or when the second one arrives."""

import asyncio
from collections.abc import Callable

import pytest
from builders.eventstream import THINKS_AND_CALLS
from fixtures.aws.signatures import KEY_ID, SECRET, assert_signed
from fixtures.clients import (
    CHAT,
    COHERE,
    GEMINI,
    HI,
    MESSAGES,
    REQUEST,
    RESPONSES,
    Config,
    anthropic,
    azure,
    bedrock,
    client_and_server,
    cohere,
    collect_deltas,
    google,
    openai,
    responses,
)
from servers.loopback import Exchange, Loopback, Respond, abort, answers, in_turn, reset

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.auth.aws_config import AWSAuth
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.client import Client
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.errors import ProviderUnavailable
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings

WHOLE_MESSAGE = b"""{"type":"message","id":"m1","role":"assistant","model":"claude-x","stop_reason":"end_turn",
"content":[{"type":"text","text":"Caw"}],"usage":{"input_tokens":1,"output_tokens":1}}"""
WHOLE_CHAT = b"""{"object":"chat.completion","id":"c1","model":"gpt-x",
"choices":[{"index":0,"message":{"role":"assistant","content":"Caw"},"finish_reason":"stop"}]}"""
WHOLE_RESPONSE = b"""{"object":"response","id":"r1","model":"gpt-x","status":"completed","output":[
{"type":"message","id":"m1","role":"assistant","content":[{"type":"output_text","text":"Caw","annotations":[]}]}]}"""
WHOLE_GEMINI = b"""{"candidates":[{"content":{"role":"model","parts":[{"text":"Caw"}]},"finishReason":"STOP"}]}"""
WHOLE_COHERE = b"""{"id":"a1","message":{"role":"assistant","content":[{"type":"text","text":"Caw"}]},
"finish_reason":"COMPLETE"}"""
WHOLE_CONVERSE = b"""{"output":{"message":{"role":"assistant","content":[{"text":"Caw"}]}},"stopReason":"end_turn",
"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"""

_EACH = {
    "anthropic": (anthropic, MESSAGES, WHOLE_MESSAGE),
    "openai": (openai, CHAT, WHOLE_CHAT),
    "responses": (responses, RESPONSES, WHOLE_RESPONSE),
    "azure": (azure, CHAT, WHOLE_CHAT),
    "google": (google, GEMINI, WHOLE_GEMINI),
    "cohere": (cohere, COHERE, WHOLE_COHERE),
    "bedrock": (bedrock, THINKS_AND_CALLS, WHOLE_CONVERSE),
}
EACH_PROVIDER = pytest.mark.parametrize(("config", "stream", "whole"), _EACH.values(), ids=_EACH)
EITHER_WAY = pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
LONG = Request(1, (Message(role=Role.USER, content=(Text("A raven. " * 150_000),), turn=1), HI), Settings())
"""A request that is sent in pieces."""


def dropping_the_second(body: bytes, drop: Respond = Exchange.drop) -> Respond:
    """Answers with *body*, but the second request with *drop*."""
    return in_turn(answers(body), drop, answers(body))


async def answer(client: Client, streaming: bool = True, request: Request = REQUEST) -> None:
    """A request, which must be answered."""
    assert await (collect_deltas(client, request) if streaming else client.complete(request))


async def send_half_a_head(exchange: Exchange) -> None:
    exchange.writer.write(b"HTTP/1.1 2")
    await exchange.writer.drain()
    await exchange.drop()


async def send_only_a_preliminary_response(exchange: Exchange) -> None:
    exchange.writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
    await exchange.writer.drain()
    await exchange.drop()


@EACH_PROVIDER
@EITHER_WAY
@pytest.mark.parametrize("drop", [abort, reset])
def test_a_connection_closed_between_two_requests_is_replaced(
    config: Config, stream: bytes, whole: bytes, streaming: bool, drop: Callable[..., None]
) -> None:
    async def main() -> tuple[int, int]:
        async with client_and_server(config, answers(stream if streaming else whole)) as (client, server):
            for _ in range(4):  # the later ones bypass the SDK
                await answer(client, streaming)
                await server.end_connections(drop)
            return len(server.received), server.connections

    assert asyncio.run(main()) == (4, 4)


@EACH_PROVIDER
@EITHER_WAY
@pytest.mark.parametrize("drop", [Exchange.drop, Exchange.reset])
@pytest.mark.parametrize("before", [1, 3], ids=["through the SDK", "bypassing it"])
def test_a_request_is_sent_again_if_a_kept_connection_is_closed_when_it_arrives(
    config: Config, stream: bytes, whole: bytes, streaming: bool, drop: Respond, before: int
) -> None:
    normal = answers(stream if streaming else whole)
    respond = in_turn(*[normal] * before, drop, normal)

    async def main() -> None:
        async with client_and_server(config, respond) as (client, server):
            for _ in range(before + 1):
                await answer(client, streaming)

            *_, lost, answered = server.received
            assert lost == answered
            assert (len(server.received), server.connections) == (before + 2, 2)

    asyncio.run(main())


@EACH_PROVIDER
@pytest.mark.parametrize("drop", [Exchange.drop, Exchange.reset])
def test_a_large_request_is_sent_again_whole(config: Config, stream: bytes, whole: bytes, drop: Respond) -> None:
    del whole

    async def main() -> None:
        async with client_and_server(config, dropping_the_second(stream, drop)) as (client, server):
            await answer(client)
            await answer(client, request=LONG)

            _, lost, answered = server.received
            assert lost == answered
            assert len(answered.body) > 1 << 20

    asyncio.run(main())


def bedrock_signed(url: str) -> Bedrock:
    return Bedrock(
        model="claude-x", region="us-east-1", access_key_id=KEY_ID, secret_access_key=SECRET, endpoint_url=url
    )


def claude_signed(url: str) -> Anthropic:
    auth = AWSAuth(service="bedrock", region="us-east-1", access_key_id=KEY_ID, secret_access_key=SECRET)
    return Anthropic(model="claude-x", base_url=url, aws=auth).resolved({})


@pytest.mark.parametrize(
    ("config", "stream"), [(bedrock_signed, THINKS_AND_CALLS), (claude_signed, MESSAGES)], ids=["converse", "messages"]
)
@pytest.mark.parametrize("request_", [REQUEST, LONG], ids=["short", "long"])
def test_a_signed_request_is_sent_again_with_a_valid_signature(
    config: Config, stream: bytes, request_: Request
) -> None:
    async def main() -> None:
        async with client_and_server(config, dropping_the_second(stream)) as (
            client,
            server,
        ):
            await answer(client)
            await answer(client, request=request_)

            for request in server.received:
                assert_signed(request, "bedrock")
            assert len(server.received) == 3

    asyncio.run(main())


@EACH_PROVIDER
@EITHER_WAY
@pytest.mark.parametrize("drop", [Exchange.drop, Exchange.reset])
def test_a_request_is_sent_again_only_once(
    config: Config, stream: bytes, whole: bytes, streaming: bool, drop: Respond
) -> None:
    respond = in_turn(answers(stream if streaming else whole), drop)

    async def main() -> list[int]:
        counts: list[int] = []
        async with client_and_server(config, respond) as (client, server):
            await answer(client, streaming)
            for _ in range(2):
                with pytest.raises(ProviderUnavailable):
                    await answer(client, streaming)
                counts.append(len(server.received))
        return counts

    # The second failure is over a connection that was new: nothing suggests that the server meant the connection.
    assert asyncio.run(main()) == [3, 4]


@EACH_PROVIDER
@pytest.mark.parametrize("fail", [send_half_a_head, send_only_a_preliminary_response])
def test_a_request_is_not_sent_again_after_a_byte_of_the_response(
    config: Config, stream: bytes, whole: bytes, fail: Respond
) -> None:
    del whole

    async def main() -> int:
        async with client_and_server(config, in_turn(answers(stream), fail)) as (client, server):
            await answer(client)
            with pytest.raises(ProviderUnavailable):
                await answer(client)
            return len(server.received)

    assert asyncio.run(main()) == 2


@EACH_PROVIDER
@EITHER_WAY
def test_a_request_is_not_sent_again_after_the_idle_timeout(
    config: Config, stream: bytes, whole: bytes, streaming: bool
) -> None:
    respond = in_turn(answers(stream if streaming else whole), Exchange.hang)

    async def main() -> int:
        async with client_and_server(config, respond, idle_timeout_s=0.1) as (client, server):
            await answer(client, streaming)
            with pytest.raises(ProviderUnavailable):
                await answer(client, streaming)
            return len(server.received)

    assert asyncio.run(main()) == 2


@EACH_PROVIDER
def test_cancelling_a_request_that_was_sent_again_closes_its_connection(
    config: Config, stream: bytes, whole: bytes
) -> None:
    del whole
    hanging = asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        hanging.set()
        await exchange.hang()

    async def main() -> None:
        async with client_and_server(config, in_turn(answers(stream), Exchange.drop, hang)) as (client, server):
            await answer(client)
            request = asyncio.create_task(answer(client))
            await hanging.wait()
            server.closed.clear()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            async with asyncio.timeout(0.05):
                await server.closed.wait()

    asyncio.run(main())


def after_all_have_arrived(size: int, then: Respond) -> Respond:
    """Responds like *then*, but to no request before *size* of them have arrived."""
    barrier = asyncio.Barrier(size)

    async def respond(exchange: Exchange) -> None:
        await barrier.wait()
        await then(exchange)

    return respond


SESSIONS = 50


@EACH_PROVIDER
def test_all_requests_after_a_restart_of_the_server_are_answered(config: Config, stream: bytes, whole: bytes) -> None:
    del whole

    async def main() -> tuple[int, int]:
        async with Loopback(after_all_have_arrived(SESSIONS, answers(stream))) as server:
            client = open_client(config(server.url))
            await asyncio.gather(*(answer(client) for _ in range(SESSIONS)))
            assert server.connections == SESSIONS
        async with Loopback(answers(stream), port=server.port) as restarted:
            await asyncio.gather(*(answer(client) for _ in range(SESSIONS)))
            await client.aclose()
            return len(restarted.received), restarted.connections

    assert asyncio.run(main()) == (SESSIONS, SESSIONS)


@EACH_PROVIDER
def test_all_requests_are_answered_if_all_kept_connections_are_closed_when_they_arrive(
    config: Config, stream: bytes, whole: bytes
) -> None:
    del whole
    normal = answers(stream)
    in_order = in_turn(*[normal] * SESSIONS, *[Exchange.reset] * SESSIONS, normal)

    async def main() -> tuple[int, int]:
        async with client_and_server(config, after_all_have_arrived(SESSIONS, in_order)) as (client, server):
            for _ in range(2):
                await asyncio.gather(*(answer(client) for _ in range(SESSIONS)))
            return len(server.received), server.connections

    assert asyncio.run(main()) == (3 * SESSIONS, 2 * SESSIONS)
