"""Tool calls of compatible servers: which fragments are one call, and what its name is."""

from itertools import pairwise

import msgspec
import pytest
from builders.chat import DONE, calls_chunk, chunk, decode_stream
from builders.decoding import decode_body
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.openai.chat.decoder import answer_decoder
from rayconteur.providers.schema.content import ToolUse
from rayconteur.providers.schema.deltas import Delta, ToolUseStarted
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import ProtocolError

Call = tuple[str, object]
FIRST, SECOND = '{"a":1}', '{"b":2}'
EACH_FORM = pytest.mark.parametrize(("index", "call_id"), [(0, "x"), (0, None), (None, None), (None, "x")])


def piece(
    name: str | None = None, arguments: str | None = None, index: int | None = 0, call_id: str | None = None
) -> str:
    """A fragment of a call, without the members that are ``None``."""
    function = _present({"name": name, "arguments": arguments})
    return msgspec.json.encode(_present({"index": index, "id": call_id, "function": function})).decode()


def _present(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def uses_in(deltas: list[Delta]) -> list[ToolUse]:
    """The tool uses in the answer that *deltas* make."""
    draft = Draft("raven")
    draft.add(deltas)
    return [block for block in draft.finish().content if isinstance(block, ToolUse)]


def calls_of(*pieces: str) -> list[Call]:
    """The name and the input of each call of a stream with each of *pieces* in a chunk."""
    uses = uses_in(decode_stream(*map(calls_chunk, pieces), chunk(reason='"tool_calls"'), DONE))
    return [(use.name, use.malformed or use.input) for use in uses]


@EACH_FORM
def test_a_name_after_complete_arguments_starts_a_call(index: int | None, call_id: str | None) -> None:
    found = calls_of(piece("fly", FIRST, index, call_id), piece("land", SECOND, index, call_id))

    assert found == [("fly", {"a": 1}), ("land", {"b": 2})]


@EACH_FORM
def test_the_same_name_with_other_arguments_is_another_call(index: int | None, call_id: str | None) -> None:
    again = (piece("fly", "", index, call_id), piece(None, SECOND, index))

    assert calls_of(piece("fly", FIRST, index, call_id), *again) == [("fly", {"a": 1}), ("fly", {"b": 2})]


@EACH_FORM
def test_a_name_repeated_with_each_fragment_is_one_call(index: int | None, call_id: str | None) -> None:
    fragments = (piece("fly", text, index, call_id) for text in ("", '{"a"', ":1}", ""))

    assert calls_of(*fragments) == [("fly", {"a": 1})]


def test_fragments_whose_index_rises_are_one_call_until_its_input_is_complete() -> None:
    fragments = (piece(None, text, index) for index, text in enumerate(('{"a"', ":", "1}"), start=1))
    second = (piece("land", '{"b"', 4), piece(None, ":2}", 5))

    assert calls_of(piece("fly", "", 0, "x"), *fragments, *second) == [("fly", {"a": 1}), ("land", {"b": 2})]


def test_a_name_may_follow_its_input_at_an_index_of_its_own() -> None:
    found = calls_of(piece("fly", FIRST, 0), piece(None, SECOND, 1), piece("land", None, 1))

    assert found == [("fly", {"a": 1}), ("land", {"b": 2})]


def test_a_repeated_name_before_another_call_is_no_call() -> None:
    found = calls_of(piece("fly", FIRST, 0, "x"), piece("fly", "", 0, "x"), piece("land", SECOND, 1, "y"))

    assert found == [("fly", {"a": 1}), ("land", {"b": 2})]


@given(cuts=st.sets(st.integers(1, 10)), with_arguments=st.booleans())
def test_a_name_in_pieces_is_one_name_wherever_it_is_split(cuts: set[int], with_arguments: bool) -> None:
    name = "get_weather"
    *before, last = [name[start:end] for start, end in pairwise([0, *sorted(cuts), len(name)])]
    end = [piece(last, FIRST)] if with_arguments else [piece(last), piece(None, FIRST)]

    assert calls_of(*map(piece, before), *end) == [(name, {"a": 1})]


@given(cut=st.integers(1, len(FIRST)))
def test_a_name_after_any_part_of_the_arguments_is_waited_for(cut: int) -> None:
    before, after = FIRST[:cut], FIRST[cut:]

    assert calls_of(piece(None, before, 0, "x"), piece("fly"), piece(None, after)) == [("fly", {"a": 1})]


def test_calls_without_index_and_id_in_one_chunk_are_separate() -> None:
    uses = uses_in(decode_stream(calls_chunk(piece("fly", index=None), piece("land", index=None)), DONE))

    assert [use.name for use in uses] == ["fly", "land"]


def test_a_call_starts_with_its_first_arguments() -> None:
    decoder = answer_decoder("raven", 7)

    waiting = decoder.feed(f"data: {calls_chunk(piece('fly', '', 0, 'x'))}\n\n".encode())
    started = decoder.feed(f"data: {calls_chunk(piece(None, '{'))}\n\n".encode())

    assert not any(isinstance(delta, ToolUseStarted) for delta in waiting)
    assert ToolUseStarted(0, "x", "fly") in started


def test_a_call_whose_name_never_comes_is_a_protocol_error_that_quotes_it() -> None:
    with pytest.raises(ProtocolError, match=r"without a name.*call_1"):
        calls_of(piece(None, FIRST, 0, "call_1"))


@pytest.mark.parametrize("arguments", [FIRST, "", '{"a":'])
def test_each_call_of_a_whole_answer_is_separate_whatever_its_index_and_id(arguments: str) -> None:
    call = piece("fly", arguments, 0, "x")
    body = f'{{"choices":[{{"message":{{"tool_calls":[{call},{call}]}},"finish_reason":"tool_calls"}}]}}'

    first, second = uses_in(decode_body(answer_decoder("raven", 7), body.encode()))

    assert (first.id, second.id, second.name) == ("x", "x-2", "fly")
    assert (first.input, first.malformed) == (second.input, second.malformed)
    assert first.malformed in (None, arguments)
