"""Kill what durable sessions need, again and again, while programs talk to them. ``make kills``.

    python -m kills.run --kills 10000 --seconds 3600 --seed 1 --journal sqlite

Session actors, routers, the journal's actor, the directory, the programs, and PostgreSQL if that is the journal, are
killed (SIGKILL) or stopped for a while (SIGSTOP) at random moments. The books of the programs must balance afterwards,
and no process may be left. It prints what was done as JSON; the exit code is 1 if something is wrong.
"""

import argparse
import json
import logging
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import msgspec
import psutil
import ray
from kills.talker import SILENT_S, Ended, Talks
from servers.databases.postgres import Postgres, postgres_server

from rayconteur.runtime import JournalConfig, PostgresJournalConfig, SQLiteJournalConfig

SESSION_ACTOR = "session actor"
PROCESSES = {
    SESSION_ACTOR: ("_SessionActor", 60),
    "router": ("_RouterActor", 10),
    "journal": ("_JournalActor", 10),
    "directory": ("_Directory", 8),
    "program": ("", 5),
    "PostgreSQL": ("", 7),
}
"""What is killed: what the titles of its processes have, and how often, relative to the others."""

STOPPED = 0.4
"""The share of those that are stopped for a while, instead."""

STOP_S, LONGEST_STOP_S = 1.5, 8.0
"""For how long, on average and at most."""

LEFT_S = 60.0
"""How long what killed programs have started may live on: their leases, after a restart of the directory, take 30 s."""

_PRINT_S = 2.0
"""How long a program may take to say what it waits for."""

NAMESPACE = "kills"


class Programs:
    """The program that talks to the sessions; the next one, when it was killed."""

    def __init__(self, talks: Talks) -> None:
        self._talks = talks
        self.turns: Counter[str] = Counter()
        self.sessions = 0
        self.silences = 0
        self.problems: list[str] = []
        self._log = Path(talks.folder, "program.log").open("ab")  # noqa: SIM115  for as long as there are programs
        self.start()

    def start(self) -> None:
        """Start a program."""
        command = [sys.executable, "-m", "kills.talker", msgspec.json.encode(self._talks).decode()]
        self.running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        self._reading = threading.Thread(target=self._read, args=(self.running,), daemon=True)
        self._reading.start()

    def kill(self) -> None:
        """Kill the program, and start the next one."""
        self.running.kill()
        self.running.wait()
        self._reading.join()
        self.start()

    def finish(self, within_s: float) -> None:
        """Have it end what it has begun, *within_s* seconds."""
        Path(self._talks.folder, "finish").touch()
        with suppress(subprocess.TimeoutExpired):
            self.running.wait(within_s)
        if self.running.poll() is None:
            self.problems.append(f"the program did not end within {within_s:g} s: see {self._log.name}")
            self.running.send_signal(signal.SIGUSR1)
            with suppress(subprocess.TimeoutExpired):
                self.running.wait(_PRINT_S)
            self.running.kill()
        elif self.running.returncode:
            self.problems.append(f"the program failed: see {self._log.name}")
        self._reading.join()

    def _read(self, program: subprocess.Popen[str]) -> None:
        assert program.stdout
        for line in program.stdout:
            with suppress(msgspec.DecodeError):  # it was killed in the middle of a line
                ended = msgspec.json.decode(line, type=Ended)
                self.turns.update(ended.turns)
                self.sessions += 1
                self.silences += ended.silences


class Killer:
    """Kills and stops the processes of this Ray, of *programs*, and of *postgres*."""

    def __init__(self, programs: Programs, postgres: Postgres | None, seed: int) -> None:
        self._programs = programs
        self._postgres = postgres
        self._random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.stops: Counter[str] = Counter()
        self._resuming: list[threading.Timer] = []

    def strike(self) -> None:
        """Kill or stop one of them, or several session actors; nothing before there are some to disturb."""
        actors = processes_called(PROCESSES[SESSION_ACTOR][0])
        if not actors:
            return
        weights = {kind: weight for kind, (_, weight) in PROCESSES.items() if kind != "PostgreSQL" or self._postgres}
        (kind,) = self._random.choices(list(weights), list(weights.values()))
        if kind == "program":
            self._programs.kill()
            self.kills[kind] += 1
        elif kind == "PostgreSQL":
            assert self._postgres
            self._postgres.server.kill()
            self._postgres.server.start()
            self.kills[kind] += 1
        else:
            found = actors if kind == SESSION_ACTOR else processes_called(PROCESSES[kind][0])
            most = len(found) if kind == SESSION_ACTOR else min(1, len(found))
            for process in self._random.sample(found, self._random.randint(min(1, most), most)):
                self._kill_or_stop(kind, process)

    def _kill_or_stop(self, kind: str, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            if self._random.random() < STOPPED:
                self._stop(process)
                self.stops[kind] += 1
            else:
                process.kill()
                self.kills[kind] += 1

    def _stop(self, process: psutil.Process) -> None:
        process.suspend()
        stop_s = min(self._random.expovariate(1 / STOP_S), LONGEST_STOP_S)
        resuming = threading.Timer(stop_s, _resume, (process,))
        resuming.start()
        self._resuming.append(resuming)

    def wait(self) -> None:
        """Return when nothing is stopped any more."""
        for resuming in self._resuming:
            resuming.join()


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.resume()


def processes_called(name: str) -> list[psutil.Process]:
    """The processes of the Ray that this one has started in whose titles, which are Ray's, is *name*."""
    found: list[psutil.Process] = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            title = " ".join(process.cmdline())
            if title.startswith("ray::") and name in title:
                found.append(process)
    return found


def left_of_runtimes() -> list[str]:
    """What is wrong if processes do not end with the last program."""
    titles = [title for title, _ in PROCESSES.values() if title]
    _, left = psutil.wait_procs([process for title in titles for process in processes_called(title)], LEFT_S)
    return [f"a process is left: {process}" for process in left]


@contextmanager
def journal_of(kind: str, folder: Path) -> Generator[tuple[JournalConfig, Postgres | None]]:
    """A journal of this kind, and its server if it has one."""
    with ExitStack() as stack:
        if kind == "postgres":
            postgres = stack.enter_context(postgres_server())
            yield PostgresJournalConfig(postgres.url()), postgres
        else:
            yield SQLiteJournalConfig(str(folder / "journal.db")), None


def run(arguments: argparse.Namespace) -> int:
    """Kill as many as *arguments* say. Returns the exit code."""
    with TemporaryDirectory(prefix="kills") as name, journal_of(arguments.journal, Path(name)) as (journal, postgres):
        books = Path(arguments.books or name) / "books"
        books.mkdir(parents=True)
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        address = cast(str, ray.get_runtime_context().gcs_address)
        programs = Programs(Talks(address, NAMESPACE, journal, str(books), arguments.sessions, arguments.packed))
        killer, began_at = Killer(programs, postgres, arguments.seed), time.monotonic()
        while killer.kills.total() < arguments.kills and time.monotonic() - began_at < arguments.seconds:
            time.sleep(random.expovariate(1 / arguments.pause_s))
            if code := programs.running.poll():
                programs.problems.append(f"the program failed with exit code {code}: see {books}/program.log")
                break
            killer.strike()
        took_s = time.monotonic() - began_at
        killer.wait()
        programs.finish(arguments.finish_s)
        programs.problems += left_of_runtimes()
        processes = psutil.Process().children(recursive=True)
        ray.shutdown()
    _, left = psutil.wait_procs(processes, LEFT_S)
    programs.problems += [f"a process is left: {process}" for process in left]
    report = {
        "kills": dict(killer.kills),
        "all kills": killer.kills.total(),
        "stops": dict(killer.stops),
        "seconds": round(took_s),
        "kills/s": round(killer.kills.total() / took_s, 2),
        "sessions": programs.sessions,
        f"waits of {SILENT_S:g} s": programs.silences,
        "turns": dict(programs.turns),
        "problems": programs.problems,
    }
    print(json.dumps(report, indent=1))
    return 1 if programs.problems else 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--seconds", type=float, default=600.0, help="no more are killed after that")
    options.add_argument("--finish-s", type=float, default=300.0, help="how long the last program has to end")
    options.add_argument("--pause-s", type=float, default=1.0, help="between two, on average")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--journal", choices=["sqlite", "postgres"], default="sqlite")
    options.add_argument("--sessions", type=int, default=16, help="at a time")
    options.add_argument("--packed", type=int, default=4, help="in one session actor")
    options.add_argument("--books", help="the folder to keep the books and the program's log in")
    return options


if __name__ == "__main__":
    sys.exit(run(parser().parse_args()))
