"""Messages that are sent again, with the key of the first time."""

import msgspec
import pytest
from fixtures.rejections import ECHO, rejected, scripted

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import KeyMisused, TurnFailed
from rayconteur.scripted import Call, Fail, Say, Wait


class Weather(msgspec.Struct):
    degrees: int


def test_a_question_that_is_asked_again_gets_the_reply_of_the_first_time_from_its_start(
    runtime: blocking.Runtime,
) -> None:
    session = runtime.spawn(ECHO)
    first = list(session.ask("one raven", key="k"))
    session.ask("two ravens").answer()

    again = list(session.ask("one raven", key="k"))
    from_elsewhere = list(runtime.session(session.id).ask("one raven", key="k"))

    assert isinstance(again[0], rc.TurnStarted)
    assert again == from_elsewhere == first
    assert session.ask("three ravens").answer().text == "three ravens"
    assert session.status().turns == 3


def test_one_whose_turn_runs_is_joined(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say("wait "), Wait(), Say("more"))))
    events = iter(session.ask("hi", key="k"))
    first = [next(events), next(events)]

    again = iter(runtime.session(session.id).ask("hi", on_abandon="leave", key="k"))

    assert [next(again), next(again)] == first
    assert session.status().turns == 1


def test_a_key_is_for_one_message(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(ECHO)
    receipt = session.send(rc.UserMessage.of("hi"), key="k")

    assert session.send(rc.UserMessage.of("hi"), key="k").turn == receipt.turn
    with rejected(KeyMisused, "'k'"):
        session.send(rc.UserMessage.of("ho"), key="k")
    with rejected(KeyMisused, "'k'"):
        session.ask("ho", key="k").answer()


def test_tools_whose_results_are_there_do_not_run_again(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Call(name="look", id="a"),), (Call(name="look", id="b"),), (Say("seen"),)))
    ran: list[str] = []

    def run_tool(use: rc.ToolUse) -> str:
        ran.append(use.id)
        return "a raven"

    answers = [session.ask("look", key="k").answer(run_tool) for _ in range(2)]

    assert [answer.text for answer in answers] == ["seen", "seen"]
    assert ran == ["a", "b"]


def test_tools_that_nobody_has_run_run_when_the_question_comes_again(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Call(name="look", id="a"),), (Say("seen"),)))
    for event in session.ask("look", key="k"):
        if isinstance(event, rc.ToolBatch):
            break

    assert session.ask("look", key="k").answer(lambda use: "a raven").text == "seen"


def test_a_typed_question_is_not_asked_or_corrected_again(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say("cold"),), (Say('{"degrees":7}'),)))

    answers = [session.ask("How cold?", Weather, key="k").answer() for _ in range(2)]

    assert [answer.value for answer in answers] == [Weather(7), Weather(7)]
    assert session.status().turns == 2


def test_a_retry_is_made_once(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Fail(code="invalid_request"),), (Say("fine"),)))
    with pytest.raises(TurnFailed):
        session.ask("hi").answer()

    answers = [session.retry(key="k").answer() for _ in range(2)]

    assert [answer.text for answer in answers] == ["fine", "fine"]
    assert session.status().turns == 2
