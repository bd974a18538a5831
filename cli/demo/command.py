"""`rayconteur demo`: many sessions that talk at once."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...providers.registry import ProviderConfig
from ...providers.schema.errors import RayconteurError
from ...providers.scripted.config import Scripted
from ...runtime.api.errors import SessionClosed, SessionDied
from ...runtime.api.events import Failed, FromLLM
from ...runtime.api.placement import Packed
from ..command_run import CommandRun
from ..exit_codes import ExitCode
from ..provider import config_file, session_config
from .display import Display, open_display
from .progress import DemoProgress
from .prompts import QUESTIONS, distribute_prompts, raven_texts, read_prompts

if TYPE_CHECKING:
    from ...runtime.driver.session_handle import SessionHandle

DEFAULT_SESSIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The options of the command."""

    sessions: int | None
    packed: bool
    provider: str | None
    model: str | None
    prompts: Path | None
    tokens_per_s: float
    address: str | None
    json: bool


async def demo(options: DemoOptions, run: CommandRun) -> ExitCode:
    """Spawn the sessions, ask each its prompts, show the replies, and shut everything down.

    Raises:
        RayconteurError: the options are invalid or Ray can't be reached; nothing is left running.
    """
    file = config_file()
    config = session_config(options, file)
    prompts = _prompts_by_session(options, config.provider)
    with open_display(run.output, options.json) as display:
        display.show_starting()
        from ...runtime.driver.runtime import Runtime  # here, when the options are known to be valid: it imports Ray

        placement = Packed() if options.packed else file.placement
        async with Runtime(options.address or file.address, placement, file.warm, file.options) as runtime:
            run.install_signal_handlers()
            started_at = time.monotonic()
            display.show_spawned(0, len(prompts))
            sessions = await runtime.spawn_many(config, _session_ids(len(prompts)), on_progress=display.show_spawned)
            now = time.monotonic()
            progress = DemoProgress((session.id for session in sessions), now - started_at, now)
            display.show_progress(progress)
            await _converse(sessions, prompts, progress, display)
            summary = progress.summary(time.monotonic())
            display.show_summary(summary)
    return ExitCode.FAILED if summary.turns_failed or summary.turns_interrupted else ExitCode.COMPLETED


def _prompts_by_session(options: DemoOptions, provider: ProviderConfig) -> list[list[str]]:
    """The prompts that each session is asked one after the other."""
    if options.prompts:
        prompts = read_prompts(options.prompts)
        return distribute_prompts(prompts, options.sessions or min(DEFAULT_SESSIONS, len(prompts)))
    sessions = options.sessions or DEFAULT_SESSIONS
    return distribute_prompts(raven_texts(sessions) if isinstance(provider, Scripted) else QUESTIONS, sessions)


def _session_ids(count: int) -> list[str]:
    """New ids that sort in order. Their random prefix keeps demos on the same cluster apart."""
    prefix, digits = secrets.token_hex(2), len(str(count))
    return [f"demo-{prefix}-{number:0{digits}}" for number in range(1, count + 1)]


async def _converse(
    sessions: Sequence["SessionHandle"], prompts: Sequence[list[str]], progress: DemoProgress, display: Display
) -> None:
    """Ask all sessions at the same time, each its own prompts in order."""

    def show(event: FromLLM) -> None:
        now = time.monotonic()
        display.show_event(event, progress.apply(event, now), now)

    async def ask_prompts(session: "SessionHandle", prompts: list[str]) -> None:
        for prompt in prompts:
            try:
                async with aclosing(aiter(session.ask(prompt))) as events:
                    async for event in events:
                        show(event)
            except RayconteurError as error:
                show(Failed(session_id=session.id, code=error.code, message=error.message, retryable=False))
                if isinstance(error, SessionClosed | SessionDied):
                    return

    async with asyncio.TaskGroup() as group:
        for session, session_prompts in zip(sessions, prompts, strict=True):
            group.create_task(ask_prompts(session, session_prompts))
