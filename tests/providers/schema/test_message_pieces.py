from hypothesis import given, settings
from hypothesis import strategies as st

from rayconteur.providers.schema.content import Text, ToolResult
from rayconteur.providers.schema.messages import HistoryView, Message, Role
from rayconteur.providers.schema.request import WireMemo
from rayconteur.providers.wire.alternating_messages import alternating_messages, message_openings

OPENINGS = message_openings(user="user", assistant="model", content="parts")
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(Role),
    content=st.sampled_from([(Text("hi"),), (ToolResult("a"),)]),
    turn=st.just(1),
)
CHANGES = st.tuples(
    st.integers(0, 700),
    st.lists(MESSAGES, min_size=1, max_size=8),
    st.integers(1, 80),
    st.dictionaries(st.integers(0, 1_000), st.sampled_from([b"", b"marked"]), max_size=3),
)


@settings(max_examples=50)
@given(st.lists(CHANGES, min_size=1, max_size=4), st.booleans())
def test_pieces_that_are_kept_are_those_that_would_be_made(
    changes: list[tuple[int, list[Message], int, dict[int, bytes]]], results_apart: bool
) -> None:
    memo, log = WireMemo(), list[Message]()
    for kept, added, times, marks in changes:
        log = [*log[:kept], *added * times]
        encoded = list(memo.forms(HistoryView(log), "dialect", lambda message: [message.role]))
        for index, form in marks.items():
            encoded[index % len(encoded)] = form

        pieces = alternating_messages(HistoryView(log), encoded, OPENINGS, results_apart, memo)

        assert pieces == alternating_messages(log, encoded, OPENINGS, results_apart)


def test_a_message_that_is_marked_for_one_request_is_not_for_the_next() -> None:
    memo = WireMemo()
    log = [Message(role=role, content=(Text("hi"),), turn=turn) for turn in range(300) for role in Role]
    encoded = list(memo.forms(HistoryView(log), "dialect", lambda message: [message.role]))
    marked = [*encoded[:10], b"marked", *encoded[11:]]

    pieces = [
        alternating_messages(HistoryView(log), forms, OPENINGS, memo=memo) for forms in (encoded, marked, encoded)
    ]

    assert pieces[0] == pieces[2] == alternating_messages(log, encoded, OPENINGS)
    assert pieces[1] == alternating_messages(log, marked, OPENINGS)
