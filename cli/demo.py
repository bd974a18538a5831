"""`rayconteur demo`: many sessions that talk at once."""

import asyncio
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..providers.configs import ProviderConfig
from ..providers.schema.errors import RayconteurError
from ..providers.scripted.config import Scripted
from ..runtime.api.config import SessionConfig
from ..runtime.api.errors import SessionClosed, SessionDied
from ..runtime.api.messages import Failed, FromLLM
from ..runtime.api.placement import Dedicated, Packed
from .board import Board
from .display import Display, display
from .exits import ExitCode
from .program import Program
from .prompts import QUESTIONS, dealt, raven_texts, read_prompts
from .provider import provider_named

if TYPE_CHECKING:
    from ..runtime.driver.session_handle import SessionHandle

DEFAULT_SESSIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the command line asks for."""

    sessions: int | None
    packed: bool
    provider: str | None
    model: str | None
    prompts: Path | None
    tokens_per_s: float
    address: str | None
    json: bool


async def demo(options: DemoOptions, program: Program) -> ExitCode:
    """Spawn the sessions, ask them all, show what they say, and end what was started.

    Raises:
        RayconteurError: what was asked for can't be had; nothing is left behind.
    """
    named = provider_named(options.provider, options.model, options.tokens_per_s)
    provider = named.resolved(os.environ)  # here, before Ray takes its seconds to start
    hands = _hands(options, provider)
    with display(program.output, options.json) as shown:
        shown.starting()
        from ..runtime.driver.runtime import Runtime  # now that nothing more can be refused: it brings Ray

        async with Runtime(options.address, Packed() if options.packed else Dedicated()) as runtime:
            program.listen()
            began_at = time.monotonic()
            shown.spawned(0, len(hands))
            sessions = await runtime.spawn_many(
                SessionConfig(provider=provider), _ids(len(hands)), on_progress=shown.spawned
            )
            now = time.monotonic()
            board = Board((session.id for session in sessions), now - began_at, now)
            shown.asking(board)
            await _ask_all(sessions, hands, board, shown)
            summary = board.summary(time.monotonic())
            shown.ended(summary)
    return ExitCode.FAILED if summary.turns_failed or summary.turns_interrupted else ExitCode.COMPLETED


def _hands(options: DemoOptions, provider: ProviderConfig) -> list[list[str]]:
    """What each session is asked, one after the other."""
    if options.prompts:
        prompts = read_prompts(options.prompts)
        return dealt(prompts, options.sessions or min(DEFAULT_SESSIONS, len(prompts)))
    sessions = options.sessions or DEFAULT_SESSIONS
    return dealt(raven_texts(sessions) if isinstance(provider, Scripted) else QUESTIONS, sessions)


def _ids(count: int) -> list[str]:
    """New ids that tell their order, for others may run a demo on the same cluster."""
    prefix, digits = secrets.token_hex(2), len(str(count))
    return [f"demo-{prefix}-{number:0{digits}}" for number in range(1, count + 1)]


async def _ask_all(
    sessions: Sequence["SessionHandle"], hands: Sequence[list[str]], board: Board, shown: Display
) -> None:
    def take(event: FromLLM) -> None:
        now = time.monotonic()
        shown.took(event, board.take(event, now), now)

    async def converse(session: "SessionHandle", hand: list[str]) -> None:
        for prompt in hand:
            try:
                async with aclosing(aiter(session.ask(prompt))) as events:
                    async for event in events:
                        take(event)
            except RayconteurError as error:
                take(Failed(session_id=session.id, code=error.code, message=error.message, retryable=False))
                if isinstance(error, SessionClosed | SessionDied):
                    return

    async with asyncio.TaskGroup() as group:
        for session, hand in zip(sessions, hands, strict=True):
            group.create_task(converse(session, hand))
