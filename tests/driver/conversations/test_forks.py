"""Forks, and the past of sessions, without a journal: from what the session holds."""

from collections.abc import Iterable

import msgspec
import pytest
from fixtures.rejections import ECHO, rejected, scripted

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, MissingKey, SessionExists, UnknownSession, UnknownTurn
from rayconteur.runtime import ForkOrigin
from rayconteur.scripted import Call, Say, Wait


def texts(messages: Iterable[rc.Message]) -> list[str]:
    return ["".join(each.text for each in message.content if isinstance(each, rc.Text)) for message in messages]


def talk(runtime: blocking.Runtime, *questions: str) -> blocking.SessionHandle:
    session = runtime.spawn(ECHO)
    for question in questions:
        session.ask(question).answer()
    return session


def test_a_fork_goes_on_from_a_turn_and_leaves_its_origin_alone(runtime: blocking.Runtime) -> None:
    session = talk(runtime, "one", "two")

    fork = session.fork(at=1)
    answer = fork.ask("another two").answer()

    assert (answer.turn, texts(fork.history())) == (2, ["one", "one", "another two", "another two"])
    assert texts(session.history()) == ["one", "one", "two", "two"]
    origin = fork.status().forked_from
    assert origin == ForkOrigin(session_id=session.id, epoch=session.epoch, turn=1)
    assert session.status().forked_from is None
    session.close()
    assert fork.ask("three").answer().turn == 3


@pytest.mark.parametrize(("at", "expected"), [(0, []), (1, ["one", "one"]), (2, ["one", "one", "two", "two"])])
def test_the_history_after_each_turn_can_be_read(runtime: blocking.Runtime, at: int, expected: list[str]) -> None:
    session = talk(runtime, "one", "two")

    assert texts(session.history(at=at)) == texts(session.history(True, at=at)) == expected
    assert texts(rc.load(session.export(at=at))) == expected
    session.rewind(to=at)
    assert texts(session.history()) == expected
    assert session.status().requests == 2


def test_a_turn_that_runs_is_no_part_of_a_fork(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say("1"),), (Say("2"), Wait())))
    session.ask("one").answer()
    session.send(rc.UserMessage.of("two"))
    session.send(rc.UserMessage.of("queued"))

    assert texts(session.fork().history()) == ["one", "1"]
    with rejected(UnknownTurn, "turn 2 has not ended"):
        session.fork(at=2)
    session.interrupt()


def test_what_is_gone_or_never_was_can_not_be_gone_back_to(runtime: blocking.Runtime) -> None:
    session = talk(runtime, "one", "two")
    session.rewind()

    for turn in (2, 9):
        with rejected(UnknownTurn, f"turn {turn}"):
            session.history(at=turn)
    with rejected(UnknownTurn, "no turn 9"):
        session.rewind(to=9)
    with rejected(InvalidConfig, "at"):
        session.fork(at=-1)
    with rejected(InvalidConfig, "to"):
        session.rewind(to=-1)
    with rejected(SessionExists, session.id):
        session.fork(session_id=session.id)
    with rejected(UnknownSession, "NoJournal()"):
        runtime.stored(session.id)


def test_a_fork_has_the_keys_and_the_functions_of_its_origin_or_other_settings(
    runtime: blocking.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    claude = rc.Anthropic(model="claude-sonnet-5-5", api_key="sk-secret", base_url="http://127.0.0.1:9")
    session = runtime.spawn(rc.SessionConfig(provider=claude))

    assert session.fork().settings().provider == session.settings().provider
    with rejected(MissingKey, "ANTHROPIC_API_KEY"):
        runtime.session(session.id).fork()
    assert session.fork(config=ECHO).ask("hi").answer().text == "hi"

    @rc.tool
    def look() -> str:
        """Look."""
        return "seen"

    session = runtime.spawn(msgspec.structs.replace(scripted((Call("look"),), (Say("done"),)), tools=(look,)))
    step, _ = session.fork().ask("look").answer().steps
    assert [block.text for block in step.results[0].content if isinstance(block, rc.Text)] == ["seen"]


def test_a_reset_session_starts_from_0(runtime: blocking.Runtime) -> None:
    session = talk(runtime, "one", "two")

    session.reset()

    status = session.status()
    assert (status.turns, status.requests, status.messages, status.usage.input.tokens) == (0, 0, 0, 0)
    assert session.ask("three").answer().turn == 3
    assert (session.status().turns, session.summary().completed_turns) == (1, 1)
