"""The crowds that need no Ray: each keeps conversations, loses no text, and gives everything back."""

import asyncio
import gc
import sys
from collections.abc import Iterator

import pytest
from fixtures.bench_adapters import (
    can_be_broken_off,
    hears_all_of_each_answer,
    keeps,
    raises_what_goes_wrong,
    remembers,
)

from rayconteur.benchmarks.adapters.adapter import Site
from rayconteur.benchmarks.adapters.registry import NAMES, PeerMissing, open_crowd
from rayconteur.benchmarks.load.process import load_server

HERE = ("bare", "sdk", "sdk-aiohttp", "autogen", "pydantic-ai", "langgraph")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with load_server() as url:
        yield url


@pytest.fixture(autouse=True, scope="module")
def nothing_left() -> Iterator[None]:
    """What was not given back warns when it is collected."""
    yield
    gc.collect()


@pytest.mark.parametrize("name", HERE)
def test_each_session_hears_all_of_each_answer(name: str, url: str) -> None:
    asyncio.run(hears_all_of_each_answer(name, url))


@pytest.mark.parametrize("name", HERE[1:])
def test_a_conversation_is_remembered_until_it_is_forgotten(name: str) -> None:
    asyncio.run(keeps(name, remembers))


@pytest.mark.parametrize("name", HERE)
def test_an_answer_can_be_broken_off(name: str) -> None:
    asyncio.run(keeps(name, can_be_broken_off))


@pytest.mark.parametrize("name", HERE)
def test_what_goes_wrong_is_raised_and_not_tried_again(name: str) -> None:
    asyncio.run(keeps(name, raises_what_goes_wrong))


def test_a_crowd_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langgraph.graph", None)
    monkeypatch.delitem(sys.modules, "rayconteur.benchmarks.adapters.langgraph", raising=False)

    with pytest.raises(PeerMissing, match=r"langgraph.*install rayconteur\[bench\]"):
        open_crowd("langgraph", Site("http://127.0.0.1:1", 1))


def test_an_unknown_crowd_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=", ".join(NAMES)):
        open_crowd("nobody", Site("http://127.0.0.1:1", 1))
