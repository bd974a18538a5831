"""Long results: the model gets a part, and reads on in the whole, which the session keeps."""

from typing import Any

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    answered,
    emitted_events,
    only_one,
    opened_conversation,
    received,
    replayed,
    tool_use,
    user_message,
)

from rayconteur.compaction.config import Layered
from rayconteur.compaction.placeholders import result_placeholder
from rayconteur.compaction.strategies.tool_results import Threshold
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.schema.content import Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.tools import Tool, ToolChoice
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.settings.policies import Limits
from rayconteur.runtime.api.tools.builtins import READ_RESULT
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

LOOK = Tool(name="look")
LOOKS = msgspec.structs.replace(DISCARD, tools=(LOOK,))
IMAGE = Image(url="https://example.org/raven.png")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def long_result(use_id: str, *texts: str, most: int | None = 10) -> ev.Received:
    result = ToolResult(use_id, tuple(map(Text, texts)))
    return received(msg.ToolResults(results=(result,), max_result_bytes=most))


def after_result(*texts: str, config: SessionConfig = LOOKS, most: int = 10) -> tuple[Conversation, SendRequest]:
    """A conversation in whose turn 1 the tool use a has these texts, and the request that followed."""
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, tool_use("a")))
    return conversation, only_one(SendRequest, conversation.handle(long_result("a", *texts, most=most)))


def read(conversation: Conversation, use_id: str = "r", **given: Any) -> ToolResult:
    """The result that the model gets when it reads."""
    use = ToolUse(use_id, "read_result", given)
    steps = conversation.handle(answered(conversation.requests, use))
    events = emitted_events(steps)
    assert not any(isinstance(event, out.ToolBatch) for event in events), "a program is asked"
    (result,) = only_one(out.StepCompleted, events).results
    assert isinstance(steps[-1], SendRequest)
    return result


def text(result: ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, Text))


def names(send: SendRequest) -> list[str]:
    return [tool.name for tool in send.config.tools]


def test_the_model_gets_the_beginning_and_reads_on_part_by_part() -> None:
    conversation, send = after_result(LETTERS)

    first = send.messages[-1].content[0]

    assert isinstance(first, ToolResult)
    assert text(first) == (
        "abcdefghij\n[cut off here, after 10 of 26 characters: "
        'to read on, use read_result with the id "a" and the offset 10]'
    )
    assert names(send) == ["look", "read_result"]
    second, third = read(conversation, id="a", offset=10), read(conversation, "s", id="a", offset=20)
    assert text(second).startswith("klmnopqrst\n[cut off here, after 20 of 26 characters: ")
    assert text(third) == "uvwxyz"


def test_reading_is_told_like_the_use_of_any_tool_and_counts_as_a_step() -> None:
    conversation, _ = after_result(LETTERS)

    events = emitted_events(conversation.handle(answered(2, ToolUse("r", "read_result", {"id": "a"}))))

    kinds = [type(event) for event in events if not isinstance(event, out.TokenUpdate)]
    assert kinds == [out.ToolStarted, out.ToolCompleted, out.StepCompleted]
    assert only_one(out.StepCompleted, events).number == 2


def test_a_search_shows_the_places_and_goes_on_from_an_offset() -> None:
    conversation, _ = after_result("raven " * 30 + "owl" + " raven" * 3, most=20)

    owl, ravens = read(conversation, id="a", search="owl"), read(conversation, "s", id="a", search="raven")
    rest = read(conversation, "t", id="a", search="raven", offset=180)
    none = read(conversation, "u", id="a", search="swan")

    assert text(owl).startswith("[offset 180] ")
    assert "raven owl raven" in text(owl)
    assert text(ravens).count("[offset ") == 20
    assert text(ravens).endswith("[more matches: search again with offset=120]")
    assert text(rest).count("[offset ") == 3
    assert (none.is_error, text(none)) == (True, "'swan' is not in the result from offset 0 on.")


def test_a_search_shows_a_hundred_characters_on_each_side() -> None:
    conversation, _ = after_result(f"{'a' * 150}owl{'b' * 150}", most=20)

    assert text(read(conversation, id="a", search="owl")) == f"[offset 150] {'a' * 100}owl{'b' * 100}"


@pytest.mark.parametrize(("size", "rest"), [(65_536, None), (65_537, 65_536)])
def test_a_result_that_the_model_got_whole_is_read_again_in_parts_of_64_kib(size: int, rest: int | None) -> None:
    config = msgspec.structs.replace(DISCARD, tools=(LOOK, READ_RESULT))
    conversation, _ = after_result("x" * size, config=config, most=100_000)

    part = text(read(conversation, id="a"))

    assert part.partition("\n")[0] == "x" * min(size, 65_536)
    assert rest is None or part.endswith(f"the offset {rest}]")


def test_all_texts_of_a_result_are_one_and_what_is_no_text_stays() -> None:
    result = ToolResult("a", (Text("abcdef"), IMAGE, Text("ghijklm"), Text("nop"), IMAGE))
    conversation = opened_conversation(LOOKS)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, tool_use("a")))

    conversation.handle(received(msg.ToolResults(results=(result,), max_result_bytes=10)))

    (kept,) = conversation.history[-1].content
    assert isinstance(kept, ToolResult)
    assert [type(block) for block in kept.content] == [Text, Image, Text, Image]
    assert text(kept).startswith("abcdefghij\n[cut off here, after 10 of 16")
    assert text(read(conversation, id="a", offset=5, search=None)).startswith("fghijklmno\n")


@pytest.mark.parametrize(("most", "shown"), [(4, "ää"), (5, "ää")])
def test_no_character_is_cut_in_two(most: int, shown: str) -> None:
    conversation, send = after_result("ä" * 5, most=most)

    first = send.messages[-1].content[0]

    assert isinstance(first, ToolResult)
    assert text(first).startswith(f"{shown}\n[cut off here, after 2 of 5 ")
    assert text(read(conversation, id="a", offset=2)).startswith("ää\n")


@pytest.mark.parametrize("given", [{}, {"id": "a", "offset": -1}, {"id": 3}, {"id": "x"}, {"id": "a", "offset": 26}])
def test_what_can_t_be_read_is_an_error_for_the_model(given: dict[str, Any]) -> None:
    conversation, _ = after_result(LETTERS)

    assert read(conversation, **given).is_error


def test_the_oldest_results_go_first_and_of_those_the_beginning_can_be_read() -> None:
    limits = Limits(kept_result_bytes=50)
    conversation, _ = after_result(LETTERS, config=msgspec.structs.replace(LOOKS, limits=limits))
    conversation.handle(answered(2, tool_use("b")))
    conversation.handle(long_result("b", "B" * 30))

    gone, kept = read(conversation, id="a", offset=200), read(conversation, "s", id="b", offset=25)
    beginning = read(conversation, "t", id="a")

    assert gone.is_error
    assert text(gone).startswith("What is kept of the result 'a' has ")
    assert text(kept) == "BBBBB"
    assert text(beginning).startswith("abcdefghij\n[cut off here")


def test_a_result_beyond_the_limit_is_cut_with_its_size_and_nothing_is_offered() -> None:
    limits = Limits(kept_result_bytes=25)

    conversation, send = after_result(LETTERS, config=msgspec.structs.replace(LOOKS, limits=limits))

    first = send.messages[-1].content[0]
    assert isinstance(first, ToolResult)
    assert text(first) == "abcdefghij\n[cut off here: the text has 26 bytes]"
    assert names(send) == ["look"]
    assert conversation.history_size.removed_bytes == 0


def test_a_result_that_a_compaction_has_removed_can_be_read_again() -> None:
    conversation, _ = after_result(LETTERS)
    conversation.handle(answered(2, tool_use("b")))
    conversation.handle(long_result("b", "short", most=None))
    conversation.handle(answered(3, "done"))
    conversation.handle(received(msg.Compact()))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=()))
    conversation.handle(user_message("what was it?"))

    assert text(read(conversation, id="b")) == "short"


@pytest.mark.parametrize("redacts", [False, True])
def test_after_a_compaction_that_leaves_results_out_the_model_may_read_them_unless_they_are_redacted(
    redacts: bool,
) -> None:
    compaction = Layered(strategies=(Threshold(tool_results="redact" if redacts else "summarize"),))
    conversation = opened_conversation(msgspec.structs.replace(LOOKS, compaction=compaction))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, tool_use("a")))
    conversation.handle(long_result("a", LETTERS * 10, most=300))
    conversation.handle(answered(2, "done"))
    question, use, result, done = conversation.history
    (whole,) = result.content
    assert isinstance(whole, ToolResult)
    placeholder = result_placeholder(whole, readable=not redacts)
    left_out = ToolResult("a", (Text(placeholder),), compact_summary=placeholder)
    conversation.handle(received(msg.Compact()))

    shorter = msgspec.structs.replace(result, content=(left_out,))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(question, use, shorter, done)))

    send = only_one(SendRequest, conversation.handle(user_message("what was it?")))
    pointer = "" if redacts else '; read_result with the id "a" shows it'
    assert placeholder == f"[Result left out to save room: 260 characters of text{pointer}]"
    assert names(send) == (["look"] if redacts else ["look", "read_result"])
    if not redacts:
        assert text(read(conversation, id="a", offset=250)) == LETTERS[250 % 26 :]


def test_what_was_cut_before_can_t_be_read_after_a_compaction_that_redacts() -> None:
    compaction = Layered(strategies=(Threshold(tool_results="redact"),))
    conversation, _ = after_result(LETTERS, config=msgspec.structs.replace(LOOKS, compaction=compaction))
    assert text(read(conversation, id="a", offset=20)) == "uvwxyz"
    conversation.handle(answered(3, "done"))
    conversation.handle(received(msg.Compact()))

    conversation.handle(ev.CompactionEnded(compaction=1, messages=conversation.history[:1]))

    conversation.handle(user_message("what was it?"))
    assert read(conversation, "t", id="a").is_error


def test_the_tool_is_not_offered_before_and_not_where_there_are_no_tools() -> None:
    conversation, send = after_result("short")
    assert names(send) == ["look"]
    conversation.handle(answered(2, "done"))

    conversation.handle(user_message("hi"))
    conversation.handle(answered(3, tool_use("b")))
    conversation.handle(long_result("b", LETTERS))
    conversation.handle(answered(4, "done"))
    without = msg.UserMessage(content=(Text("hi"),), settings=TurnSettings(tools=()))

    assert names(only_one(SendRequest, conversation.handle(received(without)))) == []
    conversation.handle(answered(5, "done"))
    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == ["look", "read_result"]
    conversation.handle(answered(6, "done"))
    conversation.handle(received(msg.Clear()))
    assert names(only_one(SendRequest, conversation.handle(user_message("hi")))) == ["look"]
    assert conversation.history_size.removed_bytes == 0


def test_one_that_is_there_from_the_start_is_offered_once() -> None:
    config = msgspec.structs.replace(DISCARD, tools=(READ_RESULT, LOOK))
    config = msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=SessionConfig)  # as a session's process has it

    _, send = after_result(LETTERS, config=config)

    assert names(send) == ["read_result", "look"]


def test_a_choice_among_some_tools_lets_the_model_read_too() -> None:
    config = SessionConfig(
        provider=Anthropic(model="claude"), tools=(LOOK, Tool(name="fly")), tool_choice=ToolChoice(allowed=("look",))
    )

    _, send = after_result(LETTERS, config=config)

    assert send.config.tool_choice == ToolChoice(allowed=("look", "read_result"))


def test_what_is_offered_counts_in_the_context_and_requests_share_their_settings() -> None:
    conversation, send = after_result(LETTERS)
    other, _ = after_result("short")

    assert conversation.request_config is send.config
    assert conversation.request_config is conversation.request_config
    plain, offered = other.fill.settings_tokens, conversation.fill.settings_tokens
    assert isinstance(plain, int)
    assert isinstance(offered, int)
    assert offered > plain + 50


def test_what_is_kept_survives_its_process_and_is_dropped_when_memory_is_short() -> None:
    conversation = opened_conversation(LOOKS)
    records = [ev.Record(1, ev.Opened(config=LOOKS, created_at=0.0))]
    for event in (user_message("hi"), answered(1, tool_use("a")), long_result("a", LETTERS)):
        record = conversation.handle(event)[0]
        assert isinstance(record, ev.Record)
        records.append(record)

    later = replayed(records)

    assert later == conversation == Conversation.restore(conversation.snapshot())
    assert later.history_size.removed_bytes == 26
    assert text(read(later, id="a", offset=20)) == "uvwxyz"
    conversation.handle(ev.HistoryTrimmed(limit_bytes=0))
    assert conversation.history_size.removed_bytes == 0
    assert read(conversation, id="a", offset=200).is_error


def test_an_interrupted_turn_leaves_the_context_as_it_was_with_the_tool_in_it() -> None:
    conversation = opened_conversation(LOOKS)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "hello"))
    before = conversation.fill
    conversation.handle(user_message("look"))
    conversation.handle(answered(2, tool_use("a")))
    conversation.handle(long_result("a", LETTERS))

    conversation.handle(received(msg.Interrupt()))

    assert conversation.fill.messages == before.messages
    assert conversation.fill.count.tokens is not None
    assert before.count.tokens is not None
    assert conversation.fill.count.tokens > before.count.tokens


def test_the_name_is_reserved_where_it_is_written() -> None:
    with pytest.raises(InvalidConfig, match="read_result is a built-in tool; give your own another name"):
        msgspec.structs.replace(KEEP, tools=(Tool(name="read_result"),))
    with pytest.raises(InvalidConfig, match=r"message\.tools: read_result is a built-in tool"):
        msg.Configure(tools=(Tool(name="read_result"),))
