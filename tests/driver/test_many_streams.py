"""Hundreds of sessions stream at once: every reader gets each of them complete and in order, whatever the others do."""

import asyncio
from collections import defaultdict

import msgspec
import pytest

import rayconteur as rc
from rayconteur.runtime import Reader, State
from rayconteur.scripted import Say, Script, Wait

pytestmark = pytest.mark.chaos
"""It takes long; tests/events has many readers, too, and a router that is killed is in tests/cluster/failures."""

TEXT = "The raven is a bird of few words and of many plans. " * 8
STREAMS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(TEXT),),), tokens_per_s=60)))
HANGS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Wait(),),))))
SESSIONS = 208
DEDICATED = 3


class RecordingReader:
    """Records what one reader receives."""

    def __init__(self) -> None:
        self.seqs: dict[str, list[int]] = defaultdict(list)
        self.texts: dict[str, str] = defaultdict(str)
        self.completed = 0

    async def read(self, reader: Reader, turns: int, loop_turns: int = 0) -> None:
        """Read until so many turns are completed, yielding to the loop for *loop_turns* after each event."""
        async for event in reader:
            self.seqs[event.session_id].append(event.seq)
            match event:
                case rc.TextChunk(text=text):
                    self.texts[event.session_id] += text
                case rc.Completed():
                    self.completed += 1
                case rc.Missed():
                    raise AssertionError(event)
                case _:
                    pass
            if self.completed == turns:
                reader.close()
            for _ in range(loop_turns):
                await asyncio.sleep(0)

    def is_complete(self, sessions: list[rc.SessionHandle]) -> bool:
        """True if it received every event of *sessions* once and in order, up to the end of the turn."""
        return all(
            self.seqs[session.id] == list(range(1, len(self.seqs[session.id]) + 1)) and self.texts[session.id] == TEXT
            for session in sessions
        )


def test_every_reader_gets_every_session_complete_and_in_order(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        narrow = msgspec.structs.replace(options, reader_bytes=2_000)
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=narrow) as slow_runtime:
            packed = await runtime.spawn_many(STREAMS, SESSIONS - DEDICATED, rc.Packed(actors=2))
            sessions = packed + await runtime.spawn_many(STREAMS, DEDICATED)
            stuck = await runtime.spawn(HANGS, placement=rc.Packed(actors=2))
            await stuck.send(rc.UserMessage.of("say something"))
            fast, slow, late = RecordingReader(), RecordingReader(), RecordingReader()
            async with asyncio.TaskGroup() as group:
                group.create_task(fast.read(runtime.events(after=0), SESSIONS))
                group.create_task(slow.read(slow_runtime.events(after=0), SESSIONS, loop_turns=20))
                answers = [group.create_task(session.ask("speak").answer()) for session in sessions]
                await asyncio.gather(*answers[: SESSIONS // 2])
                group.create_task(late.read(runtime.events(after=0), SESSIONS))

            assert [answer.result().text for answer in answers] == [TEXT] * SESSIONS
            assert [each.is_complete(sessions) for each in (fast, slow, late)] == [True] * 3
            assert (await stuck.status()).state is State.REQUESTING

    asyncio.run(main())
