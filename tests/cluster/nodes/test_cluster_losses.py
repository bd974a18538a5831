"""300 sessions on three nodes: one dies, one is drained, one joins, and the control service (GCS) is away for a while.

Nothing that was acknowledged is lost, nothing is repeated, and each turn ends once: by the books of the provider, of
two programs that read all sessions, and of the database.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from servers.clusters.losses import cluster as cluster_program
from servers.clusters.losses import driver as driver_program
from servers.clusters.losses.driver import Found, Plan, Read
from servers.clusters.losses.provider import Books, questions, results, uses
from servers.databases.postgres import Postgres, postgres_server
from servers.databases.redis import redis_server
from servers.loopback import Loopback
from servers.two_nodes import require_addresses

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

SESSIONS = [f"s{number}" for number in range(300)]
KILLED, DRAINED, JOINING = "127.0.0.3", "127.0.0.4", "127.0.0.5"
MOVED = SESSIONS[::10]
AWAY_S = 8.0
_END_S = 60.0
REPORT_S = 60.0
"""Ray takes a node for dead when it has not answered for 15 s, or on a busy machine for longer."""


@dataclass(slots=True)
class Program:
    """A program that takes commands; each of its answers begins with *mark*."""

    process: asyncio.subprocess.Process
    mark: str = ""

    async def answer(self) -> Any:
        assert self.process.stdout
        while line := (await self.process.stdout.readline()).decode():
            if line.startswith(self.mark or '"'):
                return json.loads(line.removeprefix(self.mark))
        raise AssertionError(f"a program has ended, with the code {await self.process.wait()}")

    async def do(self, *command: str) -> Any:
        assert self.process.stdin
        self.process.stdin.write(f"{' '.join(command)}\n".encode())
        return await self.answer()


@asynccontextmanager
async def program(file: str | None, *arguments: str, mark: str = "", **environ: str) -> AsyncGenerator[Program]:
    assert file
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, file, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | environ,
        limit=64 << 20,
    )
    assert process.stdin
    try:
        yield Program(process, mark)
    finally:
        process.stdin.close()  # it ends what it has started
        try:
            async with asyncio.timeout(_END_S):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            code = await process.wait()
    assert code == 0, "a program was ended by Ray, or hangs"


async def until(done: Callable[[], bool], within_s: float = 240.0) -> float:
    """The seconds until *done*."""
    began_at = time.monotonic()
    async with asyncio.timeout(within_s):
        while not done():  # noqa: ASYNC110  the books are kept elsewhere
            await asyncio.sleep(0.2)
    return time.monotonic() - began_at


class Trial:
    """What is done to the cluster, and when."""

    def __init__(self, nodes: Program, owner: Program, guest: Program, books: Books) -> None:
        self.nodes, self.owner, self.guest, self.books = nodes, owner, guest, books
        self.killed_at = 0.0
        self.measured: dict[str, float] = {}
        self.found: list[Found] = []

    async def all_answered(self, after: str) -> None:
        """Wait until each session has had an answer that began just now, *after* something."""
        since = time.monotonic()
        try:
            self.measured[after] = await until(lambda: not self.books.late(SESSIONS, since))
        except TimeoutError:
            late = self.books.late(SESSIONS, since)
            reports = [await each.do("report", *late[:4]) for each in (self.owner, self.guest)]
            raise AssertionError(f"{len(late)} sessions have not answered after the {after}: {reports}") from None
        print(after, self.measured[after], flush=True)

    async def run(self) -> None:
        await self.all_answered("start")
        self.killed_at = time.time()
        await self.nodes.do("kill", KILLED)
        await self.all_answered("death of a node")
        began_at = time.monotonic()
        assert await self.owner.do("drain", DRAINED) == 0, "sessions have stayed on the drained node"
        self.measured["drain"] = time.monotonic() - began_at
        await self.all_answered("drain of a node")
        await self.nodes.do("add", JOINING)
        assert await self.owner.do("move", *MOVED) == []
        assert JOINING in await self.owner.do("places")
        await self.all_answered("another node")
        await self.nodes.do("lose-gcs")
        since = time.monotonic()
        await asyncio.sleep(AWAY_S)
        assert self.books.count_answered(since) > len(SESSIONS) / 4, "sessions do not go on without the GCS"
        await self.nodes.do("restart-gcs")
        assert await self.owner.do("spawn") == "hi"
        await self.all_answered("loss of the GCS")


def test_nothing_is_lost_or_repeated_while_nodes_die_leave_and_join_and_the_gcs_restarts() -> None:
    require_addresses()
    with (
        postgres_server() as postgres,
        redis_server(requirepass="") as redis,
        tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder,  # short: it is in socket names
    ):
        environ = {
            "RAY_AUTH_MODE": "disabled",
            "RAY_worker_niceness": "0",
            "RAY_TMPDIR": folder,
            "ANTHROPIC_API_KEY": "secret",
        }
        trial = asyncio.run(tried(postgres, f"127.0.0.1:{redis.port}", environ))
        for found in trial.found:
            check_reads(found, trial)
        check_agreement(*trial.found)
        check_history(trial)
        check_database(postgres, trial.found[0].reads)
    print({what: round(seconds, 1) for what, seconds in trial.measured.items()})


async def tried(postgres: Postgres, redis: str, environ: dict[str, str]) -> Trial:
    books = Books()
    async with (
        Loopback(books.respond) as provider,
        program(cluster_program.__file__, redis, **environ) as nodes,
    ):
        address = await nodes.do("address")
        await nodes.do("add", KILLED)
        await nodes.do("add", DRAINED)

        def plan(asks: list[str], spawns: bool) -> str:
            return msgspec.json.encode(Plan(postgres.url(), provider.url, SESSIONS, asks, spawns)).decode()

        first, second = plan(SESSIONS[::2], True), plan(SESSIONS[1::2], False)
        async with (
            program(driver_program.__file__, address, first, mark=">", **environ) as owner,
            program(driver_program.__file__, address, second, mark=">", **environ) as guest,
        ):
            for each in (owner, guest):
                assert await each.answer() == "ready"
                await each.do("start")
            trial = Trial(nodes, owner, guest, books)
            await trial.run()
            await asyncio.gather(owner.do("stop"), guest.do("stop"))
            trial.found = [msgspec.convert(await each.do("read"), Found) for each in (owner, guest)]
            return trial


def check_reads(found: Found, trial: Trial) -> None:
    """Each number came once, and each question of this program has had one turn, which has ended once."""
    problems = {session: read.problems for session, read in found.reads.items() if read.problems}
    assert problems == {}
    for session, turns in found.turns.items():
        assert turns == sorted(set(turns)), session
        ends = [(turn, kind) for _, kind, turn in found.reads[session].events if kind in ENDS]
        assert ends == [(turn, "Completed") for turn in turns], session
    lost = [at - trial.killed_at for read in found.reads.values() for at in read.lost_at]
    assert lost
    trial.measured["report of the death, the last"] = max(lost)
    trial.measured["longest pause of a reader"] = max(read.longest_pause_s for read in found.reads.values())
    trial.measured["missed chunks"] = sum(read.missed for read in found.reads.values())
    trial.measured["errors of calls"] = len(found.errors)
    assert max(lost) < REPORT_S


ENDS = ("Completed", "Interrupted", "Failed")


def check_agreement(first: Found, second: Found) -> None:
    """Both programs have read the same."""
    assert {session: read.events for session, read in first.reads.items()} == {
        session: read.events for session, read in second.reads.items()
    }


def check_history(trial: Trial) -> None:
    """The provider was sent each question once, in order, and each tool use with one result."""
    turns = {session: turns for found in trial.found for session, turns in found.turns.items()}
    assert sorted(turns) == sorted(SESSIONS)
    for session, of_session in turns.items():
        history = trial.books.histories[session]
        assert questions(history) == [f"{session} {number}" for number in range(1, len(of_session) + 1)]
        assert results(history) == uses(history)
        assert len(uses(history)) == len(of_session) // 2


def check_database(postgres: Postgres, read: Mapping[str, Read]) -> None:
    """The records of each session are numbered without a gap, and have the events that were read."""
    stored: dict[str, list[tuple[int, str, int]]] = {}
    numbers: dict[str, list[int]] = {}
    for row in postgres.values(RECORDS):
        session, number, seq, events = row.split(" ")
        numbers.setdefault(session, []).append(int(number))
        for place, event in enumerate(msgspec.msgpack.decode(bytes.fromhex(events)) if events else (), start=1):
            stored.setdefault(session, []).append((int(seq) + place, event["kind"], event.get("turn", 0)))
    for session in SESSIONS:
        assert numbers[session] == list(range(1, len(numbers[session]) + 1)), session
        assert stored[session] == [(seq, kind.lower(), turn) for seq, kind, turn in read[session].events], session


RECORDS = """
    SELECT convert_from(s.id, 'UTF8') || ' ' || r.number || ' ' || r.seq || ' ' || encode(r.events, 'hex')
    FROM rayconteur.records AS r JOIN rayconteur.sessions AS s ON s.key = r.session ORDER BY r.session, r.number
"""
