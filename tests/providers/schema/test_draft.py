"""What a draft makes of deltas."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.schema.content import Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    BlocksWithdrawn,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.draft import Answer, Draft, unique_tool_ids
from rayconteur.providers.schema.errors import IncompleteAnswer, ProtocolError
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported

STARTED = AnswerStarted("m1", "raven-1")
ENDED = AnswerEnded(StopReason.END_TURN, "stop")


def draft_of(*deltas: Delta) -> Draft:
    draft = Draft("rookery")
    draft.add(deltas)
    return draft


def answer_of(*deltas: Delta) -> Answer:
    return draft_of(STARTED, *deltas, ENDED).finish()


def tool_use(json: str, stop_reason: StopReason = StopReason.END_TURN) -> ToolUse:
    end = AnswerEnded(stop_reason, None)
    (block,) = draft_of(STARTED, ToolUseStarted(0, "t1", "fly"), ToolInputDelta(0, json), end).finish().content
    assert isinstance(block, ToolUse)
    return block


def test_an_answer_has_the_id_model_usage_and_stop_reason_of_its_deltas() -> None:
    answer = draft_of(STARTED, TextDelta(0, "Caw"), AnswerEnded(StopReason.MAX_TOKENS, "length")).finish()

    assert answer == Answer(
        message_id="m1",
        model="raven-1",
        content=(Text(text="Caw"),),
        stop_reason=StopReason.MAX_TOKENS,
        raw_stop_reason="length",
        usage=Usage(),
    )


def test_blocks_are_in_the_order_of_their_indexes_however_their_deltas_interleave() -> None:
    answer = answer_of(
        TextDelta(4, "b"),
        ToolUseStarted(2, "t1", "fly"),
        TextDelta(0, "a"),
        ToolInputDelta(2, '{"to": '),
        TextDelta(4, "c"),
        ToolInputDelta(2, '"tree"}'),
        TextDelta(0, "z"),
    )

    assert answer.content == (Text(text="az"), ToolUse(id="t1", name="fly", input={"to": "tree"}), Text(text="bc"))


def test_empty_blocks_are_omitted() -> None:
    answer = answer_of(TextDelta(0, ""), BlockEnded(0), ThinkingDelta(1, ""), BlockEnded(1), TextDelta(2, " "))

    assert answer.content == (Text(text=" "),)


def test_thinking_has_its_provider_and_its_signature() -> None:
    answer = answer_of(
        ThinkingDelta(0, "Shiny"),
        ThinkingDelta(0, "?"),
        ThinkingSigned(0, "s1"),
        ThinkingSigned(1, "s2"),
        ThinkingSigned(2, "s3", redacted=True),
        ThinkingDelta(3, "unsigned"),
    )

    assert answer.content == (
        Thinking(text="Shiny?", provider="rookery", signature="s1"),
        Thinking(text="", provider="rookery", signature="s2"),
        Thinking(text="", provider="rookery", signature="s3", redacted=True),
        Thinking(text="unsigned", provider="rookery"),
    )


def test_an_opaque_block_is_kept_unchanged() -> None:
    answer = answer_of(OpaqueReceived(0, "web_search", b'{ "q": 1 }'), BlockEnded(0))

    assert answer.content == (Opaque(provider="rookery", type="web_search", json=b'{ "q": 1 }'),)


@pytest.mark.parametrize(("json", "decoded"), [("", {}), ("{}", {}), (' {"n": [1, null]} ', {"n": [1, None]})])
def test_tool_input_is_the_decoded_object_and_no_input_is_an_empty_one(json: str, decoded: dict[str, object]) -> None:
    assert tool_use(json) == ToolUse(id="t1", name="fly", input=decoded)


@pytest.mark.parametrize(
    "json",
    [
        '{"to": "tr',
        "{} {}",
        "[]",
        "null",
        '"{}"',
        "7",
        " ",
        "{'a': 1}",
        '{"a": NaN}',
        '{"n": 18446744073709551616}',
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, id="too deeply nested"),
    ],
)
def test_tool_input_that_is_not_a_json_object_is_kept_as_text_and_never_guessed(json: str) -> None:
    assert tool_use(json) == ToolUse(id="t1", name="fly", input={"INVALID_JSON": json}, malformed=json)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\udc26", "\ufffd"),
        (r"\ud83d\ud83d\udc26", "\ufffd\N{BIRD}"),
        (r"\uD83D\uDC26", "\N{BIRD}"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
    ],
)
def test_half_a_character_in_tool_input_is_replaced_and_the_input_kept(escaped: str, text: str) -> None:
    assert tool_use(f'{{"a":"{escaped}"}}') == ToolUse(id="t1", name="fly", input={"a": text})


def test_tool_uses_with_the_same_id_get_distinct_ones() -> None:
    starts = [ToolUseStarted(index, use_id, "fly") for index, use_id in enumerate(["a", "a", "a-2", "a", "b"])]

    uses = [block for block in answer_of(*starts).content if isinstance(block, ToolUse)]

    assert [use.id for use in uses] == ["a", "a-2", "a-2-2", "a-3", "b"]


def test_a_tool_use_without_an_id_gets_one() -> None:
    content = answer_of(ToolUseStarted(0, "", "fly"), ToolUseStarted(1, "", "fly")).content

    assert [block.id for block in content if isinstance(block, ToolUse)] == ["tool_use", "tool_use-2"]


def test_ids_that_are_taken_are_not_given_again() -> None:
    a, b = ToolUse(id="a", name="fly", input={}), ToolUse(id="b", name="fly", input={})

    assert [*unique_tool_ids([a, Text(text="Caw"), b], {"a", "a-2"})] == [
        ToolUse(id="a-3", name="fly", input={}),
        Text(text="Caw"),
        b,
    ]


def test_a_later_usage_replaces_only_the_counts_that_it_has() -> None:
    first = Usage(input=reported(9), output=reported(1))
    later = Usage(output=reported(5), reasoning=reported(2))

    answer = answer_of(UsageReported(first), UsageReported(later))

    assert answer.usage == Usage(input=reported(9), output=reported(5), reasoning=reported(2))


def test_a_partial_answer_keeps_only_blocks_that_a_history_may_hold() -> None:
    partial = draft_of(
        STARTED,
        ThinkingDelta(0, "signed"),
        ThinkingSigned(0, "s1"),
        ThinkingDelta(1, "unsigned"),
        OpaqueReceived(2, "web_search", b"{}"),
        TextDelta(3, "Ca"),
        ToolUseStarted(4, "t1", "fly"),
        ToolInputDelta(4, "{}"),
        BlockEnded(4),
        ToolUseStarted(5, "t2", "fly"),
        ToolInputDelta(5, "{}"),
        TextDelta(6, "w"),
    ).partial()

    assert partial.content == (
        Thinking(text="signed", provider="rookery", signature="s1"),
        Opaque(provider="rookery", type="web_search", json=b"{}"),
        Text(text="Ca"),
        ToolUse(id="t1", name="fly", input={}),
        Text(text="w"),
    )
    assert partial.text == "Caw"


def test_a_partial_answer_without_deltas_is_empty() -> None:
    partial = draft_of().partial()

    assert (partial.content, partial.text, partial.usage, partial.message_id, partial.model) == (
        (),
        "",
        Usage(),
        None,
        None,
    )


def test_reading_a_partial_answer_does_not_change_the_draft() -> None:
    draft = draft_of(STARTED, TextDelta(0, "Ca"))

    assert draft.partial() == draft.partial()
    draft.add([TextDelta(0, "w"), ENDED])

    assert draft.finish().content == (Text(text="Caw"),)


def test_an_answer_without_its_end_is_incomplete() -> None:
    with pytest.raises(IncompleteAnswer) as caught:
        draft_of(STARTED, TextDelta(0, "Ca")).finish()

    assert caught.value.provider == "rookery"


@pytest.mark.parametrize(
    "deltas",
    [
        [TextDelta(0, "before the start")],
        [UsageReported(Usage())],
        [ENDED],
        [STARTED, STARTED],
        [STARTED, ENDED, ENDED],
        [STARTED, TextDelta(0, "a"), ENDED, TextDelta(0, "after the end")],
        [STARTED, ENDED, UsageReported(Usage())],
        [STARTED, BlockEnded(0)],
        [STARTED, TextDelta(0, "a"), BlockEnded(0), BlockEnded(0)],
        [STARTED, TextDelta(0, "a"), BlockEnded(0), TextDelta(0, "b")],
        [STARTED, ThinkingDelta(0, "a"), BlockEnded(0), ThinkingSigned(0, "s")],
        [STARTED, ToolUseStarted(0, "t", "fly"), BlockEnded(0), ToolInputDelta(0, "{}")],
        [STARTED, ToolInputDelta(0, "{}")],
        [STARTED, ToolUseStarted(0, "t", "fly"), ToolUseStarted(0, "u", "fly")],
        [STARTED, TextDelta(0, "a"), ToolUseStarted(0, "t", "fly")],
        [STARTED, TextDelta(0, "a"), ToolInputDelta(0, "{}")],
        [STARTED, TextDelta(0, "a"), ThinkingDelta(0, "b")],
        [STARTED, ThinkingDelta(0, "a"), TextDelta(0, "b")],
        [STARTED, ThinkingDelta(0, "a"), ThinkingSigned(0, "s", redacted=True)],
        [STARTED, ThinkingSigned(0, "s", redacted=True), ThinkingDelta(0, "a")],
        [STARTED, OpaqueReceived(0, "x", b"{}"), OpaqueReceived(0, "x", b"{}")],
        [STARTED, OpaqueReceived(0, "x", b"{}"), TextDelta(0, "a")],
    ],
    ids=lambda deltas: "-".join(type(delta).__name__ for delta in deltas),
)
def test_deltas_in_an_invalid_order_are_rejected_at_once(deltas: list[Delta]) -> None:
    draft = draft_of(*deltas[:-1])

    with pytest.raises(ProtocolError, match=type(deltas[-1]).__name__):
        draft.add(deltas[-1:])


def test_deltas_before_an_invalid_one_are_kept() -> None:
    draft = draft_of()

    with pytest.raises(ProtocolError):
        draft.add([STARTED, TextDelta(0, "Caw"), BlockEnded(7)])

    assert draft.partial().text == "Caw"


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=3))), st.lists(st.integers(0, 40)))
def test_the_batching_of_deltas_makes_no_difference(texts: list[tuple[int, str]], cuts: list[int]) -> None:
    deltas: list[Delta] = [STARTED, *(TextDelta(index, text) for index, text in texts), ENDED]
    draft = Draft("rookery")

    bounds = [0, *sorted(min(cut, len(deltas)) for cut in cuts), len(deltas)]
    for first, end in pairwise(bounds):
        draft.add(deltas[first:end])
        draft.partial()

    expected = ["".join(text for at, text in texts if at == index) for index in range(3)]
    assert draft.finish().content == tuple(Text(text=text) for text in expected if text)


def test_an_answer_survives_encoding_and_decoding() -> None:
    answer = answer_of(
        TextDelta(0, "Caw"), ToolUseStarted(1, "t1", "fly"), ToolInputDelta(1, "{"), ThinkingSigned(2, "s")
    )

    assert msgspec.json.decode(msgspec.json.encode(answer), type=Answer) == answer


CUTTING = [StopReason.MAX_TOKENS, StopReason.CONTEXT_FULL, StopReason.CONTENT_FILTER, StopReason.REFUSAL]


@pytest.mark.parametrize("reason", CUTTING)
@pytest.mark.parametrize("json", ["", "{}", '{"to": "tr'])
def test_a_tool_use_at_the_end_of_an_answer_that_was_stopped_is_cut_off_unless_its_input_is_there(
    json: str, reason: StopReason
) -> None:
    cut = ToolUse(id="t1", name="fly", input={"INVALID_JSON": json}, malformed=json, cut_off=reason)

    assert tool_use(json, reason) == cut
    assert tool_use('{"to": 1}', reason) == ToolUse(id="t1", name="fly", input={"to": 1})


@pytest.mark.parametrize("reason", [reason for reason in StopReason if reason not in CUTTING])
def test_no_input_is_an_empty_object_where_nothing_stopped_the_answer(reason: StopReason) -> None:
    assert tool_use("", reason) == ToolUse(id="t1", name="fly", input={})


@pytest.mark.parametrize(
    ("after", "is_cut_off"),
    [
        ([TextDelta(1, "more")], False),
        ([ToolUseStarted(1, "t2", "fly")], False),
        ([OpaqueReceived(1, "kept", b"{}")], True),  # some follow each answer, whatever the model wrote last
        ([TextDelta(1, "more"), BlocksWithdrawn((1,))], True),
    ],
)
def test_only_the_last_thing_that_the_model_wrote_can_be_cut_off(after: list[Delta], is_cut_off: bool) -> None:
    ended = AnswerEnded(StopReason.MAX_TOKENS, "length")
    draft = Draft("rookery")
    draft.add([STARTED, ToolUseStarted(0, "t1", "fly"), *after, ended])

    first = next(block for block in draft.finish().content if isinstance(block, ToolUse))

    assert (first.cut_off is not None) == is_cut_off
