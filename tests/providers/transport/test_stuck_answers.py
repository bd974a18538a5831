"""An answer that is alive but stuck ends after ``progress_timeout_s``."""

import asyncio

import pytest
from builders.eventstream import event
from fixtures.clients import EACH_PROVIDER, REQUEST, Config, client_and_server, collect_deltas, openai
from servers.loopback import Exchange, Respond, begins

from rayconteur.providers.schema.errors import IncompleteAnswer

LIMIT_S = 0.3
PING = b": ping\n\n"


def chat(choice: bytes, more: bytes = b"") -> bytes:
    return b'data: {"id":"c1","choices":[%b]%b}\n\n' % (choice, more)


TEXT = chat(b'{"index":0,"delta":{"content":"a"}}')


def repeats(piece: bytes) -> Respond:
    """Sends *piece* ten times in the limit, until the client closes the connection."""

    async def respond(exchange: Exchange) -> None:
        while True:
            await exchange.send_chunk(piece)
            await asyncio.sleep(LIMIT_S / 10)

    return respond


@EACH_PROVIDER
def test_keep_alives_alone_keep_no_answer_open(config: Config, stream: bytes) -> None:
    is_sse = b"\n\n" in stream
    begin = stream.partition(b"\n\n")[0] + b"\n\n" if is_sse else event("messageStart", role="assistant")
    stuck = begins(begin, repeats(PING if is_sse else event("ping")))

    async def main() -> None:
        async with client_and_server(config, stuck, progress_timeout_s=LIMIT_S) as (client, _):
            with pytest.raises(IncompleteAnswer, match=r"nothing but keep-alives arrived for 0\.3 s"):
                await collect_deltas(client)

    asyncio.run(main())


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    "piece",
    [
        chat(b'{"index":0,"delta":{"content":""}}'),
        chat(b'{"index":0,"delta":{"role":"assistant","content":null}}'),
        chat(b'{"index":1,"delta":{"content":"of another choice"}}'),
        chat(b"", b',"usage":{"prompt_tokens":1}'),
        b"data: null\n\n",
        b"\n",
    ],
)
def test_pieces_without_content_keep_no_answer_open(piece: bytes, streaming: bool) -> None:
    async def main() -> None:
        async with client_and_server(openai, begins(TEXT, repeats(piece)), progress_timeout_s=LIMIT_S) as (client, _):
            answer = collect_deltas(client) if streaming else client.complete(REQUEST)
            with pytest.raises(IncompleteAnswer, match="nothing but keep-alives"):
                await answer

    asyncio.run(main())
