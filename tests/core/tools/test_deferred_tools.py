"""Many tools: the model searches for them, and requests hold the definitions of those that it has found."""

from typing import Any

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    MANY,
    WEATHER,
    answered,
    copy_of,
    emitted_events,
    only_one,
    opened_conversation,
    received,
    replayed,
    tool,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.compaction.summaries.summary_message import native_summary
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.schema.content import Opaque, Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Origin, Role
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.settings.policies import DeferTools
from rayconteur.runtime.api.tools.builtins import ASK_USER
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.state import ConversationState

DEFERS = msgspec.structs.replace(DISCARD, tools=MANY)


def asked(config: SessionConfig = DEFERS) -> tuple[Conversation, SendRequest]:
    """A conversation whose turn 1 is running, and its request."""
    conversation = opened_conversation(config)
    return conversation, only_one(SendRequest, conversation.handle(user_message("hi")))


def searched(conversation: Conversation, query: str, use_id: str = "s") -> SendRequest:
    """The request after the model has searched."""
    use = ToolUse(use_id, "search_tools", {"query": query})
    return only_one(SendRequest, conversation.handle(answered(conversation.requests, use)))


def names(send: SendRequest) -> list[str]:
    return [each.name for each in send.config.tools]


def result_text(send: SendRequest) -> str:
    (result,) = send.messages[-1].content
    assert isinstance(result, ToolResult)
    return "".join(block.text for block in result.content if isinstance(block, Text))


def test_of_many_tools_requests_hold_those_that_the_model_has_found_in_that_order() -> None:
    conversation, send = asked()
    assert names(send) == ["search_tools"]

    first = searched(conversation, "what is the weather like in some town")
    second = searched(conversation, "mails", "t")

    assert result_text(first) == "These tools can be used from now on:\n- get_weather: The weather in a town."
    assert names(first) == ["search_tools", "get_weather"]
    assert names(second) == ["search_tools", "get_weather", "sendMail"]
    assert first.config.tools == second.config.tools[:-1]
    batch = only_one(out.ToolBatch, emitted_events(conversation.handle(answered(3, ToolUse("a", "sendMail", {})))))
    assert [use.name for use in batch.uses] == ["sendMail"]
    conversation.handle(tool_results("a"))
    conversation.handle(answered(4, "done"))
    assert names(only_one(SendRequest, conversation.handle(user_message("again")))) == names(second)


def test_a_search_is_told_like_the_use_of_any_tool_and_asks_no_program() -> None:
    conversation, _ = asked()

    events = emitted_events(conversation.handle(answered(1, ToolUse("s", "search_tools", {"query": "trains"}))))

    kinds = [type(event) for event in events if not isinstance(event, out.TokenUpdate)]
    assert kinds == [out.ToolStarted, out.ToolCompleted, out.StepCompleted]


@pytest.mark.parametrize("given", [{"query": "xylophone"}, {"query": ""}, {}, {"query": 3}])
def test_a_search_that_finds_nothing_changes_nothing(given: dict[str, Any]) -> None:
    conversation, _ = asked()

    send = only_one(SendRequest, conversation.handle(answered(1, ToolUse("s", "search_tools", given))))

    assert names(send) == ["search_tools"]
    assert "get_weather, sendMail" in result_text(send) or "does not fit the schema" in result_text(send)


def test_a_turn_that_only_searches_ends_at_the_limit_of_steps() -> None:
    conversation, _ = asked(msgspec.structs.replace(DEFERS, max_steps=3))

    searched(conversation, "trains", "s")
    searched(conversation, "trains", "t")
    (end,) = turn_ends(conversation.handle(answered(3, ToolUse("u", "search_tools", {"query": "trains"}))))

    assert isinstance(end, out.Completed)
    assert end.stop_reason == "max_steps"


def test_what_a_model_uses_without_a_search_is_run_and_stays_defined() -> None:
    conversation, _ = asked()

    batch = only_one(out.ToolBatch, emitted_events(conversation.handle(answered(1, ToolUse("a", "find_trains", {})))))
    send = only_one(SendRequest, conversation.handle(tool_results("a")))

    assert [use.name for use in batch.uses] == ["find_trains"]
    assert names(send) == ["search_tools", "find_trains"]


def test_what_an_initial_history_uses_is_defined() -> None:
    conversation = opened_conversation(DEFERS)
    use = ToolUse("a", "sendMail", {})
    messages = (
        Message(role=Role.USER, content=(Text("hi"),), turn=1),
        Message(role=Role.ASSISTANT, content=(use,), turn=1),
        Message(role=Role.USER, content=(ToolResult("a"),), turn=1),
        Message(role=Role.ASSISTANT, content=(Text("sent"),), turn=1),
    )
    conversation.handle(ev.Imported(messages=messages))

    send = only_one(SendRequest, conversation.handle(user_message("and now?")))

    assert names(send) == ["search_tools", "sendMail"]
    assert send.prompts == ()


SEARCH = ProviderTool(provider="anthropic", definition={"type": "web_search_20250305", "name": "web_search"})
ENDS = Tool(name="hand_in", ends_turn=True)


def test_some_tools_are_never_deferred() -> None:
    tools: tuple[Tool | ProviderTool, ...] = (*MANY, ASK_USER, SEARCH, ENDS)
    choice = ToolChoice(mode="tool", name="find_trains")
    config = SessionConfig(provider=Anthropic(model="claude"), tools=tools, tool_choice=choice)
    some = msgspec.structs.replace(config, tool_choice=ToolChoice(allowed=("sendMail", "get_weather")))

    assert names(asked(config)[1]) == ["find_trains", "ask_user", "web_search", "hand_in", "search_tools"]
    assert names(asked(some)[1])[:2] == ["get_weather", "sendMail"]


LARGE = tuple(tool(f"large_{number}", "x" * 4_000) for number in range(12))


@pytest.mark.parametrize(
    ("tools", "window", "is_deferred"),
    [
        (MANY[:30], 1_000_000, False),
        (MANY[:31], 1_000_000, True),
        (LARGE, 100_000, True),
        (LARGE, 200_000, False),
        (LARGE[:9], 50_000, False),
        ((*MANY[:30], ASK_USER), 1_000_000, False),
        ((*LARGE, msgspec.structs.replace(LARGE[0], name="native", deferred=True)), 100_000, False),
    ],
    ids=["30", "31", "a tenth of the window", "less", "few", "a built-in one more", "deferred by the provider"],
)
def test_tools_are_deferred_when_there_are_many_or_they_take_much_of_the_window(
    tools: tuple[Tool, ...], window: int, is_deferred: bool
) -> None:
    config = SessionConfig(provider=Scripted(facts=ModelFacts(context_limit_tokens=window)), tools=tools)

    assert ("search_tools" in names(asked(config)[1])) is is_deferred


def test_a_session_may_send_all_definitions() -> None:
    config = msgspec.structs.replace(DEFERS, defer_tools=DeferTools.NEVER)

    conversation, send = asked(config)

    assert send.config is config
    conversation.handle(answered(1, "done"))
    conversation.handle(received(msg.Configure(defer_tools=DeferTools.AUTO)))
    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == ["search_tools"]


def test_the_tools_of_a_turn_may_be_deferred_too() -> None:
    conversation = opened_conversation(DISCARD)
    message = msg.UserMessage(content=(Text("hi"),), settings=TurnSettings(tools=MANY))

    send = only_one(SendRequest, conversation.handle(received(message)))
    found = searched(conversation, "trains")

    assert (names(send), names(found)) == (["search_tools"], ["search_tools", "find_trains"])
    conversation.handle(answered(2, "done"))
    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == []


def test_a_compaction_leaves_the_tools_that_the_history_still_uses() -> None:
    conversation, _ = asked()
    searched(conversation, "trains")
    searched(conversation, "mail", "t")
    conversation.handle(answered(3, ToolUse("a", "sendMail", {})))
    conversation.handle(tool_results("a"))
    conversation.handle(answered(4, "done"))
    messages = conversation.history
    conversation.handle(received(msg.Compact()))

    conversation.handle(ev.CompactionEnded(compaction=1, messages=(messages[0], *messages[-3:])))

    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == ["search_tools", "sendMail"]


def test_what_a_provider_compacted_stays_under_the_tools_that_it_was_made_with() -> None:
    conversation, _ = asked()
    searched(conversation, "trains")
    conversation.handle(answered(2, ToolUse("a", "find_trains", {})))
    conversation.handle(tool_results("a"))
    conversation.handle(answered(3, "done"))
    conversation.handle(received(msg.Compact()))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=conversation.history))  # all under one prompt now
    conversation.handle(received(msg.Compact()))
    content = (Opaque(provider="scripted", type="compaction", json=b"{}"),)
    summary = native_summary(conversation.history, content, Origin(source=""))

    conversation.handle(ev.CompactionEnded(compaction=2, messages=(summary,)))

    send = only_one(SendRequest, conversation.handle(user_message("hi")))
    assert [[each.name for each in prompt.tools] for prompt in send.prompts] == [
        ["search_tools", "find_trains"],
        ["search_tools"],
    ]


def test_new_tools_leave_those_that_were_found_or_are_used_as_far_as_there_still_are_such() -> None:
    conversation, _ = asked()
    searched(conversation, "trains weather")
    conversation.handle(answered(2, "done"))

    conversation.handle(received(msg.Configure(tools=(*MANY[1:], tool("swim")))))

    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == ["search_tools", "find_trains"]


def test_a_tool_that_was_taken_away_has_to_be_found_again() -> None:
    conversation, _ = asked()
    searched(conversation, "trains")
    conversation.handle(answered(2, "done"))

    conversation.handle(received(msg.Configure(tools=tuple(tool for tool in MANY if tool.name != "find_trains"))))
    conversation.handle(received(msg.Configure(tools=MANY)))

    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == ["search_tools"]


def test_a_tool_that_is_used_stays_defined_when_there_are_many_more() -> None:
    conversation, _ = asked(msgspec.structs.replace(DISCARD, tools=(WEATHER,)))
    conversation.handle(answered(1, ToolUse("w", WEATHER.name, {})))
    conversation.handle(tool_results("w"))
    conversation.handle(answered(2, "done"))

    conversation.handle(received(msg.Configure(tools=MANY)))

    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == ["search_tools", WEATHER.name]


def test_what_was_found_survives_its_process_and_counts_in_the_context() -> None:
    conversation = opened_conversation(DEFERS)
    records = [ev.Record(1, ev.Opened(config=DEFERS, created_at=0.0))]
    before = 0
    for event in (user_message("hi"), answered(1, ToolUse("s", "search_tools", {"query": "trains mail"}))):
        before = conversation.fill.settings_tokens or 0
        record = conversation.handle(event)[0]
        assert isinstance(record, ev.Record)
        records.append(record)

    later = replayed(records)

    assert later == conversation == Conversation.restore(conversation.snapshot())
    assert [each.name for each in later.request_config.tools] == ["search_tools", "find_trains", "sendMail"]
    assert conversation.request_config is conversation.request_config
    assert (conversation.fill.settings_tokens or 0) > before
    assert copy_of(conversation) == conversation


def test_a_prompt_that_has_changed_with_a_search_is_told_to_the_provider() -> None:
    conversation, send = asked()

    found = searched(conversation, "trains")

    assert send.prompts == ()
    assert [[each.name for each in prompt.tools] for prompt in found.prompts] == [names(send), names(found)]
    assert found.prompts[1].start == len(found.messages) - 1


def test_the_name_of_the_search_is_reserved() -> None:
    with pytest.raises(InvalidConfig, match="search_tools is a built-in tool"):
        msgspec.structs.replace(DISCARD, tools=(Tool(name="search_tools"),))


def test_the_words_of_tools_are_counted_once_for_all_searches_of_a_session() -> None:
    state = ConversationState(config=DEFERS)

    index = state.deferred_index(DEFERS)

    assert state.deferred_index(msgspec.structs.replace(DEFERS, temperature=1.0)) is index
    assert WEATHER not in state.deferred_index(msgspec.structs.replace(DEFERS, tools=MANY[1:])).tools
