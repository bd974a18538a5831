"""What a command's end says, and what ends it."""

import asyncio
import os
import signal

import pytest

from rayconteur import RayconteurError
from rayconteur.cli.exits import ExitCode
from rayconteur.cli.program import Program, run
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
def test_an_error_is_a_line_and_an_exit_code(
    error: RayconteurError, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    async def command(program: Program) -> ExitCode:
        raise error

    assert run(command) == code
    assert capsys.readouterr() == ("", f"rayconteur: {error.message}\n")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HUNG_UP),
    ],
)
def test_a_signal_ends_a_command_once_it_has_shut_down(number: signal.Signals, code: ExitCode) -> None:
    shut_down: list[bool] = []

    async def command(program: Program) -> ExitCode:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)  # an impatient second one
            for _ in range(10):
                await asyncio.sleep(0)
            shut_down.append(True)
        return ExitCode.COMPLETED

    assert run(command) == code
    assert shut_down == [True]


def test_what_others_print_does_not_stand_among_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    async def command(program: Program) -> ExitCode:
        print("(raylet) a word of Ray's")
        program.output.line("ours")
        return ExitCode.COMPLETED

    assert run(command) == ExitCode.COMPLETED
    assert capsys.readouterr() == ("ours\n", "(raylet) a word of Ray's\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    async def command(program: Program) -> ExitCode:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)
        return ExitCode.COMPLETED

    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert run(command) == ExitCode.COMPLETED
    finally:
        signal.signal(number, before)
