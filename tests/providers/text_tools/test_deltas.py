"""The deltas of answers that use tools in their text."""

import pytest

import rayconteur as rc
from rayconteur.providers import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    BlocksWithdrawn,
    Citation,
    Cited,
    Delta,
    Draft,
    OpaqueReceived,
    Settings,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
)
from rayconteur.providers.schema.content import Opaque, Thinking
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.text_tools.client import TextAnswer
from rayconteur.runtime import TextTools

LOOK = rc.Tool(name="look")
SETTINGS = Settings(tools=(LOOK,))
USE = '<tool_use name="look"/>'
OPEN = '<tool_use name="look"><parameter name="where">roof'
CLOSED = "</parameter></tool_use>"
END = AnswerEnded(StopReason.END_TURN, "stop")


def answer_of(*deltas: Delta, settings: Settings = SETTINGS) -> Answer:
    """The answer that *deltas* come to, each on its own."""
    reading, draft = TextAnswer(settings, 4), Draft("p")
    for delta in (AnswerStarted("m", "x"), *deltas):
        draft.add(reading.read([delta]))
    return draft.finish()


def use(number: int, **given: str) -> rc.ToolUse:
    return rc.ToolUse(id=f"text-4-{number}", name="look", input=dict(given))


def test_thinking_and_blocks_of_the_provider_keep_their_places_among_texts_and_tool_uses() -> None:
    answer = answer_of(
        ThinkingDelta(0, USE),
        ThinkingSigned(0, "s"),
        BlockEnded(0),
        TextDelta(1, f"Now {USE} and"),
        BlockEnded(1),
        OpaqueReceived(2, "search", b"{}"),
        BlockEnded(2),
        ToolUseStarted(3, "own", "search"),
        ToolInputDelta(3, '{"a":1}'),
        BlockEnded(3),
        TextDelta(4, f"then\n{USE}\n"),
        END,
    )

    assert answer.content == (
        Thinking(text=USE, provider="p", signature="s"),
        rc.Text("Now"),
        use(1),
        rc.Text("and"),
        Opaque(provider="p", type="search", json=b"{}"),
        rc.ToolUse(id="own", name="search", input={"a": 1}),
        rc.Text("then"),
        use(2),
    )
    assert (answer.stop_reason, answer.raw_stop_reason) == (StopReason.TOOL_USE, "stop")


def test_a_tool_use_may_go_on_in_the_next_block_of_text() -> None:
    answer = answer_of(TextDelta(0, OPEN), BlockEnded(0), TextDelta(1, f" top{CLOSED}"), BlockEnded(1), END)

    assert answer.content == (use(1, where="roof top"),)


def test_citations_go_to_the_text_before_them_without_a_position_that_is_not_there_any_more() -> None:
    cited = Citation(cited_text="a", start=2, end=3)

    whole = answer_of(TextDelta(0, "It is."), Cited(0, cited), END)
    parted = answer_of(TextDelta(0, f"{USE}It is."), Cited(0, cited), END)

    assert whole.content == (rc.Text(text="It is.", citations=(cited,)),)
    assert parted.content == (use(1), rc.Text(text="It is.", citations=(Citation(cited_text="a"),)))


def test_tool_uses_of_withdrawn_text_are_withdrawn() -> None:
    answer = answer_of(
        TextDelta(0, f"No {USE} {OPEN}"), BlocksWithdrawn((0,)), TextDelta(1, f"Yes {USE}"), BlockEnded(1), END
    )

    assert answer.content == (rc.Text("Yes"), use(3))


@pytest.mark.parametrize(
    ("settings", "text", "before", "after"),
    [
        (SETTINGS, "Hi.", StopReason.END_TURN, StopReason.END_TURN),
        (SETTINGS, "Hi.", StopReason.STOP_SEQUENCE, StopReason.END_TURN),
        (Settings(tools=(LOOK,), stop_sequences=("!",)), "Hi.", StopReason.STOP_SEQUENCE, StopReason.STOP_SEQUENCE),
        (SETTINGS, USE, StopReason.STOP_SEQUENCE, StopReason.TOOL_USE),
        (SETTINGS, USE, StopReason.MAX_TOKENS, StopReason.MAX_TOKENS),
        (Settings(tools=(LOOK,), text_tools=TextTools(max_calls=1)), USE, StopReason.END_TURN, StopReason.TOOL_USE),
        (
            Settings(tools=(LOOK,), text_tools=TextTools(max_calls=1)),
            f"{USE}!",
            StopReason.END_TURN,
            StopReason.TOOL_LIMIT,
        ),
        (
            Settings(tools=(LOOK,), tool_choice=rc.ToolChoice(parallel=False)),
            f"{USE}\n{USE}",
            StopReason.END_TURN,
            StopReason.TOOL_LIMIT,
        ),
    ],
)
def test_the_stop_reason_says_whether_tools_are_used(
    settings: Settings, text: str, before: StopReason, after: StopReason
) -> None:
    answer = answer_of(TextDelta(0, text), AnswerEnded(before, None), settings=settings)

    assert answer.stop_reason is after
    assert [block for block in answer.content if isinstance(block, rc.ToolUse)] == ([use(1)] if USE in text else [])


@pytest.mark.parametrize(
    "choice",
    [rc.ToolChoice(mode="none"), rc.ToolChoice(mode="tool", name="fly"), rc.ToolChoice(allowed=("fly",))],
)
def test_a_tool_that_the_choice_rules_out_is_not_run(choice: rc.ToolChoice) -> None:
    settings = Settings(tools=(LOOK, rc.Tool(name="fly")), tool_choice=choice)

    [refused] = answer_of(TextDelta(0, USE), END, settings=settings).content

    assert isinstance(refused, rc.ToolUse)
    assert refused.problem == "this tool may not be used now"
