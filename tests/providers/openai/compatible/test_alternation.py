"""Roles that alternate in requests to compatible servers."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.openai.chat.alternation import Runs
from rayconteur.providers.openai.chat.requests import body as chat_body
from rayconteur.providers.openai.config import ApiName
from rayconteur.providers.openai.dialect import Dialect, Needs
from rayconteur.providers.openai.responses.requests import body as responses_body
from rayconteur.providers.schema.content import Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings, WireMemo

Json = dict[str, Any]
EACH_API = pytest.mark.parametrize("api", ["chat", "responses"])
A, B, C, ANSWER = user(Text('A "q" {')), user(Text("B\\")), user(Text("C")), assistant(Text("Caw."))
IMAGE = Image(url="http://127.0.0.1/raven.png")
EMPTY = [
    assistant(),
    assistant(Text("")),
    assistant(Text(" \n")),
    assistant(Text("\u200b")),
    assistant(Thinking(text="Hm.", provider="raven")),
    assistant(Thinking(text="Hm.", provider="crow", signature="s")),
    assistant(Opaque(provider="crow", type="search", json=b"{}")),
]


def sent(api: ApiName, *messages: Message, own: bool = False, memo: WireMemo | None = None) -> list[Json]:
    """*messages* as they are in a request to *api*."""
    request = Request(1, messages, Settings(), memo or WireMemo())
    encode, name = (chat_body, "messages") if api == "chat" else (responses_body, "input")
    wire = msgspec.json.decode(encode(request, Dialect("raven", "gpt-x", own=own, api=api), True), type=Json)
    items: list[Json] = wire[name]
    return items


@EACH_API
@pytest.mark.parametrize("empty", EMPTY)
def test_user_messages_around_an_answer_without_content_are_one_text(api: ApiName, empty: Message) -> None:
    assert sent(api, A, empty, B, C, ANSWER, C) == [
        {"role": "user", "content": 'A "q" {\n\nB\\\n\nC'},
        {"role": "assistant", "content": "Caw."},
        {"role": "user", "content": "C"},
    ]


@pytest.mark.parametrize(("api", "text"), [("chat", "text"), ("responses", "input_text")])
def test_merged_messages_with_media_are_one_list_of_parts(api: ApiName, text: str) -> None:
    image = sent(api, user(IMAGE))[0]["content"]

    assert sent(api, A, user(IMAGE), C) == [
        {"role": "user", "content": [{"type": text, "text": 'A "q" {'}, *image, {"type": text, "text": "C"}]}
    ]


@EACH_API
def test_what_follows_the_results_of_tools_is_merged_with_the_next_message(api: ApiName) -> None:
    use = assistant(ToolUse("a", "fly", {}))
    call, result, *rest = sent(api, use, user(ToolResult("a", (Text('{"role":"user","content":"x"}'),)), Text("A")), B)

    assert rest == [{"role": "user", "content": "A\n\nB\\"}]
    assert [call, result] == sent(api, use, user(ToolResult("a", (Text('{"role":"user","content":"x"}'),))))


@EACH_API
def test_a_message_after_the_results_of_tools_stays_its_own(api: ApiName) -> None:
    items = sent(api, assistant(ToolUse("a", "fly", {})), user(ToolResult("a", (Text("ok"),))), B)

    assert items[-1] == {"role": "user", "content": "B\\"}
    assert len(items) == 3


@EACH_API
def test_openai_s_own_servers_are_sent_each_message(api: ApiName) -> None:
    assert [item["content"] for item in sent(api, A, B, ANSWER, own=True)] == ['A "q" {', "B\\", "Caw."]


_TURN = st.sampled_from([A, B, C, ANSWER, user(IMAGE), *EMPTY])


@EACH_API
@given(st.lists(st.tuples(st.integers(0, 6), st.lists(_TURN, max_size=4)), max_size=6))
def test_roles_alternate_as_a_history_grows_and_shrinks(api: ApiName, changes: list[tuple[int, list[Message]]]) -> None:
    memo, history = WireMemo(), [A]
    for removed, added in changes:
        # Objects of their own: messages are encoded by identity.
        copies = [msgspec.structs.replace(message) for message in added]
        history = [*history[: max(1, len(history) - removed)], *copies]

        items = sent(api, *history, memo=memo)

        assert items == sent(api, *history)
        assert all({a["role"], b["role"]} != {Role.USER} for a, b in pairwise(items))


def test_media_of_tool_results_follow_an_answer_where_the_server_needs_one() -> None:
    dialect = Dialect("raven", "gpt-x", own=False, needs=Needs(answers=True))
    messages = (assistant(ToolUse("a", "fly", {})), user(ToolResult("a", (Text("ok"), IMAGE))), B)

    wire = msgspec.json.decode(chat_body(Request(1, messages, Settings()), dialect, True), type=Json)

    assert [message["role"] for message in wire["messages"]] == ["assistant", "tool", "assistant", "user"]


def test_what_was_found_in_a_history_is_not_looked_for_again() -> None:
    runs, history, form = Runs(), [A, B, ANSWER], b'{"role":"user","content":"x"}'
    runs.update(history, [form, form, b"{}"], unchanged=0)

    runs.update([*history, C, B], [b"", b"", b"", form, form], unchanged=3)

    assert runs.joins == [(1, 0), (4, 3)]
