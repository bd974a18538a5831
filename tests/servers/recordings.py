"""Exchanges recorded with real providers, and the server that replays them.

They are in a folder beside the project, or in the one that ``RAYCONTEUR_WIRE`` names. Without them, the tests that need
them are skipped.
"""

import importlib.util
import os
import sys
from base64 import b64decode
from contextlib import AbstractAsyncContextManager
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
import pytest
from _pytest.mark import ParameterSet

FOLDER = Path(os.environ.get("RAYCONTEUR_WIRE") or Path(__file__).resolve().parents[3] / "shared" / "wire")


class ReplayServer(Protocol):
    """Answers with a recorded exchange, under ``{url}/@0``."""

    url: str
    requests: list[tuple[str, str, bytes]]
    """Method, target and body of each request, as received."""


class ToolCall(msgspec.Struct):
    """A tool use, as the provider's SDK reads it."""

    name: str
    arguments: dict[str, Any] | str | None
    id: str | None = None
    arguments_raw: str | None = None


class ExpectedCounts(msgspec.Struct):
    """The token counts that the provider reported; ``None`` for those that it did not."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class ExpectedError(msgspec.Struct):
    """An error that the provider reported."""

    status: int | None
    message: str
    type: str | None = None
    code: str | None = None


class Expected(msgspec.Struct):
    """An answer as the provider's SDK reads it."""

    outcome: str
    text: str
    thinking: str
    tool_calls: list[ToolCall]
    stop_reason: str | None
    usage: ExpectedCounts | None
    error: ExpectedError | None
    redacted_thinking: int = 0
    other_blocks: list[str] = []
    stop_detail: str | None = None
    usage_raw: dict[str, Any] | None = None
    tool_plan: str = ""
    citations: int = 0


class Exchange(msgspec.Struct):
    """One recorded exchange; *record* is the whole record, for the replay server."""

    id: str
    api: str
    streaming: bool
    body: str | None
    expected: Expected | None
    body_b64: str | None = None
    record: dict[str, Any] = {}

    @property
    def data(self) -> bytes:
        """The body of the answer as received."""
        return b64decode(self.body_b64) if self.body_b64 else (self.body or "").encode()


@cache
def exchanges(file: str, api: str) -> tuple[Exchange, ...]:
    """The exchanges of *api* in *file*; none if the file is missing."""
    path = FOLDER / f"{file}.jsonl"
    lines = path.read_bytes().splitlines() if path.is_file() else []
    decoded = [msgspec.json.decode(line, type=Exchange) for line in lines]
    for exchange, line in zip(decoded, lines, strict=True):
        exchange.record = msgspec.json.decode(line)
    return tuple(exchange for exchange in decoded if exchange.api == api)


def cases(file: str, api: str, streaming: bool | None = None) -> list[ParameterSet]:
    """The exchanges, all or only those that are *streaming* or not, as cases for ``pytest.mark.parametrize``."""
    selected = [exchange for exchange in exchanges(file, api) if streaming in (None, exchange.streaming)]
    if not selected:
        return [
            pytest.param(
                None, marks=pytest.mark.skip(f"no such exchanges of {api} in {FOLDER}/{file}.jsonl"), id="missing"
            )
        ]
    return [pytest.param(exchange, id=exchange.id) for exchange in selected]


def replay_server(exchange: Exchange, **faults: Any) -> AbstractAsyncContextManager[ReplayServer]:
    """A loopback server that answers every request with *exchange*; *faults* are options of ``replay.py``."""
    replay = _replay()
    return cast(
        AbstractAsyncContextManager[ReplayServer], replay.ReplayServer([exchange.record], replay.Faults(**faults))
    )


@cache
def _replay() -> Any:
    spec = importlib.util.spec_from_file_location("replay", FOLDER / "replay.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module there
    spec.loader.exec_module(module)
    return module
