"""The crowds that need Ray keep the same promises."""

import asyncio

import pytest
from fixtures.bench_adapters import (
    can_be_broken_off,
    hears_all_of_each_answer,
    keeps,
    raises_what_goes_wrong,
    remembers,
)

from rayconteur.benchmarks.load.process import load_server

pytestmark = pytest.mark.programs

THERE = ("ray-calls",)


@pytest.mark.parametrize("name", THERE)
def test_each_session_hears_all_of_each_answer(name: str, ray_address: str) -> None:
    with load_server() as url:
        asyncio.run(hears_all_of_each_answer(name, url, ray_address))


@pytest.mark.parametrize("name", THERE)
def test_it_remembers_and_raises_and_can_be_broken_off(name: str, ray_address: str) -> None:
    asyncio.run(keeps(name, remembers, raises_what_goes_wrong, can_be_broken_off, address=ray_address))
