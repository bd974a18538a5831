"""The adapters that need Ray fulfil the same contracts."""

import asyncio

import pytest
from fixtures.benchmarks.adapters import (
    aborts_answers,
    check_contracts,
    delivers_complete_answers,
    keeps_conversations,
    raises_errors,
    runs_its_tool,
)

from rayconteur.benchmarks.load.pace import Pace
from rayconteur.benchmarks.load.process import load_server

pytestmark = pytest.mark.programs

WITH_RAY = ("ray-calls",)


@pytest.mark.parametrize("name", WITH_RAY)
def test_each_session_gets_complete_answers(name: str, ray_address: str) -> None:
    with load_server() as url:
        asyncio.run(delivers_complete_answers(name, url, ray_address))


@pytest.mark.parametrize("name", WITH_RAY)
def test_conversations_continue_errors_are_raised_and_answers_can_be_aborted(name: str, ray_address: str) -> None:
    asyncio.run(check_contracts(name, keeps_conversations, raises_errors, aborts_answers, address=ray_address))


def test_a_session_runs_its_tool_as_a_task_of_ray(ray_address: str) -> None:
    with load_server(Pace(tool_share=1.0, tool_steps=2)) as url:
        asyncio.run(runs_its_tool("sdk-aiohttp", url, "on Ray", ray_address))
