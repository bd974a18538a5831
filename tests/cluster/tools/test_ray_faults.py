"""Tools on a real Ray: at the same time, one after the other, and with a runtime_env, or one that can't be set up."""

import os
import time
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import ray
from fixtures.rejections import scripted

import rayconteur as rc
from rayconteur import blocking
from rayconteur.runtime import ActorMethod, RayTask, StepCompleted
from rayconteur.scripted import Call, Say

pytestmark = pytest.mark.chaos

HALF_S = 0.5


@rc.tool(runs=RayTask(num_cpus=0))
def naps() -> None:
    """Take a nap."""
    time.sleep(HALF_S)


@rc.tool(runs=RayTask(num_cpus=0, runtime_env={"working_dir": "file:///no/such/folder.zip"}))
def nowhere() -> None:
    """Run in a folder that does not exist."""


@rc.tool(runs=RayTask(num_cpus=0, runtime_env={"env_vars": {"NEST": "in the oak"}}))
def nest() -> str:
    """Where the nest is."""
    return os.environ["NEST"]


def text_of(result: rc.ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, rc.Text))


def test_four_tools_of_half_a_second_take_little_more_than_one(runtime: blocking.Runtime) -> None:
    step = tuple(Call("naps") for _ in range(4))
    config = msgspec.structs.replace(scripted(*((step, (Say("well"),)) * 4)), tools=(naps,))
    session = runtime.spawn(config)
    session.ask("a warm-up of four processes").answer()

    started_at = 0.0
    took_s: list[float] = []
    for _ in range(3):
        for event in session.ask("once more"):
            if isinstance(event, rc.ToolBatch):
                started_at = time.monotonic()
            elif isinstance(event, StepCompleted) and event.uses:
                took_s.append(time.monotonic() - started_at)

    assert min(took_s) < 0.8


def test_a_tool_has_the_variables_of_its_runtime_env(runtime: blocking.Runtime) -> None:
    config = msgspec.structs.replace(scripted((Call("nest"),), (Say("there"),)), tools=(nest,))

    answer = runtime.spawn(config).ask("Where is it?").answer()

    assert text_of(answer.steps[0].results[0]) == "in the oak"


def test_a_runtime_env_that_can_t_be_set_up_is_an_error_result_that_names_it(runtime: blocking.Runtime) -> None:
    config = msgspec.structs.replace(scripted((Call("nowhere"),), (Say("well"),)), tools=(nowhere,))
    session = runtime.spawn(config)

    answer = session.ask("try").answer()

    (result,) = answer.steps[0].results
    assert answer.text == "well"
    assert result.is_error
    assert "runtime_env" in text_of(result)


def test_a_session_runs_its_tools_in_order_wherever_they_run(runtime: blocking.Runtime, tmp_path: Path) -> None:
    def takes_a_while(file: str, use: int) -> None:
        """Write down the beginning and the end of a use."""
        for what in ("starts", "ends"):
            with Path(file).open("a") as log:
                log.write(f"{what} {use}\n")
            time.sleep(0.02)

    class Clerk:
        def by_actor(self, file: str, use: int) -> None:
            takes_a_while(file, use)

    clerk: Any = cast(Any, ray.remote(Clerk)).options(name="clerk", num_cpus=0).remote()
    here = rc.tool(name="here")(takes_a_while)
    on_ray = rc.tool(name="on_ray", runs=RayTask(num_cpus=0))(takes_a_while)
    by_actor = rc.tool(name="by_actor", runs=ActorMethod("clerk", "by_actor"))(takes_a_while)
    names = ("here", "on_ray", "by_hand", "by_actor") * 3
    log = tmp_path / "log"
    config = msgspec.structs.replace(
        scripted(tuple(Call(name, {"file": str(log), "use": use}) for use, name in enumerate(names)), (Say("done"),)),
        tools=(here, on_ray, rc.Tool(name="by_hand"), by_actor),
        max_parallel_tools=1,
    )

    answer = runtime.spawn(config).ask("run").answer(run_tool=lambda use: takes_a_while(**use.input))

    assert [text_of(result) for result in answer.steps[0].results if result.is_error] == []
    assert log.read_text().split("\n")[:-1] == [f"{what} {use}" for use in range(12) for what in ("starts", "ends")]
    del clerk
