"""`rayconteur chat`: one session in the terminal."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ...providers.schema.errors import InvalidConfig, RayconteurError
from ...runtime.api.config import SessionConfig
from ...runtime.api.errors import SessionClosed, SessionDied
from ...runtime.api.events import Failed, FromLLM, Interrupted, Missed, Retrying, TextChunk, ThinkingChunk, ToolBatch
from ...runtime.api.settings.policies import OnInterrupt
from ...runtime.driver.config_file.runtime_config import RuntimeConfig
from ..command_run import CommandRun, print_error
from ..exit_codes import ExitCode
from ..formatting import printable
from ..keyboard import Key, Keyboard
from ..provider import config_file, session_config
from ..spinner import is_cluster_named, spinner
from .decisions import Decisions
from .status_text import format_status

if TYPE_CHECKING:
    from ...runtime.driver.reply import Reply
    from ...runtime.driver.session_handle import SessionHandle
    from ..line_editor import LineEditor

    LineReader = LineEditor | Keyboard

PROMPT = "> "

_SENDING_S = 0.01
"""How often it is looked whether a message that is to be interrupted has its turn."""

HELP = """\
/status   show the session's state, context and tokens
/clear    clear the conversation
/retry    ask again for an answer that failed
/help     show this help
/quit     leave; Ctrl-D does, too
Questions of the model, and whether a tool may run, are asked as they come up: answer in the next line.
Ctrl-C interrupts the answer; what was said so far stays. At the prompt it clears the line, and a second Ctrl-C leaves.
The up arrow recalls earlier lines, to be edited and sent again. Alt-Enter starts a new line; pasted ones stay together.
Any other line is sent to the model. To send a line that starts with a slash, put a blank in front of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """The options of the command."""

    provider: str | None
    model: str | None
    system: str | None
    session: str | None
    address: str | None
    tokens_per_s: float


async def chat(options: ChatOptions, run: CommandRun) -> ExitCode:
    """Open a session, or attach to one, and chat until the user leaves.

    Raises:
        RayconteurError: the options are invalid, or there is no Ray or no such session; nothing is left running.
    """
    file = config_file()
    address = options.address or file.address
    config = _session_config(options, file)
    async with AsyncExitStack() as ending:
        with spinner(run.output, "connecting to Ray" if is_cluster_named(address) else "starting Ray"):
            from ...runtime.driver.runtime import (
                Runtime,  # here, when the options are known to be valid: it imports Ray
            )

            runtime = await ending.enter_async_context(Runtime(address, file.placement, file.warm, file.options))
            run.install_signal_handlers()
            session = await (runtime.spawn(config) if config else runtime.session(options.session or ""))
        with _line_reader(run) as lines:
            return await Chat(session, lines, run).run()


def _line_reader(run: CommandRun) -> "LineReader":
    """What reads the user's lines: an editor where there is a screen for it."""
    screen = run.output.stream if run.output.terminal else sys.stderr
    if not sys.stdin.isatty() or not screen.isatty() or os.environ.get("TERM") == "dumb":
        return Keyboard()
    from ..line_editor import LineEditor  # here: scripts and --help do without it

    return LineEditor(screen, run.handle_interrupt)


class Chat:
    """Sends each line to *session*, shows the reply, and carries out slash commands.

    Errors are printed, and the chat goes on as long as the session exists.
    """

    def __init__(self, session: "SessionHandle", lines: "LineReader", run: CommandRun) -> None:
        self._session = session
        self._lines = lines
        self._output = run.output
        self._command_run = run
        self._interactive = lines.terminal and run.output.terminal
        self._decisions = Decisions(session, self._next_line, self._notify)
        self._reply: Reply | None = None
        self._interrupting: asyncio.Task[None] | None = None
        self._is_interrupted = False  # Ctrl-C was pressed since the line was entered
        self._is_prompting = False
        self._keeps = False
        self._thinking = False
        self._failed = False

    async def run(self) -> ExitCode:
        """Chat until the user leaves."""
        if self._interactive:
            self._command_run.on_interrupt = self._interrupt
            status, settings = await self._session.status(), await self._session.settings()
            self._keeps = settings.on_interrupt is OnInterrupt.KEEP
            self._output.notice(f"session {status.id}: {status.provider}, {status.model}. /help shows the commands.")
        leaves_on_interrupt = False
        while True:
            match await self._next_line(PROMPT):
                case Key.END:
                    break
                case Key.INTERRUPT:
                    if leaves_on_interrupt:
                        return ExitCode.INTERRUPTED
                    leaves_on_interrupt = self._offer_to_leave()
                case Key.CLEARED:
                    leaves_on_interrupt = self._offer_to_leave()
                case "/quit":
                    return self._exit_code()
                case str(line):
                    leaves_on_interrupt = False
                    if not await self._process_line(line):
                        return ExitCode.FAILED
        self._output.end_line()
        return self._exit_code()

    def _offer_to_leave(self) -> bool:
        self._output.notice("Ctrl-C again, or Ctrl-D, leaves.")
        return True

    async def _next_line(self, prompt: str) -> str | Key:
        self._is_prompting, self._is_interrupted = True, False
        try:
            line = await self._lines.read_line(prompt)
        except InvalidConfig as error:
            self._reject_line(error.message)
            return ""
        finally:
            self._is_prompting = False
        self._output.line_was_echoed()
        return line.rstrip() if isinstance(line, str) else line

    async def _process_line(self, line: str) -> bool:
        """Send *line* or carry out its command. False if the session no longer exists."""
        try:
            if line.startswith("/") and "\n" not in line:
                await self._run_slash_command(line)
            elif message := line.strip():
                await self._show_reply(self._session.ask(message))
        except (SessionClosed, SessionDied) as error:
            self._print_error(error.message)
            return False
        except RayconteurError as error:
            self._reject_line(error.message)
        return True

    async def _run_slash_command(self, line: str) -> None:
        match line:
            case "/status":
                self._output.line(format_status(await self._session.status()))
            case "/clear":
                await self._session.clear()
                self._output.notice("The conversation is forgotten.")
            case "/retry":
                await self._show_reply(self._session.retry())
            case "/help":
                self._output.line(HELP)
            case _:
                self._reject_line(f"there is no command {line.split()[0]}; /help shows the commands")

    async def _show_reply(self, reply: "Reply") -> None:
        """Show *reply* until its turn ends; Ctrl-C interrupts the turn."""
        self._reply = reply
        if self._is_interrupted:  # since the line was entered
            self._start_interrupting(reply)
        try:
            async for event in reply:
                self._show_event(event)
                if not await self._decisions.decide(event):
                    self._failed |= not self._interactive  # there was nobody to ask
                    self._start_interrupting(reply)
            if self._interrupting:
                await self._interrupting
        finally:
            if self._interrupting:
                self._interrupting.cancel()
            self._reply = self._interrupting = None
            self._output.end_line()

    def _interrupt(self) -> None:
        if self._is_prompting and self._lines.interrupt():
            return
        if self._is_interrupted:  # the second Ctrl-C after this line: the first did not help
            self._command_run.interrupt()
        self._is_interrupted = True
        if self._reply is not None:
            self._start_interrupting(self._reply)

    def _start_interrupting(self, reply: "Reply") -> None:
        self._interrupting = asyncio.create_task(self._interrupt_turn(reply))

    def _show_event(self, event: FromLLM) -> None:
        match event:
            case TextChunk(text=text):
                if self._thinking:
                    self._output.end_line()
                self._thinking = False
                self._output.write(printable(text))
            case ThinkingChunk(text=text) if self._interactive:
                self._thinking = True
                self._output.write(printable(text), dim=True)
            case Retrying():
                self._notify(f"{event.code}: {event.message}; trying again from the beginning in {event.delay_s:.1f} s")
            case ToolBatch(uses=uses, on_ray=on_ray) if len(uses) > len(on_ray):
                names = ", ".join(use.name for use in uses if use.id not in on_ray)
                self._notify(f"The model waits for tools: {names}. The chat does not run tools; Ctrl-C ends the turn.")
            case Missed(first=first, last=last):
                self._notify(f"Events {first} to {last} were missed: they came faster than they were read.")
            case Interrupted():
                self._notify("interrupted; what was said so far is kept" if self._keeps else "interrupted")
            case Failed():
                self._failed = True
                hint = "; /retry tries again" if event.retryable else ""
                self._print_error(f"{event.code}: {event.message}{hint}")
            case _:
                pass

    async def _interrupt_turn(self, reply: "Reply") -> None:
        while reply.turn is None:  # noqa: ASYNC110  (no event says that its message has arrived)
            await asyncio.sleep(_SENDING_S)
        try:
            await self._session.interrupt(reply.turn)
        except RayconteurError as error:
            self._print_error(error.message)

    def _notify(self, text: str) -> None:
        if self._interactive:
            self._output.notice(printable(text))
        else:
            print_error(printable(text))

    def _reject_line(self, problem: str) -> None:
        """A line was not accepted. A program that pipes lines in learns it from the exit code."""
        self._failed |= not self._interactive
        self._print_error(problem)

    def _print_error(self, problem: str) -> None:
        self._output.end_line()
        print_error(printable(problem))

    def _exit_code(self) -> ExitCode:
        return ExitCode.FAILED if self._failed else ExitCode.COMPLETED


def _session_config(options: ChatOptions, file: RuntimeConfig) -> SessionConfig | None:
    """The config of a new session; ``None`` to attach to a running one."""
    if options.session:
        if not is_cluster_named(options.address or file.address):
            raise InvalidConfig("--session", "name the cluster it runs on, too: --address or RAY_ADDRESS")
        return None
    config = session_config(options, file)
    return msgspec.structs.replace(config, system=options.system or config.system, on_interrupt=OnInterrupt.KEEP)
