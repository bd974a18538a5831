"""The adapters that need no Ray: each keeps conversations, loses no text, and releases its resources."""

import asyncio
import gc
import sys
from collections.abc import Iterator

import pytest
from fixtures.benchmarks.adapters import (
    aborts_answers,
    check_contracts,
    delivers_complete_answers,
    keeps_conversations,
    raises_errors,
    runs_its_tool,
)

from rayconteur.benchmarks.adapters.adapter import AdapterConfig
from rayconteur.benchmarks.adapters.registry import ADAPTERS, PeerMissing, open_adapter
from rayconteur.benchmarks.load.pace import Pace
from rayconteur.benchmarks.load.process import load_server

WITHOUT_RAY = ("bare", "sdk", "sdk-aiohttp", "autogen", "pydantic-ai", "langgraph")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with load_server() as url:
        yield url


@pytest.fixture(autouse=True, scope="module")
def no_resource_leaks() -> Iterator[None]:
    """A resource that was not released warns when it is collected."""
    yield
    gc.collect()


@pytest.mark.parametrize("name", WITHOUT_RAY)
def test_each_session_gets_complete_answers(name: str, url: str) -> None:
    asyncio.run(delivers_complete_answers(name, url))


@pytest.fixture(scope="module")
def tool_url() -> Iterator[str]:
    with load_server(Pace(tool_share=1.0, tool_steps=3)) as url:
        yield url


@pytest.mark.parametrize("name", WITHOUT_RAY)
def test_a_session_answers_tool_uses_until_there_is_text(name: str, tool_url: str) -> None:
    asyncio.run(runs_its_tool(name, tool_url))


@pytest.mark.parametrize("name", WITHOUT_RAY[1:])
def test_a_conversation_continues_until_it_is_reset(name: str) -> None:
    asyncio.run(check_contracts(name, keeps_conversations))


@pytest.mark.parametrize("name", WITHOUT_RAY)
def test_an_answer_can_be_aborted(name: str) -> None:
    asyncio.run(check_contracts(name, aborts_answers))


@pytest.mark.parametrize("name", WITHOUT_RAY)
def test_errors_are_raised_without_a_retry(name: str) -> None:
    asyncio.run(check_contracts(name, raises_errors))


def test_an_adapter_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langgraph.graph", None)
    monkeypatch.delitem(sys.modules, "rayconteur.benchmarks.adapters.langgraph", raising=False)

    with pytest.raises(PeerMissing, match=r"langgraph.*install rayconteur\[bench\]"):
        open_adapter("langgraph", AdapterConfig("http://127.0.0.1:1", 1))


def test_an_unknown_adapter_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=", ".join(ADAPTERS)):
        open_adapter("nobody", AdapterConfig("http://127.0.0.1:1", 1))
