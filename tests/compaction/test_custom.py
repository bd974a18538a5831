"""Strategies of a program's own: what they are told, and what becomes of what they return or raise."""

import asyncio
import pickle
from collections.abc import Callable, Sequence

import msgspec
import pytest
from builders.compaction import LONG, assistant, compacted, step, total_tokens, turns, user
from builders.histories import USAGE, answer

from rayconteur.compaction import Compaction, Custom, Layered, Room, SideRequest, Window
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import InvalidConfig, Overloaded
from rayconteur.providers.schema.messages import Message

History = Sequence[Message]


class Keep:
    """Returns what *change* makes of the history."""

    def __init__(self, change: Callable[[History], object]) -> None:
        self.change = change
        self.rooms: list[Room] = []

    async def compact(self, messages: History, room: Room) -> History:
        self.rooms.append(room)
        return self.change(messages)  # type: ignore[return-value]


class LastTwo:
    """Keeps the last two turns; at the top of a module, so that it can be pickled."""

    async def compact(self, messages: History, room: Room) -> History:
        del room
        return messages[-4:]


def test_what_it_returns_replaces_the_history() -> None:
    history = turns(10)

    result = compacted(history, Custom(instance=LastTwo()), 100)

    assert result.messages == tuple(history[-4:])
    assert (result.report.strategy, result.report.turns_kept) == ("custom", 2)


def test_a_pickled_strategy_compacts_alike_and_survives_encoding() -> None:
    config = Custom(instance=pickle.dumps(LastTwo()))
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=Compaction)

    assert decoded == config
    assert compacted(turns(10), decoded, 100).messages == tuple(turns(10)[-4:])


def test_it_is_told_its_budget_and_may_count_tokens_and_ask_the_model() -> None:
    requests: list[SideRequest] = []

    async def send(request: SideRequest) -> Answer:
        requests.append(request)
        return answer("There were ravens.")

    class Summary:
        async def compact(self, messages: History, room: Room) -> History:
            assert room.budget_tokens == 3_000
            assert sum(map(room.count_tokens, messages)) == total_tokens(list(messages))
            text = await room.ask("What was said?", system="Be brief.", max_output_tokens=9)
            return [user(1, text), *messages[-2:]]

    result = compacted(turns(10), Custom(instance=Summary()), 3_000, send)

    assert result.messages
    assert result.messages[0] == user(1, "There were ravens.")
    assert [(request.system, request.max_output_tokens) for request in requests] == [("Be brief.", 9)]
    assert result.report.usage.input == USAGE.input


def test_among_layers_it_runs_in_its_place_and_is_asked_for_recent_turns_only_if_need_be() -> None:
    strategy = Keep(lambda messages: messages)

    result = compacted(turns(10), Layered(strategies=(Custom(instance=strategy), Window(keep_recent_turns=1))), 1)

    assert [room.keep_recent for room in strategy.rooms] == [True, False]
    assert result.messages == tuple(turns(10)[-2:])


def raises(error: Exception) -> Callable[[History], object]:
    def change(messages: History) -> object:
        raise error

    return change


TOOLS = [user(1, LONG), *step(1, "a"), assistant(1, "There."), *turns(3)[2:]]

NONSENSE: dict[str, tuple[Callable[[History], object], str]] = {
    "an exception": (raises(ValueError("caw")), "Keep raised ValueError: caw"),
    "a provider's error": (raises(Overloaded("busy")), "Keep: overloaded: busy"),
    "nothing": (lambda _: None, "no sequence of messages: NoneType"),
    "texts": (lambda _: ["caw"], "no sequence of messages: list"),
    "no message": (lambda _: [], "it is empty"),
    "an answer first": (lambda messages: messages[3:], "message 0 is the assistant's"),
    "a use without result": (lambda messages: [*messages[:2], *messages[4:]], "message 2 has results for no tool use"),
    "a result without use": (lambda messages: [messages[0], *messages[2:]], "message 1 has results for ['a']"),
    "two answers": (lambda messages: [messages[0], messages[3], *messages[5:]], "messages 1 and 2 are both"),
    "another end": (lambda messages: messages[:-2], "its last message"),
    "another order": (lambda messages: [*messages[4:6], *messages[:4], *messages[6:]], "message 2 is of turn 1"),
    "an empty message": (
        lambda messages: [msgspec.structs.replace(messages[0], content=()), *messages[3:]],
        "message 0 is empty",
    ),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_one_that_raises_or_breaks_a_rule_is_named_and_the_history_stays(case: str) -> None:
    change, problem = NONSENSE[case]

    result = compacted(TOOLS, Custom(instance=Keep(change)), 10)

    assert result.messages is None
    assert f"custom: {'' if 'Keep' in problem else 'Keep returned '}"[:8] in (result.report.problem or "")
    assert problem in (result.report.problem or "")


def test_among_layers_the_history_stays_after_one_that_raised_as_long_as_the_request_fits() -> None:
    layers = (Custom(instance=Keep(raises(ValueError("caw")))), Window(keep_recent_turns=1))

    result = compacted(turns(10), Layered(strategies=layers), 100)

    assert result.messages is None
    assert "Keep raised ValueError: caw" in (result.report.problem or "")


def test_one_that_makes_the_history_longer_changes_nothing() -> None:
    longer = Custom(instance=Keep(lambda messages: [user(1, LONG), *messages]))

    assert compacted(turns(3), longer, 10).messages is None


def test_one_that_does_not_return_is_stopped() -> None:
    class Stuck:
        async def compact(self, messages: History, room: Room) -> History:
            await asyncio.Event().wait()
            return messages

    result = compacted(turns(3), Custom(instance=Stuck(), timeout_s=0.01), 10)

    assert result.messages is None
    assert "Stuck took longer than 0.01 s" in (result.report.problem or "")


def test_a_pickle_that_can_not_be_loaded_is_a_problem() -> None:
    result = compacted(turns(3), Custom(instance=b"caw"), 10)

    assert "can't be loaded in the session's process" in (result.report.problem or "")


@pytest.mark.parametrize("strategy", ["caw", None, object()])
def test_what_is_no_strategy_is_rejected_where_it_is_written(strategy: object) -> None:
    with pytest.raises(InvalidConfig, match=r"compaction\.instance: give an object with an async method compact"):
        Custom(instance=strategy)
