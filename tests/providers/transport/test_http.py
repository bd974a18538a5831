"""The HTTP clients on a real socket: their requests, connections and answers."""

import asyncio
import gzip
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from fixtures.clients import (
    CHAT,
    EACH_PROVIDER,
    HI,
    KEY,
    REQUEST,
    Config,
    anthropic,
    azure,
    batches_of,
    client_and_server,
    cohere,
    collect_deltas,
    openai,
    responses,
)
from servers.loopback import Exchange, Loopback, answers, begins

from rayconteur.providers.openai.config import AzureOpenAI
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.deltas import AnswerEnded, AnswerStarted, Delta
from rayconteur.providers.schema.errors import InvalidRequest
from rayconteur.providers.schema.rate_limits import RateLimit, RateLimits
from rayconteur.providers.schema.request import Request, Settings


@EACH_PROVIDER
def test_deltas_are_yielded_as_their_bytes_arrive(config: Config, stream: bytes) -> None:
    half = len(stream) // 2
    first_half_read = asyncio.Event()

    async def respond(exchange: Exchange) -> None:
        await exchange.send_head()
        await exchange.send_chunk(stream[:half])
        await first_half_read.wait()
        await exchange.send_chunk(stream[half:])
        await exchange.end_body()

    async def main() -> None:
        async with client_and_server(config, respond) as (client, _), aclosing(batches_of(client)) as answer:
            assert await anext(answer)
            first_half_read.set()
            assert isinstance([delta async for deltas in answer for delta in deltas][-1], AnswerEnded)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("config", "target", "header"),
    [
        (anthropic, "/v1/messages", ("authorization", f"Bearer {KEY}")),
        (openai, "/v1/chat/completions", ("authorization", f"Bearer {KEY}")),
        (responses, "/v1/responses", ("authorization", f"Bearer {KEY}")),
        (cohere, "/v2/chat", ("authorization", f"Bearer {KEY}")),
        (azure, "/openai/deployments/mine/chat/completions?api-version=2024-10-21", ("api-key", KEY)),
    ],
)
def test_a_request_has_its_url_its_key_and_a_json_body(config: Config, target: str, header: tuple[str, str]) -> None:
    async def main() -> Loopback:
        async with client_and_server(config, answers(b"", 400)) as (client, server):
            with pytest.raises(InvalidRequest):
                await client.complete(REQUEST)
            return server

    [request] = asyncio.run(main()).received

    assert (request.method, request.target) == ("POST", target)
    assert request.headers[header[0]] == header[1]
    assert request.headers["content-type"] == "application/json"
    assert msgspec.json.decode(request.body, type=dict[str, Any])["stream"] is False


def test_an_entra_token_is_sent_as_a_bearer_token() -> None:
    async def main() -> Loopback:
        async with Loopback(answers(CHAT)) as server:
            client = open_client(AzureOpenAI(deployment="mine", api="chat", ad_token=KEY, endpoint=server.url))
            await collect_deltas(client)
            await client.aclose()
            return server

    assert asyncio.run(main()).received[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(("config", "member"), [(openai, "max_tokens"), (azure, "max_completion_tokens")])
def test_compatible_servers_get_the_output_limit_under_its_old_name(config: Config, member: str) -> None:
    request = Request(1, (HI,), Settings(max_output_tokens=5))

    async def main() -> bytes:
        async with client_and_server(config, answers(CHAT)) as (client, server):
            await collect_deltas(client, request)
            return server.received[0].body

    assert msgspec.json.decode(asyncio.run(main()), type=dict[str, Any])[member] == 5


@EACH_PROVIDER
@pytest.mark.parametrize("phase", ["no answer yet", "streaming", "not streamed"])
def test_cancelling_closes_the_connection_within_50_ms(config: Config, stream: bytes, phase: str) -> None:
    responding = asyncio.Event()
    partial = stream[: len(stream) // 2]

    async def respond(exchange: Exchange) -> None:
        if phase != "no answer yet":
            await exchange.send_head()
            await exchange.send_chunk(partial)
        responding.set()
        await exchange.hang()

    async def main() -> None:
        async with client_and_server(config, respond) as (client, server):
            call = client.complete(REQUEST) if phase == "not streamed" else collect_deltas(client)
            task = asyncio.ensure_future(call)
            await responding.wait()
            assert not server.closed.is_set()

            task.cancel()

            await asyncio.wait_for(server.closed.wait(), 0.05)
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


@EACH_PROVIDER
def test_a_connection_whose_answer_ended_without_room_for_it_takes_the_next_request(
    config: Config, stream: bytes
) -> None:
    half = len(stream) // 2
    first_half_read = asyncio.Event()

    async def respond(exchange: Exchange) -> None:
        await exchange.send_head()
        await exchange.send_chunk(stream[:half])
        await first_half_read.wait()
        exchange.writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(stream) - half, stream[half:]))  # with the end

    async def main() -> int:
        async with client_and_server(config, respond) as (client, server), asyncio.timeout(10):
            for _ in range(3):
                first_half_read.clear()
                async for _batch in batches_of(client):
                    first_half_read.set()
            return server.connections

    assert asyncio.run(main()) == 1


@EACH_PROVIDER
def test_closing_the_stream_closes_the_connection(config: Config, stream: bytes) -> None:
    async def main() -> None:
        async with client_and_server(config, begins(stream[: len(stream) // 2], Exchange.hang)) as (client, server):
            async with aclosing(batches_of(client)) as answer:
                assert await anext(answer)
            await asyncio.wait_for(server.closed.wait(), 0.05)

    asyncio.run(main())


@EACH_PROVIDER
def test_a_finished_answer_leaves_its_connection_reusable(config: Config, stream: bytes) -> None:
    answer_ended = asyncio.Event()

    async def end_late(exchange: Exchange) -> None:
        await answer_ended.wait()
        await exchange.end_body()

    async def main() -> int:
        async with client_and_server(config, begins(stream, end_late)) as (client, server):
            for _ in range(5):
                answer_ended.clear()
                async for deltas in batches_of(client):
                    if isinstance(deltas[-1], AnswerEnded):
                        answer_ended.set()
            return server.connections

    assert asyncio.run(main()) == 1


@EACH_PROVIDER
def test_an_answer_ends_with_its_last_event_though_the_connection_stays_open(config: Config, stream: bytes) -> None:
    async def main() -> list[Delta]:
        async with client_and_server(config, begins(stream, Exchange.hang)) as (client, _):
            return await collect_deltas(client)

    assert isinstance(asyncio.run(main())[-1], AnswerEnded)


@EACH_PROVIDER
def test_a_compressed_answer_is_decoded(config: Config, stream: bytes) -> None:
    async def main() -> list[list[Delta]]:
        gzipped = answers(gzip.compress(stream), content_encoding="gzip")
        async with (
            client_and_server(config, answers(stream)) as (plain, _),
            client_and_server(config, gzipped) as (compressed, _),
        ):
            return [await collect_deltas(plain), await collect_deltas(compressed)]

    plain, compressed = asyncio.run(main())

    assert plain == compressed


@EACH_PROVIDER
def test_rate_limits_come_with_the_start_of_the_answer(config: Config, stream: bytes) -> None:
    async def main() -> list[Delta]:
        async with client_and_server(config, answers(stream, x_ratelimit_remaining_requests="5")) as (client, _):
            return await collect_deltas(client)

    first, *rest = asyncio.run(main())

    assert isinstance(first, AnswerStarted)
    assert first.rate_limits == RateLimits(requests=RateLimit(remaining=5))
    assert not any(isinstance(delta, AnswerStarted) for delta in rest)


@EACH_PROVIDER
def test_a_stream_is_decoded_whatever_its_content_type(config: Config, stream: bytes) -> None:
    async def main() -> list[Delta]:
        async with client_and_server(config, answers(stream, content_type="application/json")) as (client, _):
            return await collect_deltas(client)

    assert isinstance(asyncio.run(main())[-1], AnswerEnded)


@EACH_PROVIDER
def test_a_thousand_streams_run_concurrently(config: Config, stream: bytes) -> None:
    # HTTP libraries limit connections to 100; a thousand streams of one provider show that there is no limit.
    streams = 1_000 if config is openai else 150
    all_connected = asyncio.Barrier(streams)

    async def respond(exchange: Exchange) -> None:
        await all_connected.wait()
        await exchange.send_answer(stream)

    async def main() -> list[list[Delta]]:
        async with client_and_server(config, respond, connect_timeout_s=60.0) as (client, _):
            return await asyncio.gather(*(collect_deltas(client) for _ in range(streams)))

    assert all(isinstance(deltas[-1], AnswerEnded) for deltas in asyncio.run(main()))


@EACH_PROVIDER
def test_a_large_body_is_sent(config: Config, stream: bytes) -> None:
    request = Request(1, (msgspec.structs.replace(HI, content=(Text("x" * 5_000_000),)),), Settings())

    async def main() -> int:
        async with client_and_server(config, answers(stream)) as (client, server):
            await collect_deltas(client, request)
            return len(server.received[0].body)

    assert asyncio.run(main()) > 5_000_000
