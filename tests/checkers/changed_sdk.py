"""A program that changes an SDK and prints the errors of a client and of a session: ``changed_sdk.py CONFIG CHANGE``.

*CHANGE* is Python code that runs before the client is opened. Nothing undoes it, so it has a process of its own.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fixtures import clients
from fixtures.session import running_session
from servers.google_tokens import service_account
from servers.loopback import Loopback, answers

import rayconteur as rc
from rayconteur.providers import AWSAuth, ProviderConfig
from rayconteur.providers.registry import open_client

_TESTS = Path(__file__).parents[1]
_KEY: dict[str, Any] = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": clients.KEY}


def _signed(url: str) -> ProviderConfig:
    return rc.Bedrock(model="claude-x", region="us-east-1", endpoint_url=url, **_KEY)


def _anthropic_at_aws(url: str) -> ProviderConfig:
    auth = AWSAuth(region="us-east-1", service="bedrock", **_KEY)
    return rc.Anthropic(model="claude-x", base_url=url, aws=auth)


def _vertex(url: str) -> ProviderConfig:
    config: ProviderConfig = rc.Google(model="m", base_url=url, credentials=service_account(url)).resolved({})
    return config


_CONFIGS: dict[str, Callable[[str], ProviderConfig]] = {
    "anthropic": clients.anthropic,
    "anthropic-aws": _anthropic_at_aws,
    "azure": clients.azure,
    "bedrock": _signed,
    "cohere": clients.cohere,
    "google": clients.google,
    "openai": clients.openai,
    "responses": clients.responses,
    "vertex": _vertex,
}


def errors_with(config: str, change: str, *python_path: Path, streaming: bool = True) -> dict[str, Any]:
    """The errors of *config* with the SDK changed by *change*, or by what is first on *python_path*.

    ``client`` and ``session`` have the type, the fields and the message; ``requests`` is the number received.
    """
    path = os.pathsep.join(map(str, (*python_path, _TESTS)))
    command = [sys.executable, "-m", "checkers.changed_sdk", config, change, str(streaming)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    errors: dict[str, Any] = json.loads(done.stdout)
    return errors


def _described(error: Exception) -> dict[str, Any]:
    fields = ("provider", "extra", "distribution", "installed", "tested", "code")
    described = {name: getattr(error, name) for name in fields if hasattr(error, name)}
    return {"type": type(error).__name__, "message": str(error), "is_caused": error.__cause__ is not None} | described


async def _client_error(config: ProviderConfig, streaming: bool) -> dict[str, Any]:
    try:
        client = open_client(config)
    except Exception as error:
        return {"at": "open", **_described(error)}
    try:
        await (clients.collect_deltas(client) if streaming else client.complete(clients.REQUEST))
    except Exception as error:
        return {"at": "request", **_described(error)}
    finally:
        await client.aclose()
    return {"type": None}


async def _session_error(provider: ProviderConfig, streaming: bool) -> dict[str, Any]:
    config = rc.SessionConfig(provider=provider, streaming=streaming)
    try:
        async with running_session(config) as session:
            turn = session.ask()
            failed = await session.wait_for_event(rc.Failed, turn)
            assert isinstance(failed, rc.Failed)
            retries = session.event_kinds(turn).count("Retrying")
            return {"code": failed.code, "message": failed.message, "retryable": failed.retryable, "retries": retries}
    except Exception as error:  # when it was opened
        return _described(error)


async def _main(name: str, change: str, streaming: bool) -> None:
    exec(change, {"__name__": "change"})
    async with Loopback(answers(b"{}")) as server:
        config = _CONFIGS[name](server.url)
        errors = {"client": await _client_error(config, streaming), "session": await _session_error(config, streaming)}
        print(json.dumps({**errors, "requests": len(server.received)}))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3] == "True"))
