"""Tools that run as tasks of Ray, or by an actor."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import psutil
import pytest
import ray
from fixtures.rejections import rejected, scripted, still_answers
from ray._private.state import state as global_state

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import ActorMethod, RayTask, ToolCompleted, ToolProgress, ToolStart
from rayconteur.scripted import Call, Say, Step, Wait

WITHIN_S = 20.0
NO_CPU = RayTask(num_cpus=0)


@rc.tool(runs=RayTask(num_cpus=0.25, memory_bytes=1 << 20))
def meet(folder: str, number: int, of: int) -> dict[str, object]:
    """Return when *of* runs have started."""
    place = Path(folder)
    (place / str(number)).touch()
    deadline = time.monotonic() + 20
    while len(list(place.iterdir())) < of:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    resources = cast(Any, ray.get_runtime_context()).get_assigned_resources()
    return {"pid": os.getpid(), "memory": resources["memory"], "cpus": resources["CPU"]}


@rc.tool(runs=NO_CPU)
def goes_on(file: str) -> None:
    """Sleep until it is interrupted."""
    try:
        Path(file).write_text(str(os.getpid()))
        time.sleep(60)
    finally:
        Path(file).with_suffix(".ended").write_text(str(os.getpid()))
        Path(file).unlink()


@rc.tool(runs=NO_CPU)
def yields(folder: str) -> Iterator[str]:
    """Say what it does, when it is allowed to go on."""
    for word in ("first", "second"):
        yield word
        while not Path(folder, f"yields {word}").exists():
            time.sleep(0.01)
    yield "result"


@rc.tool(runs=NO_CPU)
def goes_on_in_any_case(file: str) -> None:
    """Run until its process is ended."""
    while True:
        try:
            Path(file).write_text(str(os.getpid()))
            while True:
                time.sleep(0.01)
        except KeyboardInterrupt:
            pass


@rc.tool(runs=NO_CPU)
def dies() -> None:
    """End its process."""
    os._exit(1)


@rc.tool(runs=NO_CPU)
async def greets(name: str) -> str:
    """Greet somebody."""
    return f"hello, {name}"


@rc.tool
def local(word: str) -> str:
    """Return the word."""
    return word


def config(*answers: tuple[Step, ...], tools: tuple[rc.Tool, ...]) -> rc.SessionConfig:
    return msgspec.structs.replace(scripted(*answers, (Say(),)), tools=tools)


def results_of(session: blocking.SessionHandle) -> list[str]:
    return [
        "".join(part.text for part in block.content if isinstance(part, rc.Text))
        for message in session.history()
        for block in message.content
        if isinstance(block, rc.ToolResult)
    ]


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_tools_of_one_answer_run_at_the_same_time_in_processes_of_their_own_beside_those_of_the_program(
    runtime: blocking.Runtime, tmp_path: Path
) -> None:
    uses = [Call("meet", {"folder": str(tmp_path), "number": number, "of": 2}) for number in range(2)]
    session = runtime.spawn(config((*uses, Call("local", {"word": "here"})), (Say("met"),), tools=(meet, local)))

    assert session.ask("meet").answer().text == "met"

    *met, word = results_of(session)
    found = [msgspec.json.decode(each, type=dict[str, float]) for each in met]
    assert word == "here"
    assert len({each["pid"] for each in found} - {os.getpid()}) == 2
    assert [(each["memory"], each["cpus"]) for each in found] == [(1 << 20, 0.25)] * 2


def test_a_process_that_dies_an_input_that_does_not_fit_and_an_error_are_results_and_the_turn_goes_on(
    runtime: blocking.Runtime,
) -> None:
    calls = (Call("dies"), Call("greets", {"name": 7}), Call("greets", {"name": "raven"}))
    session = runtime.spawn(config(calls, (Say("well"),), tools=(dies, greets)))

    assert session.ask("try").answer().text == "well"

    died, misfit, greeted = results_of(session)
    assert "process ended before there was a result" in died
    assert "does not fit the schema" in misfit
    assert greeted == "hello, raven"
    assert still_answers(session)


def test_an_interrupt_ends_what_runs_and_with_its_process_what_does_not_let_itself_be_ended(
    runtime: blocking.Runtime, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    calls = (Call("goes_on", {"file": str(one)}), Call("goes_on_in_any_case", {"file": str(other)}))
    session = runtime.spawn(config(calls, tools=(goes_on, goes_on_in_any_case)))

    for event in session.ask("go on"):
        if isinstance(event, rc.ToolBatch):
            wait_until(lambda: one.exists() and other.exists() and other.read_text())
            session.interrupt()

    process = psutil.Process(int(other.read_text()))
    wait_until(lambda: not one.exists())
    wait_until(lambda: not process.is_running())
    assert still_answers(session)


PROGRAM = """
import asyncio, sys
import rayconteur as rc
from rayconteur.runtime import RayTask

@rc.tool(runs=RayTask(num_cpus=0))
def wait(folder: str) -> int:
    import os, time
    from pathlib import Path
    (Path(folder) / "started").write_text(str(os.getpid()))
    deadline = time.monotonic() + 20
    while not (Path(folder) / "go").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return os.getpid()

async def main(address: str, namespace: str, folder: str) -> None:
    answers = ((rc.scripted.Call("wait", {"folder": folder}),), (rc.scripted.Say("done"),))
    config = rc.SessionConfig(provider=rc.Scripted(script=rc.scripted.Script(answers=answers)), tools=(wait,))
    options = rc.RuntimeOptions(namespace=namespace, detached=True)
    async with rc.Runtime(address, options=options, placement=rc.Packed()) as runtime:
        session = await runtime.spawn(config, "left")
        await session.ask("wait")

asyncio.run(main(*sys.argv[1:]))
"""


def driver_is_gone(pid: int) -> bool:
    jobs: list[dict[str, Any]] = cast(Any, global_state).job_table()
    return any(job["DriverPid"] == pid and job["IsDead"] for job in jobs)


def test_a_detached_session_runs_its_tool_to_the_end_after_its_program_was_killed_and_another_one_reads_on(
    runtime: blocking.Runtime, namespace: str, ray_address: str, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    command = [sys.executable, "-c", PROGRAM, ray_address, namespace, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        wait_until(lambda: started.exists() and started.read_text())
        program.kill()
    wait_until(lambda: driver_is_gone(program.pid))
    (tmp_path / "go").touch()

    with runtime.session("left") as session:
        events = session.events()
        ends = (event for event in events if isinstance(event, rc.Completed | rc.Failed | rc.Interrupted))
        assert isinstance(next(ends), rc.Completed)
        assert results_of(session) == [started.read_text()]


def test_a_loop_that_is_left_at_tools_on_ray_ends_its_turn_and_them_since_nobody_is_to_send_their_results(
    runtime: blocking.Runtime, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    session = runtime.spawn(config((Call("goes_on", {"file": str(file)}),), tools=(goes_on,)))

    for event in session.ask("go on"):
        if isinstance(event, rc.ToolBatch):
            wait_until(file.exists)
            break

    wait_until(lambda: not file.exists())
    assert still_answers(session)


@ray.remote(num_cpus=0)
class Counter:
    def __init__(self) -> None:
        self.count = 0

    async def add(self, use: int) -> int:
        self.count += use
        return self.count

    def fails(self) -> None:
        raise ValueError("no raven")

    async def counts(self, folder: str) -> AsyncIterator[str]:
        for word in ("first", "second"):
            yield word
            await asyncio.to_thread(self._wait, Path(folder, f"counts {word}"))
        yield "result"

    def _wait(self, file: Path) -> None:
        while not file.exists():
            time.sleep(0.01)

    def leaves(self) -> None:
        os._exit(1)


def test_an_actor_s_method_keeps_its_state_between_uses_and_what_is_wrong_with_it_is_told(
    runtime: blocking.Runtime,
) -> None:
    counter: Any = cast(Any, Counter).options(name="counter").remote()
    elsewhere: Any = cast(Any, Counter).options(name="other", namespace="elsewhere").remote()

    @rc.tool(runs=ActorMethod("counter"), parallel=False)
    def add(use: int) -> int:
        raise AssertionError(use)

    def of(actor: str, method: str) -> rc.Tool:
        return rc.tool(name=f"{actor}-{method}", parallel=False, runs=ActorMethod(actor, method))(lambda: None)

    add_there = rc.tool(name="add_there", runs=ActorMethod("other", "add", "elsewhere"))(add.run.function)
    wrong = (of("counter", "fails"), of("counter", "none"), of("nobody", "add"), of("counter", "leaves"))
    calls = tuple(Call(tool.name) for tool in wrong)
    session = runtime.spawn(
        config(
            (Call("add", {"use": 2}), Call("add", {"use": "2"}), Call("add_there", {"use": 7})),
            (Call("add", {"use": 3}), *calls),
            (Say("added"),),
            tools=(add, add_there, *wrong),
        )
    )

    assert session.ask("add").answer().text == "added"

    two, misfit, seven, five, failed, no_method, nobody, died = results_of(session)
    assert (two, seven, five) == ("2", "7", "5")
    assert "does not fit" in misfit
    assert failed == "ValueError: no raven"
    assert "has no method 'none'" in no_method
    assert "no actor called 'nobody'" in nobody
    assert "has died" in died
    del counter, elsewhere


def test_what_generators_yield_on_ray_is_progress_while_they_go_on_and_the_last_of_it_the_result(
    runtime: blocking.Runtime, tmp_path: Path
) -> None:
    counter: Any = cast(Any, Counter).options(name="streaming").remote()
    counts = rc.tool(runs=ActorMethod("streaming", "counts"), name="counts")(yields.run.function)
    tools = (yields, counts)
    session = runtime.spawn(
        config(tuple(Call(tool.name, {"folder": str(tmp_path)}) for tool in tools), (Say("done"),), tools=tools)
    )

    told: list[tuple[str, str]] = []
    for event in session.ask("go on"):
        if isinstance(event, ToolProgress):
            told.append((event.name, event.text))
            (tmp_path / f"{event.name} {event.text}").touch()

    assert sorted(told) == sorted((tool.name, word) for tool in tools for word in ("first", "second"))
    assert results_of(session) == ["result"] * 2
    del counter


def test_a_task_runs_while_the_answer_is_streamed(runtime: blocking.Runtime, tmp_path: Path) -> None:
    early = msgspec.structs.replace(
        config((Call("meet", {"folder": str(tmp_path), "number": 1, "of": 1}), Wait()), tools=(meet,)),
        start_tools=ToolStart.STREAMING,
    )
    session = runtime.spawn(early)

    for event in session.ask("go on"):  # the answer has no end
        if isinstance(event, ToolCompleted):
            session.interrupt()

    assert [each.name for each in tmp_path.iterdir()] == ["1"]


def closes_over(value: object) -> rc.Tool:
    @rc.tool(runs=NO_CPU)
    def holds() -> str:
        return str(value)

    return holds


def wrong_tools() -> Iterator[tuple[rc.Tool, str]]:
    yield rc.tool(runs=RayTask(num_gpus=1), name="gpu")(lambda: None), "num_gpus: no node of the cluster has 1 GPU"
    yield rc.tool(runs=RayTask(memory_bytes=1 << 50), name="memory")(lambda: None), "memory_bytes"
    yield closes_over(threading.Lock()), "can't be sent to Ray: TypeError: cannot pickle '_thread.lock' object"


@pytest.mark.parametrize(("tool", "reason"), list(wrong_tools()), ids=["gpu", "memory", "lock"])
def test_what_can_never_run_is_named_when_a_session_is_spawned_or_configured_with_it(
    runtime: blocking.Runtime, session: blocking.SessionHandle, tool: rc.Tool, reason: str
) -> None:
    with rejected(InvalidConfig, "config.tools[0]", tool.name, reason):
        runtime.spawn(config(tools=(tool,)))
    with rejected(InvalidConfig, "message.tools[0]", tool.name, reason):
        session.configure(rc.Configure(tools=(tool,)))
    with rejected(InvalidConfig, tool.name):
        runtime.session(session.id, tools=[tool])  # type: ignore[list-item]
    assert still_answers(session)
