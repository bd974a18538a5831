"""Tools on Ray outlive their session's actor: the next one gets the result, and nothing runs twice."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from fixtures.named_actors import host_name, kill, process_id, wait_until

import rayconteur as rc
from rayconteur.runtime import RayTask, ToolCompleted
from rayconteur.scripted import Call, Say, Script

WITHIN_S = 20.0


@rc.tool(runs=RayTask(num_cpus=0), timeout_s=WITHIN_S)
def waits(folder: str) -> str:
    """Write down that it runs, and wait until it may go on."""
    Path(folder, f"run-{os.getpid()}-{time.time_ns()}").touch()
    deadline = time.monotonic() + WITHIN_S
    while not Path(folder, "go on").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return "seen"


@pytest.mark.parametrize("by", ["the same program", pytest.param("another program", marks=pytest.mark.chaos)])
def test_a_tool_runs_once_though_its_session_s_actor_is_killed_meanwhile(
    options: rc.RuntimeOptions, tmp_path: Path, by: str
) -> None:
    script = Script(answers=((Call("waits", {"folder": str(tmp_path)}),), (Say("done"),)))
    config = rc.SessionConfig(provider=rc.Scripted(script=script), tools=(waits,))
    options = rc.RuntimeOptions(namespace=options.namespace)

    def runs() -> int:
        return len(list(tmp_path.glob("run-*")))

    def kill_session_actor() -> None:
        kill(process_id(host_name("raven", options.namespace), options.namespace))

    async def main() -> None:
        async with (
            rc.Runtime(placement=rc.Packed(), options=options) as one,
            rc.Runtime(placement=rc.Packed(), options=options) as another,
        ):
            session = await one.spawn(config, "raven")
            await session.send(rc.UserMessage.of("wait"))
            await wait_until(lambda: runs() == 1)

            await asyncio.to_thread(kill_session_actor)
            found = await (one if by == "the same program" else another).session("raven")
            (tmp_path / "go on").touch()

            seen: list[rc.FromLLM] = []
            async for event in found.events(after=0):
                seen.append(event)
                if isinstance(event, rc.Completed):
                    break
            assert sum(isinstance(event, ToolCompleted) for event in seen) == 1
            assert runs() == 1

    asyncio.run(main())
