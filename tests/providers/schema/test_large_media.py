"""Large images and documents are encoded off the event loop, once, and sent as they were without that."""

import asyncio
import os
from base64 import b64encode

import pytest
from checkers.loop_watch import watched_loop
from fixtures.clients import EACH_PROVIDER, Config, client_and_server, collect_deltas
from servers.loopback import Respond, answers

from rayconteur.providers.schema.content import Block, Document, Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.messages import HistoryView, Message, Role
from rayconteur.providers.schema.request import LARGE_BYTES, Request, Settings, WireMemo, prepared_media

STALL_S = 0.02
PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(LARGE_BYTES)
PICTURE = Image(data=PNG, media_type="image/png")


def history(*content: Block) -> HistoryView:
    return HistoryView([Message(role=Role.USER, content=content, turn=1)])


@EACH_PROVIDER
def test_a_prepared_request_is_the_same_as_one_that_was_not(config: Config, stream: bytes) -> None:
    respond: Respond = answers(stream)
    messages = history(Text("look"), PICTURE)
    if config.__name__ == "cohere":
        messages = history(Text("look"))

    async def main() -> list[bytes]:
        async with client_and_server(config, respond) as (client, server):
            for is_prepared in (False, True):
                memo = WireMemo()
                if is_prepared:
                    await memo.prepare(messages)
                await collect_deltas(client, Request(1, messages, Settings(), memo))
            return [request.body for request in server.received]

    plain, prepared = asyncio.run(main())
    assert plain == prepared
    assert config.__name__ == "cohere" or b64encode(PNG) in plain
    assert not prepared_media


def test_media_in_tool_results_are_prepared_and_small_ones_are_not() -> None:
    small = Document(data=b"%PDF", media_type="application/pdf")
    use = Message(role=Role.ASSISTANT, content=(ToolUse("a", "look", {}),), turn=1)
    log = [use, Message(role=Role.USER, content=(ToolResult("a", (PICTURE, small)),), turn=1)]
    found: list[dict[int, bytes]] = []

    def parts(message: Message) -> list[object]:
        found.append(dict(prepared_media))
        return []

    async def main() -> None:
        memo = WireMemo()
        await memo.prepare(HistoryView(log))
        memo.forms(HistoryView(log), "dialect", parts)
        await memo.prepare(HistoryView(log))
        memo.forms(HistoryView(log), "other dialect", parts)

    asyncio.run(main())
    assert found == [{id(PNG): b'"%b"' % b64encode(PNG)}] * 2 + [{}] * 2


@pytest.mark.parametrize("size_bytes", [LARGE_BYTES, 20 << 20])
def test_preparing_media_stalls_nobody(size_bytes: int) -> None:
    messages = history(Image(data=os.urandom(size_bytes), media_type="image/png"))

    async def main() -> float:
        async with watched_loop() as watch:
            await WireMemo().prepare(messages)
        return watch.longest_s

    assert asyncio.run(main()) < STALL_S
