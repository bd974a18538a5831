"""The settings of one turn apply to all requests of that turn, and to no other."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    TOOL_USE,
    answered,
    assert_rejected,
    emitted_events,
    opened_conversation,
    received,
    request_failed,
    turn_ends,
    user_message,
)

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.schema.content import Text, ToolResult
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Prompt, Reasoning, Settings
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Approval, TextTools, Tool, ToolChoice
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Instruction, SendRequest, StartCompaction
from rayconteur.runtime.core.past.snapshot import Snapshot

LOOK = Tool(name="look")
OWN = SessionConfig(provider=Scripted(model="own"), system="Be brief.", temperature=0.5, top_k=7)
SETTINGS = TurnSettings(
    provider=Anthropic(model="claude"),
    system="Sing.",
    tools=(LOOK,),
    tool_choice=ToolChoice(name="look", mode="tool"),
    temperature=None,
    output_schema={"type": "object"},
)
OF_TURN = SessionConfig(
    provider=Anthropic(model="claude"),
    system="Sing.",
    tools=(LOOK,),
    tool_choice=ToolChoice(name="look", mode="tool"),
    output_schema={"type": "object"},
    top_k=7,
)
ASKED = received(msg.UserMessage(content=(Text("How many?"),), settings=SETTINGS))
SCHEMA_ONLY = received(msg.UserMessage(content=(Text("How many?"),), output_schema={"type": "object"}))
PLAIN = received(msg.UserMessage.of("Why?"))
RESULT = received(msg.ToolResults(results=(ToolResult("a"),)))


def sent(instructions: list[Instruction]) -> SessionConfig:
    (send,) = (step for step in instructions if isinstance(step, SendRequest))
    return send.config


def test_they_apply_to_retries_and_to_the_requests_after_tool_results() -> None:
    conversation = opened_conversation(OWN)

    assert sent(conversation.handle(ASKED)) == OF_TURN
    conversation.handle(request_failed(1, retryable=True))
    assert sent(conversation.handle(ev.BackoffEnded(request=1))) == OF_TURN
    conversation.handle(answered(2, TOOL_USE))
    assert sent(conversation.handle(RESULT)) == OF_TURN


OF_EACH_KIND = {
    "system": "Sing.",
    "max_output_tokens": 7,
    "tools": (LOOK,),
    "tool_choice": ToolChoice(mode="required", parallel=False),
    "tool_protocol": "text",
    "text_tools": TextTools(max_calls=3),
    "temperature": 1.0,
    "top_p": 0.5,
    "top_k": 5,
    "frequency_penalty": 0.25,
    "presence_penalty": 0.75,
    "seed": 3,
    "output_schema": {"type": "object"},
    "verbosity": "low",
    "prompt_caching": False,
    "prompt_cache_ttl": "1h",
    "prompt_cache_key": "ravens",
    "user": "u1",
    "metadata": {"team": "birds"},
    "service_tier": "flex",
    "thinking": Reasoning(effort="low"),
    "stop_sequences": ("stop",),
    "streaming": False,
}
"""A value for every setting that shapes requests."""


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Settings)])
def test_a_setting_of_any_kind_may_be_that_of_one_turn(name: str) -> None:
    conversation = opened_conversation(OWN)
    settings = TurnSettings(**{name: OF_EACH_KIND[name]})  # type: ignore[arg-type]

    of_turn = sent(conversation.handle(received(msg.UserMessage(content=(Text("How many?"),), settings=settings))))
    conversation.handle(answered(1, "{}"))

    assert of_turn == msgspec.structs.replace(OWN, **{name: OF_EACH_KIND[name]})
    assert of_turn != OWN
    assert sent(conversation.handle(PLAIN)) == OWN


def test_other_turns_have_the_session_s_own() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(ASKED)
    conversation.handle(PLAIN)

    assert sent(conversation.handle(answered(1, "{}"))) == OWN
    assert conversation.config == OWN


def test_a_change_during_the_turn_applies_to_it_where_it_has_nothing_of_its_own() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(ASKED)
    conversation.handle(answered(1, TOOL_USE))
    conversation.handle(received(msg.Configure(system="Be long.", top_k=9)))

    assert sent(conversation.handle(RESULT)) == msgspec.structs.replace(OF_TURN, top_k=9)


def test_each_answer_is_sent_back_under_its_own_prompt() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(PLAIN)
    conversation.handle(answered(1, "Because."))
    conversation.handle(ASKED)
    conversation.handle(answered(2, "{}"))

    (send,) = (step for step in conversation.handle(PLAIN) if isinstance(step, SendRequest))

    own = Prompt(system="Be brief.")
    sung = Prompt(start=2, system="Sing.", tools=(LOOK,))
    assert send.prompts == (own, sung, msgspec.structs.replace(own, start=4))


def test_the_prompt_of_the_first_turn_stays_that_of_its_answer() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(ASKED)
    conversation.handle(answered(1, "{}"))

    (send,) = (step for step in conversation.handle(PLAIN) if isinstance(step, SendRequest))

    assert send.prompts == (Prompt(system="Sing.", tools=(LOOK,)), Prompt(start=2, system="Be brief."))


def test_they_count_among_the_tokens_of_its_requests() -> None:
    def tokens(message: ev.Received) -> int:
        conversation = opened_conversation(DISCARD)
        conversation.handle(message)
        conversation.handle(answered(1, "{}"))
        return conversation.fill.settings_tokens or 0

    large = TurnSettings(system="wings " * 1_000)
    assert tokens(received(msg.UserMessage(content=(Text("How?"),), settings=large))) > tokens(PLAIN) + 500


def test_a_history_too_long_for_the_model_of_a_turn_is_compacted_for_it() -> None:
    small = Scripted(model="small", facts=ModelFacts(context_limit_tokens=200))
    conversation = opened_conversation(DISCARD)
    conversation.handle(user_message("why? " * 300))
    conversation.handle(answered(1, "Because."))

    asked = received(msg.UserMessage(content=(Text("How?"),), settings=TurnSettings(provider=small)))
    (start,) = (step for step in conversation.handle(asked) if isinstance(step, StartCompaction))

    assert start.limit_tokens == conversation.context_limit_tokens == 200
    assert start.config.provider == small


def test_an_interrupted_turn_leaves_the_context_as_it_was() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(PLAIN)
    conversation.handle(answered(1, "Because."))
    before = conversation.fill
    settings = TurnSettings(system="wings " * 1_000, tools=(LOOK,))

    conversation.handle(received(msg.UserMessage(content=(Text("How?"),), settings=settings)))
    conversation.handle(received(msg.Interrupt()))

    assert conversation.fill == before


@pytest.mark.parametrize("message", [ASKED, SCHEMA_ONLY])
def test_a_snapshot_keeps_those_of_the_running_turn(message: ev.Received) -> None:
    conversation = opened_conversation(OWN)
    before = sent(conversation.handle(message))
    conversation.handle(request_failed(1, retryable=True))

    restored = Conversation.restore(msgspec.json.decode(msgspec.json.encode(conversation.snapshot()), type=Snapshot))

    assert restored == conversation
    assert sent(restored.handle(ev.BackoffEnded(request=1))) == before != OWN


def test_a_retry_repeats_the_request_with_them_again_and_again() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(ASKED)
    conversation.handle(answered(1, TOOL_USE))
    conversation.handle(RESULT)
    conversation.handle(request_failed(2))

    for request in (3, 4):
        assert sent(conversation.handle(received(msg.Retry()))) == OF_TURN
        conversation.handle(request_failed(request))

    restored = Conversation.restore(msgspec.json.decode(msgspec.json.encode(conversation.snapshot()), type=Snapshot))
    assert sent(restored.handle(received(msg.Retry()))) == OF_TURN


def test_a_retry_with_settings_that_the_session_s_no_longer_allow_is_rejected() -> None:
    conversation = opened_conversation(msgspec.structs.replace(OWN, tools=(LOOK,)))
    choice = TurnSettings(tool_choice=ToolChoice(mode="tool", name="look"))
    conversation.handle(received(msg.UserMessage(content=(Text("How?"),), settings=choice)))
    conversation.handle(request_failed(1))
    conversation.handle(received(msg.Configure(tools=())))

    with assert_rejected(conversation, InvalidConfig):
        conversation.handle(received(msg.Retry()))


def test_an_answer_that_was_cut_off_is_continued_with_them() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(ASKED)
    conversation.handle(answered(1, '{"wing_', stop=StopReason.MAX_TOKENS))

    assert sent(conversation.handle(received(msg.Continue()))) == OF_TURN


def test_a_retry_does_not_use_those_of_another_message() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(PLAIN)
    conversation.handle(request_failed(1))
    conversation.handle(ASKED)
    conversation.handle(request_failed(2))
    conversation.handle(received(msg.Rewind()))

    assert sent(conversation.handle(received(msg.Retry()))) == OWN


def test_a_message_without_any_is_repeated_without_any() -> None:
    conversation = opened_conversation(OWN)
    conversation.handle(ASKED)
    conversation.handle(request_failed(1))
    conversation.handle(PLAIN)
    conversation.handle(request_failed(2))

    assert sent(conversation.handle(received(msg.Retry()))) == OWN


def test_a_tool_of_the_turn_that_needs_approval_waits_for_it() -> None:
    asks_first = TurnSettings(tools=(Tool(name="look", approve=Approval.ALWAYS),))
    conversation = opened_conversation(OWN)
    conversation.handle(received(msg.UserMessage(content=(Text("How many?"),), settings=asks_first)))

    emitted = emitted_events(conversation.handle(answered(1, TOOL_USE)))

    assert [type(event) for event in emitted] == [out.TokenUpdate, out.ApprovalRequested]


def test_a_tool_of_the_turn_may_end_it() -> None:
    ends = TurnSettings(tools=(Tool(name="look", ends_turn=True),))
    conversation = opened_conversation(OWN)
    conversation.handle(received(msg.UserMessage(content=(Text("How many?"),), settings=ends)))
    conversation.handle(answered(1, TOOL_USE))

    (end,) = turn_ends(conversation.handle(RESULT))

    assert isinstance(end, out.Completed)
    assert end.stop_reason is StopReason.ENDED_BY_TOOL
