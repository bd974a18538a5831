"""Conversations as JSON Lines: every kind of block survives the way out and in, and damage is located."""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from builders.histories import histories
from hypothesis import given

import rayconteur as rc
from rayconteur.errors import InvalidExport
from rayconteur.providers import Citation
from rayconteur.providers.schema.messages import UNREADABLE, Message, Origin, RequestInfo, Role, StandsFor
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.runtime.api.export import encode_export

SEARCH = rc.Opaque(provider="anthropic", type="web_search", json=b'{"b":1,"a":[1.50,null,"\\u00e9"]}')
MESSAGES = (
    Message(
        role=Role.USER,
        content=(
            rc.Text("Crôa?\n\u2028 {"),
            rc.Image(data=b"\x89PNG\x00\xff", media_type="image/png", detail="high"),
            rc.Image(url="https://example.org/raven.png"),
            rc.Document(data=b"%PDF\n", media_type="application/pdf", name="ravens.pdf", cite=True),
        ),
        turn=1,
        stands_for=StandsFor(first_turn=1, last_turn=1, messages=2),
        metadata={"by": "corvin"},
    ),
    Message(
        role=Role.ASSISTANT,
        content=(
            rc.Thinking(text="hm", provider="anthropic", signature="c2ln+/=="),
            rc.Thinking(text="", provider="anthropic", signature="x", redacted=True),
            rc.Text("Yes", citations=(Citation(cited_text="y", start=0, end=1, original=SEARCH),)),
            SEARCH,
            rc.ToolUse("a", "look", {"at": [1, -0.0, 1e300, None, {"": True}], "far": 2**62}),
            rc.ToolUse("b", "look", {"INVALID_JSON": "{"}, malformed="{", cut_off=StopReason.MAX_TOKENS),
        ),
        turn=1,
        origin=Origin(source="s", prefix="p", previous="q"),
        id="1.2",
        at=1796008755.62,
        request=RequestInfo(
            provider="anthropic",
            model="claude",
            response_id="msg_1",
            usage=Usage(input=reported(7)),
            stop_reason=StopReason.TOOL_USE,
            duration_s=1.5,
            first_text_s=0.25,
        ),
    ),
    Message(
        role=Role.USER,
        content=(
            rc.ToolResult("a", (rc.Text("roof"), rc.Image(data=b"1", media_type="image/gif")), compact_summary="r"),
            rc.ToolResult("b", is_error=True, structured={"why": ["no"]}),
        ),
        turn=1,
        origin=UNREADABLE,
    ),
)
EXPORT = encode_export("raven", MESSAGES)


def test_every_kind_of_block_survives_the_way_out_and_in() -> None:
    assert rc.load(EXPORT) == MESSAGES
    assert {type(block) for message in MESSAGES for block in message.content} == set(get_args(rc.providers.Block))


@given(history=histories())
def test_every_history_survives_the_way_out_and_in(history: tuple[tuple[Message, ...], int | None]) -> None:
    assert rc.load(encode_export("s", history[0])) == history[0]


def test_a_file_of_version_1_is_read_for_ever() -> None:
    file = (
        b'{"format":"rayconteur-conversation","version":1,"session_id":"raven","messages":2}\n'
        b'{"role":"user","content":[{"kind":"text","text":"hi"}],"turn":1}\n'
        b'{"role":"assistant","content":[{"kind":"thinking","text":"hm","provider":"anthropic","signature":"c2ln"},'
        b'{"kind":"text","text":"hello"}],"turn":1,"origin":{"source":"s"}}\n'
    )
    thinking = rc.Thinking(text="hm", provider="anthropic", signature="c2ln")
    messages = (
        Message(role=Role.USER, content=(rc.Text("hi"),), turn=1),
        Message(role=Role.ASSISTANT, content=(thinking, rc.Text("hello")), turn=1, origin=Origin(source="s")),
    )

    assert rc.load(file) == messages
    assert encode_export("raven", messages) == file


def test_members_that_a_later_version_adds_are_ignored(tmp_path: Path) -> None:
    lines = [msgspec.json.decode(line, type=dict[str, Any]) | {"new": [1]} for line in EXPORT.splitlines()]
    path = tmp_path / "raven.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))

    assert rc.load(path) == rc.load(str(path)) == MESSAGES


HEADER, *LINES = EXPORT.split(b"\n")


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"", 1, "no header"),
        (b"\x89PNG\r\n\x1a\n", 1, "no header"),
        (b'{"role":"user"}\n', 1, "no header as session.export() writes it"),
        (EXPORT.replace(b"rayconteur-conversation", b"other"), 1, "the format is 'other'"),
        (EXPORT.replace(b'"version":1', b'"version":2'), 1, "a newer rayconteur wrote it, in version 2"),
        (EXPORT.replace(b'"version":1', b'"version":0'), 1, "no version 0"),
        (b"\n".join([HEADER, LINES[0], LINES[1][:100]]), 3, "truncated"),
        (b"\n".join([HEADER, LINES[0], b"", LINES[1]]), 3, "truncated"),
        (b"\n".join([HEADER, *LINES[:2]]), 3, "the file ends after 2 messages, and its header says 3"),
        (
            EXPORT.replace(b'"kind":"tooluse"', b'"kind":"hologram"'),
            3,
            "Invalid value 'hologram' - at `$.content[4].kind`",
        ),
        (EXPORT.replace(b'"role":"assistant"', b'"role":"system"'), 3, "Invalid enum value 'system' - at `$.role`"),
        (EXPORT.replace("ô".encode(), b"\xf4"), 2, "utf-8"),
    ],
)
def test_a_damaged_or_newer_file_is_refused_with_the_line_and_the_reason(data: bytes, line: int, problem: str) -> None:
    with pytest.raises(InvalidExport) as raised:
        rc.load(data)

    assert raised.value.line == line
    assert raised.value.message.startswith(f"line {line}: ")
    assert problem in raised.value.message
