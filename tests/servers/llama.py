"""llama.cpp's server (https://github.com/ggml-org/llama.cpp, tools/server) with a model of 135 million parameters.

``make test`` installs it into ``.llama`` if the packages are available. It speaks Chat Completions, the Responses API
and Anthropic's, and has four slots of 1,024 tokens each.
"""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from fixtures.clients import KEY

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.registry import ProviderConfig

MODEL = "smollm2"
SLOTS = 4
_ROOT = Path(__file__).resolve().parents[2]
_STAMP = _ROOT / ".llama/installed"
_PYTHON = _ROOT / ".llama/bin/python"
_PROGRAM = Path(__file__).with_name("llama_program.py")
_TEMPLATE = _ROOT / "tests/samples/llama/tools.jinja"


@dataclass(frozen=True, slots=True)
class Llama:
    """A running server at *url*."""

    url: str

    async def busy_slots(self) -> int:
        """The number of slots that work on a request."""
        headers = {"authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/slots", headers=headers) as response:
            slots = msgspec.json.decode(await response.read(), type=list[_Slot])
        assert len(slots) == SLOTS
        return sum(slot.is_processing for slot in slots)


class _Slot(msgspec.Struct):
    is_processing: bool


def chat(url: str, **more: Any) -> ProviderConfig:
    """Chat Completions at *url*."""
    return OpenAI(base_url=f"{url}/v1", api="chat", **_common(more))


def responses(url: str, **more: Any) -> ProviderConfig:
    """The Responses API at *url*."""
    return OpenAI(base_url=f"{url}/v1", api="responses", **_common(more))


def messages(url: str, **more: Any) -> ProviderConfig:
    """Anthropic's API at *url*."""
    return Anthropic(base_url=url, **_common(more))


def _common(more: dict[str, Any]) -> dict[str, Any]:
    return {"model": MODEL, "api_key": KEY, **more}


EACH_API = pytest.mark.parametrize("config", [chat, responses, messages], ids=["chat", "responses", "messages"])


@contextmanager
def llama_server() -> Generator[Llama]:
    """A running server. Skips the test if it is not installed."""
    if not _STAMP.is_file():
        pytest.skip("llama.cpp is not installed: make test installs it if the packages are available")
    command = [str(_PYTHON), str(_PROGRAM), str(_TEMPLATE), KEY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            url = server.stdout.readline().strip()
            assert url, "llama.cpp did not start"
            yield Llama(url)
        finally:
            server.kill()  # it would wait for open connections
