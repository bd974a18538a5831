"""How a command ends: by an error, by a signal, with which exit code."""

import asyncio
import os
import signal

import pytest

from rayconteur import RayconteurError
from rayconteur.cli.command_run import CommandRun, run_command
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.errors import MissingKey, RayUnreachable, SessionDied, UnknownSession


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MissingKey("delphi", "api_key", "DELPHI_API_KEY"), ExitCode.USAGE),
        (UnknownSession("there is no session 'raven'"), ExitCode.USAGE),
        (RayUnreachable("Ray can't be reached"), ExitCode.UNREACHABLE),
        (SessionDied("the actor died"), ExitCode.FAILED),
    ],
)
def test_an_error_is_printed_in_one_line_and_sets_the_exit_code(
    error: RayconteurError, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    async def command(run: CommandRun) -> ExitCode:
        raise error

    assert run_command(command) == code
    assert capsys.readouterr() == ("", f"rayconteur: {error.message}\n")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HUNG_UP),
    ],
)
def test_a_signal_ends_the_command_after_it_has_shut_down(number: signal.Signals, code: ExitCode) -> None:
    shut_down: list[bool] = []

    async def command(run: CommandRun) -> ExitCode:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)  # a second signal during shutdown
            for _ in range(10):
                await asyncio.sleep(0)
            shut_down.append(True)
        return ExitCode.COMPLETED

    assert run_command(command) == code
    assert shut_down == [True]


def test_other_prints_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    async def command(run: CommandRun) -> ExitCode:
        print("(raylet) a message from Ray")
        run.output.line("ours")
        return ExitCode.COMPLETED

    assert run_command(command) == ExitCode.COMPLETED
    assert capsys.readouterr() == ("ours\n", "(raylet) a message from Ray\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    async def command(run: CommandRun) -> ExitCode:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)
        return ExitCode.COMPLETED

    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert run_command(command) == ExitCode.COMPLETED
    finally:
        signal.signal(number, before)
