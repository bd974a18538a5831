"""The member ``stream_options``, which some compatible servers do not know."""

import asyncio
from typing import Any

import msgspec
import pytest
from fixtures.clients import CHAT, Config, answer_to, azure, client_and_server, collect_deltas, openai
from fixtures.clients import HI as HELLO
from fixtures.session import running_session
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur.providers.schema.errors import InvalidRequest
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.usage import Provenance

EACH_CONFIG = pytest.mark.parametrize("config", [openai, azure])
TEXT = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"Caw."},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
REFUSALS = {
    "OpenAI": (400, '{"error":{"message":"Unknown parameter: \'stream_options\'.","param":"stream_options"}}'),
    "only the place": (400, '{"error":{"message":"Unknown parameter","type":"invalid_request_error","param":"x"}}'),
    "Azure": (400, '{"error":{"code":null,"message":"Unrecognized request argument supplied: stream_options"}}'),
    "vLLM": (
        400,
        "{\"object\":\"error\",\"message\":\"[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), "
        '\'msg\': \'Extra inputs are not permitted\'}]","type":"BadRequestError","code":400}',
    ),
    "Mistral": (
        422,
        '{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options",'
        '"include_usage"],"msg":"Extra inputs are not permitted","input":true}]},"type":"invalid_request_error"}',
    ),
    "FastAPI": (422, '{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Not permitted"}]}'),
    "Fireworks": (400, '{"error":{"message":"Extra inputs are not permitted, field: \'stream_options\'"}}'),
    "Go": (400, '{"error":"json: unknown field \\"stream_options\\""}'),
    "plain text": (422, "extraneous key [include_usage] is not permitted"),
}
REFUSALS["only the place"] = (400, REFUSALS["only the place"][1].replace('"x"', '"stream_options"'))


class Refusing:
    """A server that answers with *refusal* as long as the member is there."""

    def __init__(self, status: int, refusal: str, answer: bytes = TEXT + DONE) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._status, self._refusal, self._answer = status, refusal.encode(), answer

    async def __call__(self, exchange: Exchange) -> None:
        self.bodies.append(msgspec.json.decode(exchange.request.body))
        if "stream_options" in self.bodies[-1]:
            await exchange.send_answer(self._refusal, self._status, content_type="application/json")
        else:
            await exchange.send_answer(self._answer)

    @property
    def with_options(self) -> list[bool]:
        """For each request, whether it had the member."""
        return ["stream_options" in body for body in self.bodies]


@EACH_CONFIG
@pytest.mark.parametrize(("status", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_a_server_that_refuses_it_by_name_is_asked_again_at_once_and_it_is_remembered(
    config: Config, status: int, refusal: str
) -> None:
    server = Refusing(status, refusal)

    async def main() -> None:
        async with client_and_server(config, server) as (client, _):
            for _ in range(4):  # the later ones bypass the SDK
                await collect_deltas(client)

    asyncio.run(main())

    assert server.with_options == [True, False, False, False, False]
    assert [body["messages"] for body in server.bodies] == [server.bodies[0]["messages"]] * 5


def test_requests_under_way_are_repeated_too() -> None:
    server = Refusing(*REFUSALS["Azure"])

    async def main() -> None:
        async with client_and_server(openai, server) as (client, _):
            await asyncio.gather(*(collect_deltas(client) for _ in range(3)))

    asyncio.run(main())

    assert sorted(server.with_options) == [False] * 3 + [True] * (len(server.bodies) - 3)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"error":{"message":"conversation roles must alternate user/assistant"}}'),
        (400, '{"error":{"message":"messages: too many","param":"messages"}}'),
        (
            422,
            '{"detail":[{"loc":["body","model"],"msg":"missing","input":{"stream_options":{"include_usage":true}}}]}',
        ),
    ],
)
def test_other_rejections_are_not_repeated(status: int, body: str) -> None:
    server = Refusing(status, body)

    async def main() -> None:
        async with client_and_server(openai, server) as (client, _):
            with pytest.raises(InvalidRequest):
                await collect_deltas(client)

    asyncio.run(main())

    assert server.with_options == [True]


def test_a_server_that_refuses_what_is_not_sent_gets_one_request() -> None:
    server = Refusing(*REFUSALS["OpenAI"])
    extra = {"stream_options": {"include_obfuscation": False}}

    async def main() -> None:
        async with client_and_server(openai, server, stream_options=False, extra_body=extra) as (client, _):
            with pytest.raises(InvalidRequest, match="stream_options"):
                await collect_deltas(client)

    asyncio.run(main())

    assert server.with_options == [True]


@EACH_CONFIG
def test_the_setting_leaves_it_out_from_the_beginning(config: Config) -> None:
    server = Refusing(400, "{}", CHAT)

    async def main() -> None:
        async with client_and_server(config, server, stream_options=False) as (client, _):
            await answer_to(Request(1, (HELLO,), Settings()), client)

    asyncio.run(main())

    assert server.with_options == [False]


def test_the_repetition_costs_a_session_no_attempt_and_its_usage_is_estimated() -> None:
    server = Refusing(*REFUSALS["Mistral"])

    async def main() -> None:
        async with Loopback(server) as loopback:
            provider = rc.OpenAI(model="m", api_key="k", base_url=f"{loopback.url}/v1")
            config = rc.SessionConfig(provider=provider, retry=rc.RetryPolicy(max_attempts=1))
            async with running_session(config) as session:
                completed = await session.wait_for_event(rc.Completed, session.ask())

                assert isinstance(completed, rc.Completed)
                assert completed.usage.output.provenance is Provenance.ESTIMATED
                assert not [event for event in session.events if isinstance(event, rc.Retrying)]

    asyncio.run(main())

    assert server.with_options == [True, False]
