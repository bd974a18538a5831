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
