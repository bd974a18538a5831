"""Tool uses that wait for approval, which another program may give, and the events and steps of a turn with tools."""

import asyncio
import threading

import msgspec
import pytest
from fixtures.rejections import rejected, scripted

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, NoApprovalNeeded, UnknownToolUse
from rayconteur.runtime import (
    ApprovalPolicy,
    ApprovalRequested,
    RayTask,
    StepCompleted,
    ToolCompleted,
    ToolFailed,
    ToolStarted,
)
from rayconteur.scripted import Call, Say

sent: list[str] = []


@rc.tool(approve="always")
async def send_mail(to: str) -> str:
    """Send a mail."""
    sent.append(to)
    return f"sent to {to}"


@rc.tool
def look() -> str:
    """Look out of the window."""
    return "a raven"


SENDS = msgspec.structs.replace(
    scripted(
        (
            Say("Let me see."),
            Call("look", id="a"),
            Call("send_mail", {"to": "Ada"}, id="b"),
            Call("send_mail", {"to": "Bo"}, id="c"),
        ),
        (Call("send_mail", {"to": "Cy"}, id="d"),),
        (Say("done"),),
    ),
    tools=(look, send_mail),
)


def test_another_program_approves_by_id_while_the_first_waits_for_its_answer(options: rc.RuntimeOptions) -> None:
    sent.clear()

    async def main() -> tuple[rc.runtime.FinalAnswer, list[rc.FromLLM]]:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=options) as other:
            session = await runtime.spawn(SENDS)
            answering = asyncio.create_task(session.ask("write to them").answer())
            attached = await other.session(session.id)
            seen: list[rc.FromLLM] = []
            async for event in attached.events():
                seen.append(event)
                if isinstance(event, ApprovalRequested):
                    with rejected(UnknownToolUse, "'x'"):
                        await attached.approve("x")
                    assert set((await attached.status()).awaiting_approval) == {use.id for use in event.uses}
                    if event.step == 1:
                        await attached.deny("c", reason="not to Bo")
                        await attached.approve()
                    else:
                        await attached.approve("d", inputs={"d": {"to": "Di"}})
                    with rejected(NoApprovalNeeded):
                        await attached.approve()
                if isinstance(event, rc.Completed):
                    break
            return await answering, seen

    answer, seen = asyncio.run(main())

    assert answer.text == "done"
    assert sent == ["Ada", "Di"]
    assert [use.id for use in answer.tool_calls] == ["a", "b", "c", "d"]
    first, second, last = answer.steps
    assert (first.text, [result.is_error for result in first.results]) == ("Let me see.", [False, False, True])
    assert first.results[2].content == (rc.Text("The user denied this tool use, and nothing was run: not to Bo"),)
    assert (second.number, second.uses[0].input) == (2, {"to": "Di"})
    assert (last.number, last.text, last.uses, last.stop_reason) == (3, "done", (), answer.stop_reason)
    of_tools = [type(event) for event in seen if hasattr(event, "tool_use_id")]
    assert (of_tools.count(ToolStarted), of_tools.count(ToolCompleted), of_tools.count(ToolFailed)) == (3, 3, 1)
    assert [event.number for event in seen if isinstance(event, StepCompleted)] == [1, 2]


def test_the_blocking_api_approves_and_denies_too(runtime: blocking.Runtime) -> None:
    sent.clear()
    session = runtime.spawn(SENDS)

    for event in session.ask("write to them"):
        if isinstance(event, ApprovalRequested):
            if event.step == 1:
                session.approve("b", grant="tool")
                session.deny("c")
            else:
                raise AssertionError("a use that the grant covers needs no approval")

    assert sent == ["Ada", "Cy"]


@rc.tool
def pay(eur: int) -> str:
    """Pay somebody."""
    return f"paid {eur}"


@rc.tool(runs=RayTask(num_cpus=0))
def transfer(eur: int) -> str:
    """Pay somebody, from elsewhere."""
    return f"transferred {eur}"


def test_a_function_of_the_session_decides_about_all_tools_wherever_they_run(runtime: blocking.Runtime) -> None:
    limit = 100

    def is_expensive(use: rc.ToolUse) -> bool:
        return bool(use.input["eur"] > limit)

    names = ("pay", "transfer", "by_hand")
    calls = [Call(name, {"eur": eur}, id=f"{name} {eur}") for name in names for eur in (1, 1_000)]
    config = msgspec.structs.replace(
        scripted(tuple(calls), (Say("done"),), (Call("pay", {"eur": 1_000}),), (Say("done"),)),
        tools=(pay, transfer, rc.Tool(name="by_hand")),
        approve=is_expensive,
    )
    session = runtime.spawn(config)
    asked: list[str] = []

    for event in session.ask("pay"):
        match event:
            case ApprovalRequested(uses=uses):
                asked += [use.id for use in uses]
                session.approve()
            case rc.ToolBatch(uses=uses):
                if by_hand := [use.id for use in uses if use.name == "by_hand"]:
                    results = tuple(rc.ToolResult(each, (rc.Text("paid by hand"),)) for each in by_hand)
                    session.send(rc.ToolResults(results=results))
            case StepCompleted(results=results):
                assert [result.is_error for result in results] == [False] * len(calls)
            case _:
                pass

    assert asked == [f"{name} 1000" for name in names]
    session.configure(rc.Configure(approve=lambda use: False))
    assert session.ask("pay").answer().text == "done"
    assert isinstance(session.settings().approve, ApprovalPolicy)


def test_another_program_approves_later_when_the_one_that_asked_is_gone(options: rc.RuntimeOptions) -> None:
    detached = msgspec.structs.replace(options, detached=True)
    pays = msgspec.structs.replace(
        scripted((Call("transfer", {"eur": 1}, id="a"),), (Say("done"),)),
        tools=(transfer,),
        approve=rc.runtime.Approval.ALWAYS,
    )

    async def main() -> tuple[tuple[str, ...], list[bool], str]:
        async with rc.Runtime(options=detached) as runtime:
            session = await runtime.spawn(pays, "left")
            await session.send(rc.UserMessage.of("pay"))
            async for event in session.events():
                if isinstance(event, ApprovalRequested):
                    break
        async with rc.Runtime(options=options) as other:
            attached = await other.session("left")
            waiting = (await attached.status()).awaiting_approval
            await attached.approve("a")
            errors: list[bool] = []
            async for event in attached.events():
                if isinstance(event, StepCompleted):
                    errors += [result.is_error for result in event.results]
                if isinstance(event, rc.Completed):
                    break
            [*_, last] = await attached.history()
            await attached.close()
            return waiting, errors, "".join(block.text for block in last.content if isinstance(block, rc.Text))

    assert asyncio.run(main()) == (("a",), [False], "done")


def test_a_function_that_can_not_travel_is_named(runtime: blocking.Runtime) -> None:
    lock = threading.Lock()

    def locks(use: rc.ToolUse) -> bool:
        with lock:
            return True

    with pytest.raises(InvalidConfig, match=r"config\.approve: the function can't be sent to Ray: TypeError"):
        runtime.spawn(msgspec.structs.replace(SENDS, approve=locks))
    session = runtime.spawn(SENDS)
    with pytest.raises(InvalidConfig, match="approve"):
        session.configure(rc.Configure(approve=locks))
