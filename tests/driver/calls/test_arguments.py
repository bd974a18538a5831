"""Arguments of calls that are invalid: rejected by name at the call, and everything else goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fixtures.rejections import ECHO, rejected, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, WrongContext
from rayconteur.runtime import FinalAnswer


async def prompts_that_come_later() -> AsyncIterator[str]:
    yield "one"


class NoSchema:
    """Of which there is no JSON Schema."""


@pytest.mark.parametrize("after", ["x", None, 1.5, True, -1, -5, 10**30])
def test_a_reader_after_something_else_than_a_number_is_rejected_and_replies_go_on(
    session: blocking.SessionHandle, after: Any
) -> None:
    with rejected(InvalidConfig, "after"):
        session.events(after)

    assert still_answers(session)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"concurrency": "x"}, "concurrency"),
        ({"concurrency": None}, "concurrency"),
        ({"concurrency": 1.5}, "concurrency"),
        ({"retries": "x"}, "retries"),
        ({"on_progress": "x"}, "on_progress"),
        ({"prompts": None}, "prompts"),
        ({"prompts": 5}, "prompts"),
        ({"prompts": prompts_that_come_later()}, "prompts"),
        ({"output_type": NoSchema}, "output_type"),
    ],
)
def test_arguments_of_map_are_checked_at_the_call(
    options: rc.RuntimeOptions, arguments: dict[str, Any], field: str
) -> None:
    runtime: Any = rc.Runtime(options=options)

    with rejected(InvalidConfig, field):
        runtime.map(ECHO, **({"prompts": ["a"]} | arguments))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"roles": 5}, "roles"),
        ({"roles": ["user", "system"]}, "roles"),
        ({"before": -1}, "before"),
        ({"after": True}, "after"),
    ],
)
def test_a_history_is_selected_by_numbers_and_roles(
    session: blocking.SessionHandle, arguments: dict[str, Any], field: str
) -> None:
    with rejected(InvalidConfig, field):
        session.history(**arguments)

    assert session.history(roles="user") == ()


@pytest.mark.parametrize("ids", [1.5, True, None, -1, "raven", b"raven"])
def test_ids_are_a_list_or_a_number(runtime: blocking.Runtime, ids: Any) -> None:
    with rejected(InvalidConfig, "ids"):
        runtime.spawn_many(ECHO, ids)


@pytest.mark.parametrize("address", [5, b"auto"])
def test_an_address_is_a_string(address: Any) -> None:
    with rejected(InvalidConfig, "address"):
        rc.Runtime(address)
    with rejected(InvalidConfig, "address"):
        blocking.Runtime(address)


def test_a_runtime_that_is_entered_again_stays_usable(joining: rc.RuntimeOptions) -> None:
    async def main() -> str:
        async with rc.Runtime(options=joining) as runtime:
            session = await runtime.spawn(ECHO)
            with rejected(WrongContext, "entered already"):
                await runtime.__aenter__()
            return (await session.ask("still here")).text

    assert asyncio.run(main()) == "still here"


def test_a_blocking_runtime_that_is_entered_again_stays_usable(joining: rc.RuntimeOptions) -> None:
    with blocking.Runtime(options=joining) as runtime:
        session = runtime.spawn(ECHO)
        with rejected(WrongContext, "entered already"):
            runtime.__enter__()
        assert still_answers(session)
    with runtime:
        assert session.id not in [status.id for status in runtime.sessions()]


def test_a_reply_is_asked_only_once(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> int:
        session = await async_runtime.spawn(ECHO)
        reply = session.ask("a")
        await reply.answer()
        with rejected(WrongContext, "ask()"):
            await reply.answer()
        left = session.ask("c")
        async for _ in left:
            break
        with rejected(WrongContext, "ask()"):
            await left.answer()
        return (await session.status()).turns

    assert runner.run(main()) == 2


def test_the_prompts_of_a_map_are_asked_only_once(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> None:
        mapped = async_runtime.map(ECHO, ["a", "b"])
        assert [answer.text for answer in await mapped if isinstance(answer, FinalAnswer)] == ["a", "b"]
        with rejected(WrongContext, "map()"):
            await mapped

    runner.run(main())
