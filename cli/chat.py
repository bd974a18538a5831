"""`rayconteur chat`: one session in the terminal."""

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..providers.schema.errors import InvalidConfig, RayconteurError
from ..providers.schema.usage import Cost, Count, Provenance
from ..runtime.api.config import SessionConfig
from ..runtime.api.errors import SessionClosed, SessionDied
from ..runtime.api.messages import Failed, FromLLM, Interrupted, Missed, Retrying, TextChunk, ThinkingChunk, ToolBatch
from ..runtime.api.status import SessionStatus
from .exits import ExitCode
from .formatting import tokens
from .keyboard import Key, Keyboard
from .output import printable
from .program import Program, complain
from .provider import provider_named

if TYPE_CHECKING:
    from ..runtime.driver.reply import Reply
    from ..runtime.driver.session_handle import SessionHandle

PROMPT = "> "

HELP = """\
/status   what the session is doing, its context and its tokens
/clear    forget the conversation
/retry    ask again for an answer that failed
/help     this
/quit     leave; Ctrl-D does, too
Ctrl-C interrupts the answer; at the prompt it clears the line, and twice it leaves.
Everything else is said to the model. Begin with a blank to say what begins with a slash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """What the command line asks for."""

    provider: str | None
    model: str | None
    system: str | None
    session: str | None
    address: str | None
    tokens_per_s: float


async def chat(options: ChatOptions, program: Program) -> ExitCode:
    """Open a session, or attach to one, and talk until the user leaves.

    Raises:
        RayconteurError: there is no session to be had; nothing is left behind.
    """
    config = _config(options)
    if program.output.terminal:
        program.output.aside("starting Ray ...")
    from ..runtime.driver.runtime import Runtime  # after all that can be refused: it brings Ray

    async with Runtime(options.address) as runtime:
        program.listen()
        session = await (runtime.spawn(config) if config else runtime.session(options.session or ""))
        return await Chat(session, Keyboard(), program).run()


class Chat:
    """Says each line to *session*, shows what it answers, and carries out commands.

    What goes wrong is told, and the chat goes on, as long as there is a session.
    """

    def __init__(self, session: "SessionHandle", keyboard: Keyboard, program: Program) -> None:
        self._session = session
        self._keyboard = keyboard
        self._output = program.output
        self._program = program
        self._people = keyboard.terminal and program.output.terminal
        self._reply: Reply | None = None
        self._interrupting: asyncio.Task[None] | None = None
        self._thinking = False
        self._failed = False

    async def run(self) -> ExitCode:
        """Talk until the user leaves."""
        if self._people:
            self._program.on_interrupt = self._interrupt
            status = await self._session.status()
            self._output.aside(f"session {status.id}: {status.provider}, {status.model}. /help tells the commands.")
        wants_out = False
        while True:
            match await self._next_line():
                case Key.END:
                    break
                case Key.INTERRUPT:
                    self._output.write("\n")
                    if wants_out:
                        return ExitCode.INTERRUPTED
                    self._output.aside("Ctrl-C again, or Ctrl-D, leaves.")
                    wants_out = True
                case "/quit":
                    return self._code()
                case str(line):
                    wants_out = False
                    if not await self._heard(line):
                        return ExitCode.FAILED
        self._output.end_line()
        return self._code()

    async def _next_line(self) -> str | Key:
        if self._people:
            self._output.write(PROMPT)
        typed = await self._keyboard.line()
        if not isinstance(typed, str):
            return typed
        self._output.echoed_line()
        return typed.rstrip()

    async def _heard(self, line: str) -> bool:
        """Do what *line* asks for; whether there is still a session."""
        try:
            if line.startswith("/"):
                await self._command(line)
            elif message := line.strip():
                await self._follow(self._session.ask(message))
        except (SessionClosed, SessionDied) as error:
            self._tell(error.message)
            return False
        except RayconteurError as error:
            self._refuse(error.message)
        return True

    async def _command(self, line: str) -> None:
        match line:
            case "/status":
                self._output.line(_told(await self._session.status()))
            case "/clear":
                await self._session.clear()
                self._output.aside("The conversation is forgotten.")
            case "/retry":
                await self._follow(self._session.retry())
            case "/help":
                self._output.line(HELP)
            case _:
                self._refuse(f"there is no command {line.split()[0]}; /help tells those there are")

    async def _follow(self, reply: "Reply") -> None:
        """Show *reply* to its end, which Ctrl-C brings about."""
        self._reply = reply
        try:
            async for event in reply:
                self._show(event)
            if self._interrupting:
                await self._interrupting
        finally:
            if self._interrupting:
                self._interrupting.cancel()
            self._reply = self._interrupting = None
            self._output.end_line()

    def _interrupt(self) -> None:
        if self._reply is None:
            self._keyboard.interrupt()
        elif self._interrupting is None:
            self._interrupting = asyncio.create_task(self._end_turn(self._reply.turn))
        else:  # the first one did not help
            self._program.interrupt()

    def _show(self, event: FromLLM) -> None:
        match event:
            case TextChunk(text=text):
                if self._thinking:
                    self._output.end_line()
                self._thinking = False
                self._output.write(printable(text))
            case ThinkingChunk(text=text) if self._people:
                self._thinking = True
                self._output.write(printable(text), dim=True)
            case Retrying():
                self._aside(f"{event.code}: {event.message}; asking again in {event.delay_s:.1f} s, from the beginning")
            case ToolBatch(uses=uses) if uses:
                names = ", ".join(use.name for use in uses)
                self._aside(f"The model waits for tools: {names}. Nobody here runs them; Ctrl-C ends the turn.")
            case Missed(first=first, last=last):
                self._aside(f"Events {first} to {last} came faster than they were read.")
            case Interrupted():
                self._aside("interrupted")
            case Failed():
                self._failed = True
                self._tell(f"{event.code}: {event.message}" + ("; /retry asks again" if event.retryable else ""))
            case _:
                pass

    async def _end_turn(self, turn: int | None) -> None:
        try:
            await self._session.interrupt(turn)
        except RayconteurError as error:
            self._tell(error.message)

    def _aside(self, text: str) -> None:
        if self._people:
            self._output.aside(printable(text))
        else:
            complain(printable(text))

    def _refuse(self, problem: str) -> None:
        """A line was not taken. Who typed it sees that; who piped it in learns it from the exit code."""
        self._failed |= not self._people
        self._tell(problem)

    def _tell(self, problem: str) -> None:
        self._output.end_line()
        complain(printable(problem))

    def _code(self) -> ExitCode:
        return ExitCode.FAILED if self._failed else ExitCode.COMPLETED


def _config(options: ChatOptions) -> SessionConfig | None:
    if options.session:
        if not (options.address or os.environ.get("RAY_ADDRESS")):
            raise InvalidConfig("--session", "name its cluster, too, with --address or RAY_ADDRESS")
        return None
    provider = provider_named(options.provider, options.model, options.tokens_per_s)
    return SessionConfig(provider=provider.resolved(os.environ), system=options.system)


def _told(status: SessionStatus) -> str:
    """*status* in a few lines."""
    share = status.context_share
    return "\n".join(
        (
            f"session   {status.id}",
            f"model     {status.model} ({status.provider})",
            f"state     {status.state}; turns {status.turns}, messages {status.messages}, requests {status.requests}",
            f"context   {_count(status.context_tokens)} of {status.context_limit_tokens:,} tokens"
            + ("" if share is None else f" ({share:.1%})"),
            f"tokens    {_count(status.usage.input)} in, {_count(status.usage.output)} out",
            f"cost      {_dollars(status.usage.cost)}",
        )
    )


def _dollars(cost: Cost) -> str:
    """*cost*, with what it is where it is no bill."""
    if cost.usd is None:
        return "unknown"
    doubt = {Provenance.ESTIMATED: " by the list of prices", Provenance.UNAVAILABLE: " at least"}
    return f"${cost.usd:,.4f}{doubt.get(cost.provenance, '')}"


def _count(count: Count) -> str:
    if count.tokens is None:
        return "unknown"
    return tokens(count.tokens, count.provenance is Provenance.REPORTED)
