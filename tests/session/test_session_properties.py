"""Any sequence of messages at any time: every turn ends once, and its events are in order."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from fixtures import virtual_time
from fixtures.session import SessionFixture, running_session
from hypothesis import given, settings
from hypothesis import strategies as st
from validators import history

import rayconteur as rc
from rayconteur.errors import MailboxError
from rayconteur.runtime import OnInterrupt, State, TurnEnd, WhenBusy
from rayconteur.scripted import Call, Cut, Fail, Say, Script, Step, Think, Wait

TEXT = "a raven is a bird of few words"
LOOK = rc.Tool(name="look")
STEPS: list[Step] = [
    Say(TEXT),
    Think("hm"),
    Call("look"),
    Call("look", json="{"),
    Wait(0.3),
    Wait(),
    Fail(),
    Fail(code="invalid_request"),
    Cut(),
]
scripts = st.builds(
    Script,
    answers=st.lists(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3).map(tuple), max_size=6).map(tuple),
    tokens_per_s=st.sampled_from([None, 20.0]),
    usage=st.sampled_from(["reported", "none"]),
)
configs = st.builds(
    rc.SessionConfig,
    provider=st.builds(rc.Scripted, script=scripts),
    on_interrupt=st.sampled_from(OnInterrupt),
    when_busy=st.sampled_from([WhenBusy.QUEUE, WhenBusy.INTERRUPT]),
    streaming=st.booleans(),
    tools=st.just((LOOK,)),
    retry=st.builds(rc.RetryPolicy, max_attempts=st.integers(1, 3), after_output=st.booleans()),
    limits=st.builds(rc.Limits, outbox_bytes=st.sampled_from([300, 100_000]), waiting_messages=st.just(3)),
)


def results_for_open_tool_uses(session: SessionFixture) -> rc.ToolResults:
    open_ids = session.status().open_tool_use_ids
    return rc.ToolResults(results=tuple(rc.ToolResult(use_id) for use_id in open_ids), last=True)


ACTIONS: dict[str, Callable[[SessionFixture], object]] = {
    "ask": lambda session: session.ask("hello"),
    "interrupt": lambda session: session.tell(rc.Interrupt()),
    "answer tools": lambda session: session.tell(results_for_open_tool_uses(session)),
    "retry": lambda session: session.tell(rc.Retry()),
    "clear": lambda session: session.tell(rc.Clear()),
    "compact": lambda session: session.tell(rc.Compact()),
    "configure": lambda session: session.tell(rc.Configure(system="briefly", next="turn")),
    "stop the router": lambda session: session.router_accepts.clear(),
    "resume the router": lambda session: session.router_accepts.set(),
}
action_lists = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from([0.0, 0.05, 0.4, 40.0])), max_size=15
)


@settings(max_examples=150, deadline=None)
@given(configs, action_lists)
def test_every_turn_ends_once_and_none_of_its_events_follow(
    config: rc.SessionConfig, actions: list[tuple[str, float]]
) -> None:
    async def main() -> list[rc.FromLLM]:
        async with running_session(config) as session:
            for action, pause_s in actions:
                with suppress(MailboxError):
                    ACTIONS[action](session)
                await asyncio.sleep(pause_s)
            status = session.status()
            tools_out = status.state is State.TOOLS_OUT
            assert history.violations(session.history(), tools_out=tools_out) == []
            turns = status.turns
        check_turns(session.events, turns)
        return session.events

    events = virtual_time.run(main())

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[-1], rc.Closed)


def check_turns(events: list[rc.FromLLM], turns: int) -> None:
    events_by_turn: dict[int, list[rc.FromLLM]] = defaultdict(list)
    for event in events:
        events_by_turn[event.turn].append(event)
    assert set(events_by_turn) - {0} == set(range(1, turns + 1))
    for turn in range(1, turns + 1):
        *before, end = events_by_turn[turn]
        assert isinstance(end, TurnEnd)
        assert not any(isinstance(event, TurnEnd) for event in before)
        assert all((number == 0) == isinstance(event, rc.TurnStarted) for number, event in enumerate(before))
        assert before or isinstance(end, rc.Interrupted)
