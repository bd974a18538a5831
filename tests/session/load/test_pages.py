"""Statuses and histories are sent in pages, each of which blocks an event loop for some milliseconds."""

import asyncio
import time
from collections.abc import Callable
from random import Random

import msgspec
import pytest
from fixtures.session import SESSION_KEY, running_session
from hypothesis import given
from hypothesis import strategies as st

import rayconteur as rc
from rayconteur.providers import Role
from rayconteur.providers.schema.messages import HistoryView
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.pages import (
    PAGE_SESSIONS,
    WHOLE,
    HistoryPosition,
    HistorySelection,
    decode_history_page,
    decode_statuses,
    encode_history_page,
    encode_statuses,
)
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.runtime.session.sorted_ids import SortedIds

STALL_S = 0.02


def messages(count: int, text: str = "caw") -> list[rc.Message]:
    return [rc.Message(role=Role.USER, content=(rc.Text(text),), turn=turn) for turn in range(count)]


def read_pages(
    next_view: Callable[[], HistoryView], selection: HistorySelection = WHOLE
) -> tuple[list[rc.Message], int]:
    """All messages, and the number of pages: as a driver reads them."""
    found: list[rc.Message] = []
    position: HistoryPosition | None = None
    for pages in range(1, 1_000):
        page = decode_history_page(encode_history_page(next_view(), position, selection))
        found[page.start :] = page.messages
        if (position := page.next) is None:
            return found, pages
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize(
    ("history", "pages"),
    [
        ([], 1),
        (messages(3), 1),
        (messages(12_000), 3),
        (messages(5, "x" * 600_000), 3),
        (messages(3, "x" * 3_000_000), 3),
    ],
    ids=["empty", "short", "many messages", "long messages", "messages longer than a page"],
)
def test_a_history_arrives_whole_in_pages(history: list[rc.Message], pages: int) -> None:
    assert read_pages(lambda: HistoryView(history)) == (history, pages)


@given(
    turns=st.lists(st.integers(1, 6), max_size=12),
    limit=st.none() | st.integers(1, 5),
    roles=st.sets(st.sampled_from(Role)),
    before=st.none() | st.integers(0, 7),
    after=st.none() | st.integers(0, 7),
)
def test_a_selection_has_the_last_messages_that_fit_it(
    turns: list[int], limit: int | None, roles: set[Role], before: int | None, after: int | None
) -> None:
    sides = [Role.USER, Role.ASSISTANT]
    history = [rc.Message(role=sides[at % 2], content=(), turn=turn) for at, turn in enumerate(turns)]
    selection = HistorySelection(limit=limit, roles=frozenset(roles), before=before, after=after)

    fitting = [each for each in history if not roles or each.role in roles]
    fitting = [each for each in fitting if before is None or each.turn < before]
    fitting = [each for each in fitting if after is None or each.turn > after]

    assert read_pages(lambda: HistoryView(history), selection)[0] == fitting[-limit if limit else 0 :]


def test_a_selection_of_a_long_history_arrives_whole_in_pages() -> None:
    history = messages(50_000)

    found, pages = read_pages(lambda: HistoryView(history), HistorySelection(after=30_000, before=42_000))

    assert found == history[30_001:42_000]
    assert pages == 4  # one without any, and three of up to 5,000


def test_a_page_ends_with_the_message_that_fills_it() -> None:
    overhead = len(msgspec.msgpack.encode(messages(1, "x" * 100_000)[0])) - 100_000
    exactly = messages(1, "x" * ((1 << 20) - overhead))
    shorter = messages(1, "x" * ((1 << 20) - overhead - 1))

    assert read_pages(lambda: HistoryView([*exactly, *messages(1)]))[1] == 2
    assert read_pages(lambda: HistoryView([*shorter, *messages(1)]))[1] == 1


def test_a_history_that_grows_meanwhile_is_read_as_it_was_at_first() -> None:
    log = messages(12_000)
    before = list(log)

    def next_view() -> HistoryView:
        view = HistoryView(log)
        log.extend(messages(1))
        return view

    assert read_pages(next_view)[0] == before


def test_a_history_that_loses_messages_meanwhile_is_read_from_the_start_again() -> None:
    old, new = messages(12_000), messages(7_000, "other")
    views = iter([HistoryView(old, 1), HistoryView(old, 1), HistoryView(new, 2), HistoryView(new, 2)])

    assert read_pages(lambda: next(views))[0] == new


def test_a_page_of_a_history_blocks_for_some_milliseconds() -> None:
    view = HistoryView(messages(200_000, "caw " * 20))

    spent_s: list[float] = []
    for _ in range(3):
        before_s = time.thread_time()
        encode_history_page(view, HistoryPosition(0, 190_000, 200_000))
        spent_s.append(time.thread_time() - before_s)

    assert min(spent_s) < STALL_S


def test_a_page_of_statuses_arrives_whole_and_blocks_for_some_milliseconds() -> None:
    async def publish(data: bytes) -> None:
        await asyncio.sleep(0)

    async def on_end(session_ids: dict[str, int]) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        host = Host([publish], on_end, ClientPool())
        ids = [f"s{number}" for number in range(PAGE_SESSIONS)]
        await host.open(ids, 1, rc.SessionConfig(provider=rc.Scripted()))

        spent_s: list[float] = []
        for _ in range(3):
            before_s = time.thread_time()
            encode_statuses(host.statuses(ids))
            spent_s.append(time.thread_time() - before_s)

        assert decode_statuses(encode_statuses(host.statuses([*ids, "ghost"]))) == host.statuses(ids)
        assert min(spent_s) < STALL_S

    asyncio.run(main())


def test_a_discarded_turn_and_a_cleared_history_have_another_revision() -> None:
    async def main() -> None:
        async with running_session(rc.SessionConfig(provider=rc.Scripted())) as session:
            revisions: set[int] = set()
            for _ in range(2):
                await session.wait_for_event(rc.Completed, session.ask())
                revisions.add(session.host.history(SESSION_KEY).revision)
                session.tell(rc.Clear())
                revisions.add(session.host.history(SESSION_KEY, full=True).revision)

            assert len(revisions) == 3
            assert not session.host.history(SESSION_KEY)

    asyncio.run(main())


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3_000)), max_size=200), st.text("s0123456789", max_size=5))
def test_ids_are_read_in_order_whatever_comes_and_goes(changes: list[tuple[bool, int]], after: str) -> None:
    ids = SortedIds()
    kept = {f"s{number}" for number in range(0, 2_500, 2)}
    for session_id in kept:
        ids.add(session_id)

    for is_new, number in changes:
        session_id = f"s{number}"
        if is_new and session_id not in kept:
            ids.add(session_id)
            kept.add(session_id)
        elif not is_new and session_id in kept:
            ids.remove(session_id)
            kept.remove(session_id)

    following = sorted(session_id for session_id in kept if session_id > after)
    for limit in (1, 700, 5_000):
        assert ids.page(after, limit) == following[:limit]
    left = sorted(kept)
    while left:
        ids.remove(left.pop(0))
        assert ids.page("", 1) == left[:1]


def test_the_last_id_may_go_and_another_one_come() -> None:
    ids = SortedIds()
    assert ids.page("", 5) == []

    ids.add("a")
    ids.remove("a")
    ids.add("b")

    assert ids.page("", 5) == ["b"]
    assert ids.page("b", 5) == []


@pytest.mark.parametrize("seed", range(3))
def test_ids_that_come_in_any_order_are_read_in_order(seed: int) -> None:
    ids, coming = SortedIds(), [f"s{number:05}" for number in range(6_000)]
    Random(seed).shuffle(coming)

    for session_id in coming:
        ids.add(session_id)

    assert ids.page("", 9_000) == sorted(coming)
    assert [ids.page(session_id, 1) for session_id in sorted(coming)[1_000:1_100]] == [
        [session_id] for session_id in sorted(coming)[1_001:1_101]
    ]


def test_an_id_is_found_where_many_were_split() -> None:
    ids = SortedIds()
    ascending = [f"s{number:04}" for number in range(1_025)]  # just split
    for session_id in ascending:
        ids.add(session_id)

    for session_id in ascending[500:520]:
        ids.remove(session_id)

    assert ids.page("", 2_000) == [*ascending[:500], *ascending[520:]]
