"""A schema for the answer of one turn applies to all requests of that turn, and to no other."""

import msgspec
from builders.conversation import DISCARD, TOOL_USE, answered, opened_conversation, received, request_failed

from rayconteur.providers.schema.content import Text, ToolResult
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Instruction, SendRequest
from rayconteur.runtime.core.state import Snapshot

SCHEMA = {"type": "object", "properties": {"wing_beats": {"type": "integer"}}}
OWN = {"type": "object"}
CONFIG = msgspec.structs.replace(DISCARD, output_schema=OWN)
ASKED = received(msg.UserMessage(content=(Text("How many?"),), output_schema=SCHEMA))
PLAIN = received(msg.UserMessage.of("Why?"))


def schema_sent(instructions: list[Instruction]) -> object:
    (send,) = (step for step in instructions if isinstance(step, SendRequest))
    return send.config.output_schema


def test_a_schema_applies_to_retries_and_to_the_requests_after_tool_results() -> None:
    conversation = opened_conversation(CONFIG)

    assert schema_sent(conversation.handle(ASKED)) == SCHEMA
    conversation.handle(request_failed(1, retryable=True))
    assert schema_sent(conversation.handle(ev.BackoffEnded(request=1))) == SCHEMA
    conversation.handle(answered(2, TOOL_USE))
    results = received(msg.ToolResults(results=(ToolResult("a"),)))
    assert schema_sent(conversation.handle(results)) == SCHEMA


def test_other_turns_have_the_session_s_own() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(ASKED)
    conversation.handle(PLAIN)

    assert schema_sent(conversation.handle(answered(1, "{}"))) == OWN
    assert conversation.config == CONFIG


def test_a_schema_counts_among_the_tokens_of_its_requests() -> None:
    large = {"type": "object", "description": "wings " * 1_000}

    def tokens(message: ev.Received) -> int:
        conversation = opened_conversation(DISCARD)
        conversation.handle(message)
        conversation.handle(answered(1, "{}"))
        return conversation.fill.settings_tokens or 0

    asked = received(msg.UserMessage(content=(Text("How many?"),), output_schema=large))
    assert tokens(asked) > tokens(PLAIN) + 500


def test_a_snapshot_keeps_the_schema_of_the_running_turn() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(ASKED)
    conversation.handle(request_failed(1, retryable=True))

    restored = Conversation.restore(msgspec.json.decode(msgspec.json.encode(conversation.snapshot()), type=Snapshot))

    assert schema_sent(restored.handle(ev.BackoffEnded(request=1))) == SCHEMA


def test_a_retry_repeats_the_request_with_its_schema_again_and_again() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(ASKED)
    conversation.handle(answered(1, TOOL_USE))
    conversation.handle(received(msg.ToolResults(results=(ToolResult("a"),))))
    conversation.handle(request_failed(2))

    for request in (3, 4):
        assert schema_sent(conversation.handle(received(msg.Retry()))) == SCHEMA
        conversation.handle(request_failed(request))

    restored = Conversation.restore(msgspec.json.decode(msgspec.json.encode(conversation.snapshot()), type=Snapshot))
    assert schema_sent(restored.handle(received(msg.Retry()))) == SCHEMA


def test_an_answer_that_was_cut_off_is_continued_with_its_schema() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(ASKED)
    conversation.handle(answered(1, '{"wing_', stop=StopReason.MAX_TOKENS))

    assert schema_sent(conversation.handle(received(msg.Continue()))) == SCHEMA


def test_a_retry_does_not_use_the_schema_of_another_message() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(PLAIN)
    conversation.handle(request_failed(1))
    conversation.handle(ASKED)
    conversation.handle(request_failed(2))
    conversation.handle(received(msg.Rewind()))

    assert schema_sent(conversation.handle(received(msg.Retry()))) == OWN


def test_a_message_without_a_schema_is_repeated_without_one() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(ASKED)
    conversation.handle(request_failed(1))
    conversation.handle(PLAIN)
    conversation.handle(request_failed(2))

    assert schema_sent(conversation.handle(received(msg.Retry()))) == OWN
