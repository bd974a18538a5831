"""LiteLLM's proxy (https://github.com/BerriAI/litellm), in front of other servers.

``make test`` installs it into ``.litellm`` if the packages are available: it needs other versions than we do.
"""

import os
import socket
import subprocess
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

_ROOT = Path(__file__).resolve().parents[2]
_STAMP = _ROOT / ".litellm/installed"
_PYTHON = _ROOT / ".litellm/bin/python"
_PROGRAM = Path(__file__).with_name("litellm_program.py")
_START_S = 100
_NO_CONNECTIONS = {
    # Its prices and lists come with the package; without these, each start asks for newer ones.
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_TELEMETRY": "False",
    # Whatever else it wants to connect to outside fails at once: nothing listens at this port.
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
}


def deployment(name: str, model: str, url: str, key: str) -> dict[str, Any]:
    """An entry of the proxy's list of models: requests for *name* go to *model* at *url*."""
    return {
        "model_name": name,
        "litellm_params": {"model": model, "api_base": url, "api_key": key, "max_retries": 0},
    }


def skip_without_litellm() -> None:
    """Skip the test if the proxy is not installed."""
    if not _STAMP.is_file():
        pytest.skip("LiteLLM's proxy is not installed: make test installs it if the packages are available")


@contextmanager
def litellm_proxy(models: list[dict[str, Any]], key: str, folder: Path) -> Generator[str]:
    """A running proxy for *models*, as its URL. It takes *key*."""
    config = {
        "model_list": models,
        "general_settings": {"master_key": key},
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    file = folder / "litellm.yaml"
    file.write_bytes(msgspec.json.encode(config))
    environment = {**os.environ, **_NO_CONNECTIONS, "CONFIG_FILE_PATH": str(file)}
    log = folder / "litellm.log"
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        fd = listener.fileno()
        command = [str(_PYTHON), "-P", str(_PROGRAM), str(fd)]  # -P: or it would import this file as litellm
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output, pass_fds=[fd]
        )
    with server:
        try:
            _wait_until_ready(url, log)
            yield url
        finally:
            server.kill()  # it would wait for open connections


def _wait_until_ready(url: str, log: Path) -> None:
    """The socket listens before the program starts: the request is answered when it is ready."""
    try:
        urllib.request.urlopen(f"{url}/health/liveliness", timeout=_START_S).close()
    except OSError as error:
        raise AssertionError(f"LiteLLM's proxy did not start: {log.read_text()}") from error
