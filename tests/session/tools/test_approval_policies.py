"""A session's own function decides which tool uses need approval; whatever it does, the session goes on."""

import asyncio
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fixtures.session import SessionFixture, running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime import ApprovalPolicy, ApprovalRequested, State
from rayconteur.runtime.session.tools.approval_policies import MAX_THREADS, TIMEOUT_S
from rayconteur.scripted import Call, Say

LOOKS = (Call("look", {"at": 1}, id="a"), Call("look", {"at": 200}, id="b")), (Say("seen"),)
GOES_ON = threading.Event()
ASKED = threading.Semaphore(0)


def above_100(use: rc.ToolUse) -> bool:
    return bool(use.input["at"] > 100)


async def above_100_after_a_while(use: rc.ToolUse) -> bool:
    await asyncio.sleep(0.001)
    return above_100(use)


def forgets_its_return(use: rc.ToolUse) -> None:
    pass


def raises(use: rc.ToolUse) -> bool:
    raise LookupError(use.name)


def exits(use: rc.ToolUse) -> bool:
    raise SystemExit(1)


def hangs(use: rc.ToolUse) -> bool:
    GOES_ON.wait()
    return False


def is_asked(use: rc.ToolUse) -> bool:
    ASKED.release()
    GOES_ON.wait()
    return False


async def hangs_in_its_loop(use: rc.ToolUse) -> bool:
    await asyncio.Event().wait()
    return False


def policy_of(function: Callable[[rc.ToolUse], object]) -> ApprovalPolicy:
    return ApprovalPolicy(pickle.dumps(function))


def config_with(policy: ApprovalPolicy) -> rc.SessionConfig:
    return scripted_config(*LOOKS, approve=policy)


def uses_of(session: SessionFixture, kind: type[rc.ToolBatch | ApprovalRequested]) -> list[str]:
    return [use.id for event in session.events if isinstance(event, kind) for use in event.uses]


async def requested(session: SessionFixture) -> tuple[list[str], list[str]]:
    """The uses that may run, and those that wait for approval, once some do."""
    session.ask()
    await session.wait_for_event(ApprovalRequested)
    return uses_of(session, rc.ToolBatch), uses_of(session, ApprovalRequested)


@pytest.mark.parametrize("function", [above_100, above_100_after_a_while])
def test_the_function_says_which_uses_need_approval(function: Callable[[rc.ToolUse], object]) -> None:
    async def main() -> None:
        async with running_session(config_with(policy_of(function))) as session:
            assert await requested(session) == (["a"], ["b"])
            assert session.status().awaiting_approval == ("b",)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (policy_of(forgets_its_return), "neither True nor False"),
        (policy_of(raises), "LookupError: look"),
        (policy_of(exits), "SystemExit: 1"),
        (ApprovalPolicy(b"cno_such_module\nfunction\n."), "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_what_the_function_does_not_say_needs_approval(
    policy: ApprovalPolicy, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with running_session(config_with(policy)) as session:
            assert await requested(session) == ([], ["a", "b"])

    asyncio.run(main())
    assert told in caplog.text


@pytest.mark.parametrize("function", [hangs, hangs_in_its_loop])
def test_a_function_that_hangs_holds_up_its_uses_for_a_while_and_nothing_else(
    function: Callable[[rc.ToolUse], object], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with running_session(config_with(policy_of(function))) as session:
            asking = asyncio.create_task(requested(session))
            await asyncio.sleep(TIMEOUT_S - 1)
            assert session.status().open_tool_use_ids == ("a", "b")
            assert session.status().awaiting_approval == ()

            assert await asking == ([], ["a", "b"])
            assert TIMEOUT_S <= loop.time() < TIMEOUT_S + 5

    GOES_ON.clear()
    try:
        run(main())
    finally:
        GOES_ON.set()
    assert f"did not end within {TIMEOUT_S:g} s" in caplog.text


def test_a_function_that_hangs_takes_only_some_threads() -> None:
    uses = tuple(Call("look", id=f"{number}") for number in range(MAX_THREADS + 3))

    async def main() -> None:
        config = scripted_config(uses, (Say("seen"),), approve=policy_of(is_asked))
        async with running_session(config) as session:
            session.ask()
            for _ in range(MAX_THREADS):
                await asyncio.to_thread(ASKED.acquire)
            for _ in range(100):
                await asyncio.sleep(0)
            assert not ASKED.acquire(blocking=False)

            GOES_ON.set()
            await session.wait_for_event(rc.ToolBatch)
            assert len(uses_of(session, rc.ToolBatch)) == len(uses)

    GOES_ON.clear()
    asyncio.run(main())


def test_an_interrupt_ends_the_wait_for_the_function() -> None:
    async def main() -> None:
        async with running_session(config_with(policy_of(hangs))) as session:
            turn = session.ask()
            await session.wait_for_state(State.TOOLS_OUT)
            session.tell(rc.Interrupt())
            assert isinstance(await session.wait_for_end(turn), rc.Interrupted)

            assert isinstance(await session.wait_for_end(session.ask()), rc.Completed)
            assert not uses_of(session, rc.ToolBatch)
        assert asyncio.get_running_loop().time() < TIMEOUT_S

    GOES_ON.clear()
    try:
        run(main())
    finally:
        GOES_ON.set()


def test_only_a_function_can_decide() -> None:
    wrong_values: list[Any] = [ApprovalPolicy, 3, "sometimes"]
    for wrong in wrong_values:
        with pytest.raises(rc.errors.InvalidConfig, match="approve"):
            rc.SessionConfig(provider=rc.Scripted(), approve=wrong)
    assert rc.Configure(approve=raises).approve == ApprovalPolicy(raises)
