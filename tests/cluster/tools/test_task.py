"""The task that runs a tool, and what nodes have for it: without Ray."""

import _thread
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers.registry import PROVIDERS, SECRET_VARIABLES
from rayconteur.runtime import ActorMethod, RayTask
from rayconteur.runtime.cluster.actor_logs import Logged
from rayconteur.runtime.cluster.tools.interrupts import let_interrupts_end_waits
from rayconteur.runtime.cluster.tools.pickling import dumps
from rayconteur.runtime.cluster.tools.progress import ProgressReports, ReportsTo
from rayconteur.runtime.cluster.tools.resources import missing
from rayconteur.runtime.cluster.tools.task import (
    TaskOrder,
    TaskSettings,
    decode_end,
    encode_order,
    run_encoded,
    run_tool_here,
)
from rayconteur.runtime.tools.results import MAX_TEXT_BYTES


def ignore(progress: object) -> None:
    """Progress that nobody is told."""


USE = rc.ToolUse("a", "look", {})
TASK = RayTask()
SETTINGS = TaskSettings(1_000, (), Logged())
NOBODY = ReportsTo("nobody", "nowhere", 1)

SMALL = {"CPU": 2.0, "memory": 1e9, "node:10.0.0.1": 1.0}
LARGE = {"CPU": 8.0, "GPU": 1.0, "memory": 64e9}


def run(function: Any, place: RayTask | ActorMethod = TASK, settings: TaskSettings = SETTINGS) -> rc.ToolResult:
    tool = rc.tool(function)
    order = TaskOrder(place, USE, settings, NOBODY)
    result, _ = run_tool_here(order, dumps((tool.run.function, tool.run.arguments)), ignore)
    return result


def text_of(result: rc.ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, rc.Text))


def test_no_tool_finds_a_key_of_a_provider_in_its_environment_unless_it_is_given_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*SECRET_VARIABLES, "PLUG_IN_KEY"):
        monkeypatch.setenv(name, "sk-secret")
    place = RayTask(runtime_env={"env_vars": {"OPENAI_API_KEY": "of its own"}})

    def look() -> list[str]:
        return [name for name, value in os.environ.items() if value == "sk-secret"]

    result = run(look, place, TaskSettings(1_000, ("PLUG_IN_KEY",), Logged()))

    assert text_of(result) == '["OPENAI_API_KEY"]'


def test_every_variable_that_a_config_takes_a_credential_from_is_a_secret() -> None:
    configs = (
        rc.Anthropic(model="m", api_key="k"),
        rc.OpenAI(model="m", api_key="k"),
        rc.AzureOpenAI(deployment="d", api_key="k", resource="r"),
        rc.Google(model="m", api_key="k"),
        rc.Cohere(model="m", api_key="k"),
        rc.Bedrock(model="m", region="us-east-1"),
    )

    variables = {name for config in configs for name in config.credential_variables}

    assert len({config.name for config in configs}) == len(PROVIDERS) - 1
    assert variables - SECRET_VARIABLES <= {"AWS_PROFILE"}


@pytest.mark.parametrize("leaves", [SystemExit(3), ValueError("no raven")], ids=["exit", "error"])
def test_a_tool_that_fails_is_an_error_result_and_its_process_goes_on(leaves: BaseException) -> None:
    def look() -> None:
        raise leaves

    result = run(look)

    assert result.is_error
    assert str(leaves) in text_of(result)


def test_an_async_tool_and_generators_have_results_and_long_ones_are_cut_before_they_travel() -> None:
    async def look() -> str:
        return "x" * (MAX_TEXT_BYTES + 1)

    async def streams() -> Any:
        yield "one"
        yield "two"

    def yields() -> Any:
        yield 1
        yield 2

    text = text_of(run(look))
    assert text[MAX_TEXT_BYTES - 1 :] == f"x\n[cut off here: the text has {MAX_TEXT_BYTES + 1:,} bytes]"
    assert [text_of(run(function)) for function in (streams, yields)] == ["two", "2"]


PICTURE = rc.Image(data=b"\x89PNG\r\n\x1a\n" + bytes(20), media_type="image/png")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "No result."),
        ({"sky": "grey"}, '{"sky":"grey"}'),
        ((1, "two", None), '[1,"two",null]'),
        (PICTURE, "[image]"),
        (PICTURE.data, "[image]"),
        ("a \ud800 b", "a \\ud800 b"),
        (rc.ToolResult("another", (rc.Text("x"),)), "!the tool returned the result of 'another'"),
        (
            rc.ToolResult("a", (rc.Document(data=b"x", media_type="text/plain", name="\ud800"),)),
            "!the tool returned a res",
        ),
        (int, "<class 'int'>"),
    ],
    ids=["None", "dict", "tuple", "image", "bytes", "surrogate", "wrong id", "no encoding", "class"],
)
def test_whatever_a_tool_returns_there_the_session_gets_a_result(value: object, text: str) -> None:
    tool = rc.tool(name="look")(lambda: value)
    pickled = dumps((tool.run.function, tool.run.arguments))

    try:
        result, _ = decode_end(run_encoded(pickled, encode_order(TaskOrder(TASK, USE, SETTINGS, NOBODY))))
    finally:
        signal.set_wakeup_fd(-1)

    parts = [block.text if isinstance(block, rc.Text) else "[image]" for block in result.content]
    assert ("!" * result.is_error + "".join(parts)).startswith(text)
    assert result.tool_use_id == "a"


def test_what_generators_yield_in_a_task_is_its_progress_and_the_last_of_it_the_result() -> None:
    async def streams() -> Any:
        yield "one"
        yield "two"

    def yields() -> Any:
        yield from ("one", "two")

    for function in (streams, yields):
        told: list[object] = []
        tool = rc.tool(function)
        result, _ = run_tool_here(
            TaskOrder(TASK, USE, SETTINGS, NOBODY), dumps((tool.run.function, tool.run.arguments)), told.append
        )

        assert (told, text_of(result)) == (["one", "two"], "two")


def test_the_latest_of_quick_progress_is_told_and_none_after_the_end() -> None:
    told: list[str] = []
    has_told = threading.Event()

    def tell(progress: str) -> None:
        told.append(progress)
        has_told.set()

    reports = ProgressReports(tell)
    for number in range(1_000):
        reports.take(number)
    assert has_told.wait(20)
    reports.close()
    reports.take("after the end")
    (thread,) = [each for each in threading.enumerate() if each.name == "tool progress"]
    thread.join(20)

    assert told[-1] == "999"
    assert len(told) < 20
    assert "after the end" not in told


def test_progress_that_nobody_can_be_told_of_is_dropped() -> None:
    tried = threading.Event()

    def fails(progress: str) -> None:
        tried.set()
        raise ValueError(progress)

    reports = ProgressReports(fails)
    reports.take("one")
    assert tried.wait(20)
    reports.take("two")
    reports.close()


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="not on this system")
@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN], ids=["handled", "ignored"])
def test_an_interrupt_ends_a_call_that_waits_in_the_kernel(before: Callable[..., object]) -> None:
    """Also where interrupts were ignored, as in what a shell runs in the background."""
    never, _ = os.pipe()
    handler = signal.signal(signal.SIGINT, before)
    let_interrupts_end_waits()
    try:
        interrupt = threading.Timer(0.05, _thread.interrupt_main)  # as Ray does
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            os.read(never, 1)
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, handler)


def test_an_interrupt_ends_a_tool_and_is_no_result(tmp_path: Path) -> None:
    def look() -> None:
        try:
            raise KeyboardInterrupt  # as Ray does to the main thread of a task that is cancelled
        finally:
            (tmp_path / "ended").touch()

    with pytest.raises(KeyboardInterrupt):
        run(look)
    assert (tmp_path / "ended").exists()


def test_a_function_that_can_t_be_loaded_where_it_runs_is_an_error_result() -> None:
    result, _ = run_tool_here(TaskOrder(TASK, USE, SETTINGS, NOBODY), b"no pickle", ignore)

    assert result.is_error
    assert "can't be loaded where it runs" in text_of(result)


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (RayTask(), None),
        (RayTask(num_cpus=0), None),
        (RayTask(num_gpus=1, memory_bytes=50 << 30), None),
        (RayTask(num_cpus=9), "num_cpus: no node of the cluster has 9 CPUs; the most that one has is 8"),
        (RayTask(num_gpus=2), "num_gpus: no node of the cluster has 2 GPUs; the most that one has is 1"),
        (RayTask(memory_bytes=1 << 40), "memory_bytes: no node of the cluster has 1,099,511,627,776 bytes of memory"),
        (RayTask(resources={"fast disk": 1}), "resources['fast disk']: no node of the cluster has 1 of 'fast disk'"),
        (RayTask(num_gpus=1, resources={"node:10.0.0.1": 1}), "no node of the cluster has all of"),
    ],
    ids=["default", "none", "large", "cpus", "gpus", "memory", "own", "together"],
)
def test_what_no_node_has_is_named(place: RayTask, problem: str | None) -> None:
    found = missing(place, (SMALL, LARGE))

    assert (found or "").startswith(problem or "")
    assert (found is None) == (problem is None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: RayTask(num_cpus=-1), "num_cpus"),
        (lambda: RayTask(memory_bytes=0), "memory_bytes"),
        (lambda: RayTask(resources={"GPU": 1}), "resources"),
        (lambda: RayTask(resources={"disk": "much"}), "resources"),  # type: ignore[dict-item]
        (lambda: ActorMethod(""), "actor_name"),
        (lambda: rc.tool(runs=TASK, approve=bool), "approve"),
        (lambda: rc.tool(runs="ray"), "runs"),  # type: ignore[call-overload]
    ],
)
def test_a_place_that_is_none_is_rejected_where_it_is_written(wrong: Any, field: str) -> None:
    with pytest.raises(InvalidConfig, match=f"tool.*{field}"):
        wrong()
