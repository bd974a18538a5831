"""The run of one command: what can end it early, and its exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout, suppress

from ..providers.schema.errors import ConfigError, RayconteurError
from ..runtime.api.errors import RayUnreachable, UnknownSession
from .exit_codes import ExitCode
from .output import Output

# Ray prints this warning whenever many actors have their own processes, whatever its log level.
_ROUTINE_WARNING = "PYTHON worker processes have been started"


class CommandRun:
    """The task in which a command runs. Ctrl-C and other signals cancel it, so that it shuts down what it started.

    A command may set *on_interrupt* to handle Ctrl-C itself. When the reader of *output* is gone, the command ends too.
    """

    def __init__(self) -> None:
        self.on_interrupt: Callable[[], None] = self.interrupt
        self.output = Output(on_gone=self._end_for_output)
        self.early_exit_code: ExitCode | None = None
        self._task = asyncio.current_task()

    def install_signal_handlers(self) -> None:
        """Handle the signals. To be called again once Ray has started, which replaces the handler of SIGTERM."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows: there asyncio.run itself cancels the task on Ctrl-C
            loop.add_signal_handler(signal.SIGTERM, self.end_early, ExitCode.TERMINATED)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
                loop.add_signal_handler(signal.SIGHUP, self._hang_up)
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # shells ignore it for background jobs
                loop.add_signal_handler(signal.SIGINT, self.handle_interrupt)

    def interrupt(self) -> None:
        """End the command as Ctrl-C does."""
        self.end_early(ExitCode.INTERRUPTED)

    def end_early(self, code: ExitCode) -> None:
        """Cancel the command; it exits with *code*. Later calls do nothing, so that they don't disturb the shutdown."""
        if self.early_exit_code is None and self._task:
            self.early_exit_code = code
            self._task.cancel()

    def handle_interrupt(self) -> None:
        """Ctrl-C was pressed."""
        self.on_interrupt()

    def _hang_up(self) -> None:
        self.output.hang_up()
        self.end_early(ExitCode.HUNG_UP)

    def _end_for_output(self) -> None:
        self.end_early(ExitCode.HUNG_UP if self.output.terminal else ExitCode.OUTPUT_GONE)


def run_command(command: Callable[[CommandRun], Awaitable[ExitCode]]) -> ExitCode:
    """Run *command* to its end. An error of this package is printed in one line."""
    try:
        return asyncio.run(_run(command))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except SystemExit:  # raised by Ray's own handler of SIGTERM, while Ray starts
        return ExitCode.TERMINATED
    except RayconteurError as error:
        print_error(error.message)
        return _exit_code(error)


def print_error(problem: str) -> None:
    """Print *problem* to standard error."""
    with suppress(OSError):  # the terminal, or the reader, is gone
        print(f"rayconteur: {problem}", file=sys.stderr, flush=True)


async def _run(command: Callable[[CommandRun], Awaitable[ExitCode]]) -> ExitCode:
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", _ROUTINE_WARNING)  # read when Ray is imported
    run = CommandRun()
    run.install_signal_handlers()
    try:
        with redirect_stdout(sys.stderr):  # keeps what Ray prints out of the command's output
            code = await command(run)
            return code if run.early_exit_code is None else run.early_exit_code
    except asyncio.CancelledError:
        if run.early_exit_code is None:
            raise
        return run.early_exit_code


def _exit_code(error: RayconteurError) -> ExitCode:
    match error:
        case ConfigError() | UnknownSession():
            return ExitCode.USAGE
        case RayUnreachable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.FAILED
