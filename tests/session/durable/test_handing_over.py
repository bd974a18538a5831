"""Sessions that leave a host for another one, between two turns or in the middle of one. In virtual time."""

import asyncio

import msgspec
import pytest
from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.session import scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import UnknownSession
from rayconteur.runtime.session.leaving import HandedOver
from rayconteur.scripted import Call, Say, Wait

LONG_S = 60.0
GONE = HandedOver(gone=[KEY], here=[])


def hand_over(namespace: Namespace, *known: tuple[str, int], within_s: float = LONG_S) -> "asyncio.Task[HandedOver]":
    leaving = namespace.host.host.leaving
    return asyncio.ensure_future(leaving.hand_over(None, known, within_s))


async def ended(namespace: Namespace, turn: int) -> None:
    await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == turn)


def require_gapless(namespace: Namespace) -> None:
    assert list(namespace.taken) == list(range(1, len(namespace.taken) + 1))


def test_it_says_first_which_sessions_there_are_and_then_which_have_left() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Say(text="nevermore"),)))
        await namespace.host.ask("who is it?")
        await ended(namespace, 1)

        assert await hand_over(namespace) == HandedOver(gone=[], here=[KEY])
        assert await hand_over(namespace, KEY) == GONE
        assert await hand_over(namespace, KEY) == GONE  # should the answer have been lost
        assert await hand_over(namespace) == HandedOver([], [])
        await namespace.recover()

        assert namespace.texts() == ["who is it?", "nevermore"]
        assert rc.Retrying not in map(type, namespace.taken.values())
        require_gapless(namespace)
        await namespace.stop()

    run(main())


def test_until_it_leaves_a_session_takes_messages_and_what_comes_later_is_taken_elsewhere() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Wait(5), Say(text="one")), (Wait(5), Say(text="two")), (Say(text="3"),)))
        await namespace.host.ask("first")
        leaving = hand_over(namespace, KEY)
        await asyncio.sleep(1)
        await namespace.host.ask("second")

        assert await leaving == GONE
        with pytest.raises(UnknownSession):
            await namespace.host.ask("third")
        await namespace.recover()
        await namespace.host.ask("third")
        await ended(namespace, 3)

        assert namespace.texts() == ["first", "one", "second", "two", "third", "3"]
        kinds = list(map(type, namespace.taken.values()))
        assert (kinds.count(rc.Completed), kinds.count(rc.Retrying)) == (3, 0)
        require_gapless(namespace)
        await namespace.stop()

    run(main())


def test_a_turn_that_takes_too_long_is_broken_off_and_asked_again_elsewhere() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Say(text="never"), Wait(LONG_S)), (Say(text="nevermore"),)))
        await namespace.host.ask("who is it?")
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()

        assert await hand_over(namespace, KEY, within_s=5) == GONE
        assert asyncio.get_running_loop().time() - began == pytest.approx(5, abs=0.1)
        await namespace.recover()
        await ended(namespace, 1)

        kinds = list(map(type, namespace.taken.values()))
        assert (kinds.count(rc.TurnStarted), kinds.count(rc.Retrying), kinds.count(rc.Completed)) == (1, 1, 1)
        require_gapless(namespace)
        await namespace.stop()

    run(main())


def test_only_the_sessions_that_are_meant_leave() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Say(text="nevermore"),)))
        leaving = namespace.host.host.leaving

        assert await leaving.hand_over(["another"], [], LONG_S) == HandedOver([], [])
        assert len(namespace.host.host) == 1
        assert await leaving.hand_over([KEY[0]], [KEY], LONG_S) == GONE
        await namespace.stop()

    run(main())


def test_a_session_that_waits_for_an_approval_leaves_at_once_and_is_approved_elsewhere() -> None:
    tool = rc.Tool(
        name="look", description="Look.", input_schema={"type": "object"}, approve=rc.runtime.Approval.ALWAYS
    )

    async def main() -> None:
        namespace = Namespace(SlowJournal())
        config = scripted_config((Call(name="look"),), (Say(text="found"),))
        await namespace.open(msgspec.structs.replace(config, tools=(tool,)))
        await namespace.host.ask("look")
        await namespace.wait_for(lambda event: isinstance(event, rc.runtime.ApprovalRequested))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()

        assert await hand_over(namespace, KEY) == GONE
        assert asyncio.get_running_loop().time() - began < 1
        await namespace.recover()
        [use] = namespace.host.host.status(KEY).awaiting_approval
        await namespace.host.send(rc.runtime.Deny(tool_use_ids=(use,)))
        await ended(namespace, 1)

        require_gapless(namespace)
        await namespace.stop()

    run(main())
