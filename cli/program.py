"""A command under way: what may end it before its time, and what its end says."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout, suppress

from ..providers.schema.errors import ConfigError, RayconteurError
from ..runtime.api.errors import RayUnreachable, UnknownSession
from .exits import ExitCode
from .output import Output

# What Ray tells of whenever many actors have processes of their own, however quiet it is asked to be.
_ROUTINE = "PYTHON worker processes have been started"


class Program:
    """The task that a command runs in. Ctrl-C and its like cancel it, so that it shuts down what it started.

    *on_interrupt* may be replaced by what else Ctrl-C shall do. When nobody reads *output*, the command ends, too.
    """

    def __init__(self) -> None:
        self.on_interrupt: Callable[[], None] = self.interrupt
        self.output = Output(on_gone=lambda: self.end(ExitCode.OUTPUT_GONE))
        self.ended_by: ExitCode | None = None
        self._task = asyncio.current_task()

    def listen(self) -> None:
        """Take the signals. Again once Ray has started: it puts its own handler of SIGTERM in place of ours."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows: there Ctrl-C cancels the task by asyncio.run's own doing
            loop.add_signal_handler(signal.SIGTERM, self.end, ExitCode.TERMINATED)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
                loop.add_signal_handler(signal.SIGHUP, self.end, ExitCode.HUNG_UP)
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as shells have it for what runs in background
                loop.add_signal_handler(signal.SIGINT, self._interrupted)

    def interrupt(self) -> None:
        """End the command as Ctrl-C does."""
        self.end(ExitCode.INTERRUPTED)

    def end(self, code: ExitCode) -> None:
        """Cancel the command, once: a second wish to end it must not disturb it while it shuts down."""
        if self.ended_by is None and self._task:
            self.ended_by = code
            self._task.cancel()

    def _interrupted(self) -> None:
        self.on_interrupt()


def run(command: Callable[[Program], Awaitable[ExitCode]]) -> ExitCode:
    """Run *command* to its end. What it refuses is told in a line."""
    try:
        return asyncio.run(_run(command))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except SystemExit:  # Ray's own handler of SIGTERM, while it starts
        return ExitCode.TERMINATED
    except RayconteurError as error:
        complain(error.message)
        return _code_of(error)


def complain(problem: str) -> None:
    """Tell *problem* on standard error."""
    print(f"rayconteur: {problem}", file=sys.stderr, flush=True)


async def _run(command: Callable[[Program], Awaitable[ExitCode]]) -> ExitCode:
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", _ROUTINE)  # Ray reads it when it is imported
    program = Program()
    program.listen()
    try:
        with redirect_stdout(sys.stderr):  # whatever Ray prints else must not stand among the answers
            return await command(program)
    except asyncio.CancelledError:
        if program.ended_by is None:
            raise
        return program.ended_by


def _code_of(error: RayconteurError) -> ExitCode:
    match error:
        case ConfigError() | UnknownSession():
            return ExitCode.USAGE
        case RayUnreachable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.FAILED
