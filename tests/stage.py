"""One session on a host of its own, without Ray: what is told to it, and what its readers would see."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import msgspec

import rayconteur as rc
from rayconteur.providers.client import Client
from rayconteur.providers.open import open_client
from rayconteur.runtime.plane.segments import decode_events, decode_segments
from rayconteur.runtime.session.clients import ClientPool
from rayconteur.runtime.session.host import Host

NAME = "s"


class Stage:
    """A session and its events. With *taking* cleared, the router takes none."""

    def __init__(self, open_client: Callable[[rc.ProviderConfig], Client]) -> None:
        self.host = Host([self._publish], self._over, ClientPool(open_client))
        self.events: list[rc.FromLLM] = []
        self.taking = asyncio.Event()
        self.taking.set()
        self.over = False
        self._news = asyncio.Condition()

    def tell(self, message: rc.ToLLM) -> rc.Receipt:
        return self.host.tell(NAME, msgspec.msgpack.encode(message))

    def ask(self, text: str = "hello", when_busy: rc.WhenBusy | None = None) -> int:
        turn = self.tell(rc.UserMessage(content=(rc.Text(text),), when_busy=when_busy)).turn
        assert turn is not None
        return turn

    @property
    def state(self) -> rc.State:
        return self.host.status(NAME).state

    async def until(self, kind: type[rc.FromLLM], turn: int | None = None) -> rc.FromLLM:
        """The first event of *kind*, of *turn* if given, once it is there."""

        def found() -> list[rc.FromLLM]:
            return [event for event in self.events if isinstance(event, kind) and turn in (None, event.turn)]

        async with self._news:
            await self._news.wait_for(found)
        return found()[0]

    async def until_state(self, state: rc.State) -> None:
        for _ in range(1_000):
            if self.state is state:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.state}, not {state}")

    async def until_said(self, text: str) -> None:
        async with self._news:
            await self._news.wait_for(lambda: self.said() == text)

    def said(self) -> str:
        """All text so far."""
        return "".join(event.text for event in self.events if isinstance(event, rc.TextChunk))

    def of_turn(self, turn: int) -> list[str]:
        """The kinds of the turn's events, in order."""
        return [type(event).__name__ for event in self.events if event.turn == turn]

    def texts(self) -> list[str]:
        """What stands in the history, a line a message."""
        return ["".join(map(_shown, message.content)) for message in self.host.history(NAME)]

    async def _publish(self, data: bytes) -> None:
        await self.taking.wait()
        async with self._news:
            for segment in decode_segments(data):
                self.events += decode_events(segment)
            self._news.notify_all()

    async def _over(self, session_id: str) -> None:
        assert session_id == NAME
        self.over = True


def _shown(block: rc.Block) -> str:
    match block:
        case rc.Text(text=text):
            return text
        case rc.ToolResult(is_error=error):
            return "<error>" if error else "<result>"
        case _:
            return f"<{type(block).__name__}>"


@asynccontextmanager
async def stage(
    config: rc.SessionConfig, open_client: Callable[[rc.ProviderConfig], Client] = open_client
) -> AsyncGenerator[Stage, None]:
    """A session of *config*. In the end, no task of its is left but those that send events."""
    here = Stage(open_client)
    running = asyncio.create_task(here.host.run())
    here.host.open([NAME], 1, config)
    yield here
    here.taking.set()
    if not here.over:
        await here.host.close(NAME, drain=False)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def scripted(*answers: tuple[rc.Step, ...], **settings: object) -> rc.SessionConfig:
    """A session's config with these answers."""
    provider = rc.Scripted(script=rc.Script(answers=answers, tokens_per_s=100))
    return msgspec.structs.replace(rc.SessionConfig(provider=provider), **settings)
