"""Text without a visible character."""

import asyncio
import re

import msgspec
import pytest
from fixtures.clients import EACH_PROVIDER, Config, client_and_server, collect_deltas
from hypothesis import given
from hypothesis import strategies as st
from servers.loopback import answers

from rayconteur.errors import EmptyMessage
from rayconteur.providers.schema.content import Text, Thinking, is_blank
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.runtime.core.history import without_blank_text, worth_keeping

BLANKS = ["", " \t\r\n", "\u00a0\u3000", "\u200b", "\ufeff", "\u2060", "\u200c\u200d", "\u200e \u00ad\n", "\u3164"]
_strings = re.compile(rb'"(?:[^"\\]|\\.)*"').findall  # of JSON
EACH_BLANK = pytest.mark.parametrize("blank", BLANKS, ids=ascii)


@EACH_BLANK
def test_white_space_and_zero_width_characters_are_blank(blank: str) -> None:
    assert is_blank(blank)
    assert not is_blank(f"{blank}x{blank}")


@given(st.text())
def test_every_text_that_python_takes_for_white_space_is_blank(text: str) -> None:
    assert is_blank(text) or not (text.isspace() or not text)


@pytest.mark.parametrize("text", ["0", ".", "\u2764\ufe0f", "\U0001f468\u200d\U0001f469", "\u0301", "\x00"])
def test_visible_text_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@EACH_BLANK
def test_blank_text_is_no_message_and_no_answer(blank: str) -> None:
    with pytest.raises(EmptyMessage):
        without_blank_text((Text(blank),))
    assert worth_keeping((Thinking(text="Hm.", provider="p"), Text(blank)), frozenset()) == ()


@EACH_PROVIDER
@pytest.mark.parametrize("blank", [" ", "\u200b", "\ufeff"], ids=ascii)
def test_blank_text_is_sent_to_no_provider(config: Config, stream: bytes, blank: str) -> None:
    texts = ("Hi.", blank, "And?")
    roles = (Role.USER, Role.ASSISTANT, Role.USER)
    messages = [Message(role=role, content=(Text(text),), turn=1) for role, text in zip(roles, texts, strict=True)]
    messages[2] = msgspec.structs.replace(messages[2], content=(Text(blank), Text("And?")))

    async def main() -> bytes:
        async with client_and_server(config, answers(stream)) as (client, server):
            await collect_deltas(client, Request(1, messages, Settings(system="Be brief.")))
            return server.received[0].body

    strings: list[str] = [msgspec.json.decode(found) for found in _strings(asyncio.run(main()))]

    assert [text for text in strings if is_blank(text)] == []
