"""A program that changes an SDK and prints the errors of a client and of a session.

A change is Python code that runs before the client is opened. Nothing undoes it, so each has a process of its own.
Loading the SDKs takes seconds of CPU: one process loads them, and is forked for each change.
"""

import asyncio
import gc
import importlib
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from fixtures import clients
from fixtures.session import running_session
from servers.google_tokens import service_account
from servers.loopback import Loopback, answers

import rayconteur as rc
from rayconteur.providers import AWSAuth, ProviderConfig
from rayconteur.providers.registry import open_client

_COMMAND = [sys.executable, "-m", "checkers.changed_sdk"]
_SDKS = ("anthropic", "openai", "google.genai", "google.auth.transport.requests", "cohere", "botocore.auth")
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


class Run(msgspec.Struct):
    """The *change* to try with the client of a *config*."""

    config: str
    change: str
    streaming: bool = True


class ChangedSDKs:
    """Tries changes, each in a process of its own."""

    def __init__(self, program: "subprocess.Popen[bytes]") -> None:
        self._program = program

    def errors_with(self, config: str, change: str, streaming: bool = True) -> dict[str, Any]:
        """The errors of *config* with the SDK changed by *change*.

        ``client`` and ``session`` have the type, the fields and the message; ``requests`` is the number received.
        """
        assert self._program.stdin
        assert self._program.stdout
        self._program.stdin.write(msgspec.json.encode(Run(config, change, streaming)) + b"\n")
        self._program.stdin.flush()
        return _read(self._program.stdout.readline())


@contextmanager
def changed_sdks() -> Generator[ChangedSDKs]:
    """Keep a program that has loaded all SDKs, and is forked for each change."""
    with subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()) as program:
        yield ChangedSDKs(program)


def errors_with_path(config: str, change: str, *python_path: Path) -> dict[str, Any]:
    """As ``errors_with``, in a new process, which loads the SDKs that are first on *python_path*."""
    run = msgspec.json.encode(Run(config, change))
    done = subprocess.run([*_COMMAND, run], stdout=subprocess.PIPE, check=False, env=_environment(*python_path))
    return _read(done.stdout)


def _environment(*python_path: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*python_path, _TESTS)))}


def _read(output: bytes) -> dict[str, Any]:
    assert output, "the program failed: its error is on stderr"
    return msgspec.json.decode(output, type=dict[str, Any])


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


async def _errors(run: Run) -> dict[str, Any]:
    exec(run.change, {"__name__": "change"})
    async with Loopback(answers(b"{}")) as server:
        config = _CONFIGS[run.config](server.url)
        client = await _client_error(config, run.streaming)
        session = await _session_error(config, run.streaming)
        return {"client": client, "session": session, "requests": len(server.received)}


def _print_errors(run: bytes) -> None:
    errors = asyncio.run(_errors(msgspec.json.decode(run, type=Run)))
    sys.stdout.write(msgspec.json.encode(errors).decode() + "\n")
    sys.stdout.flush()


def _serve() -> None:
    """Load all SDKs, and fork for each line of the input. A run that fails has an empty line."""
    for name in _SDKS:
        importlib.import_module(name)
    gc.freeze()  # collecting what is shared would copy it
    for run in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            try:
                _print_errors(run)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status:
            sys.stdout.write("\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _print_errors(sys.argv[1].encode())
    else:
        _serve()
