"""A cluster that no machine here can run: one actor of each kind is simulated, with its share of the load."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from .costs import Costs
from .queues import LINGER_S, Cores, Process, Simulation

MOST_BUSY = 0.8
"""The share of a core up to which an actor is planned: beyond it, waits grow fast."""

_ITEMS = 8_000
"""About so many items are simulated for each actor."""

_SEED = 7


@dataclass(frozen=True, slots=True)
class Load:
    """What sessions do: a turn every *turn_every_s*, answered with *tokens* at *tokens_per_s*.

    Before a share of *woken* turns the session has left memory, and comes back for it.
    """

    turn_every_s: float = 60.0
    tokens: int = 300
    tokens_per_s: float = 50.0
    woken: float = 0.0

    def turns_per_s(self, sessions: float) -> float:
        """The turns per second of *sessions*."""
        return sessions / self.turn_every_s


@dataclass(frozen=True, slots=True)
class Busy:
    """The *share* of a core that an actor needs, and how long 99 of 100 items are in it at most."""

    share: float
    p99_s: float


Actor = Callable[[float], Busy]
"""An actor with a number of sessions."""


def actors(costs: Costs, load: Load, journal: str) -> Mapping[str, Actor]:
    """The actors of a cluster by kind, each with the sessions that it serves."""
    alone = costs.alone()
    in_host, in_journal = costs.journals[journal]
    kinds: dict[str, Actor] = {
        role: _Speaking(alone, load, role, in_host if role == "sessions" else 0.0)
        for role in ("sessions", "router", "driver")
    }
    if in_journal:
        kinds["journal"] = _Asked(load.turns_per_s, in_journal)
    if load.woken:
        # Waking a session takes its id for another actor, and leaving memory frees it.
        kinds["directory"] = _Asked(lambda sessions: 2 * load.woken * load.turns_per_s(sessions), costs.ray_call)
    return kinds


@dataclass(frozen=True, slots=True)
class _Speaking:
    """A process that text passes: *extra* is what each turn costs it besides."""

    costs: Costs
    load: Load
    role: str
    extra: float

    def __call__(self, sessions: float) -> Busy:
        costs, load = self.costs, self.load
        simulation, random = Simulation(), Random(_SEED)
        process = Process(simulation, Cores(simulation, None), costs.wake * costs.share_of(self.role))
        turns_per_s = load.turns_per_s(sessions)
        per_s = turns_per_s * load.tokens
        # A host's text comes token by token; further on, what lingered together arrives together.
        together = 1.0 if self.role == "sessions" else max(1.0, per_s * LINGER_S)
        token, turn = costs.token[self.role] * together, costs.turn[self.role] + self.extra

        def arrive(rate_per_s: float, cost_s: float) -> None:
            process.handle(cost_s, _nothing)
            simulation.after(random.expovariate(rate_per_s), lambda: arrive(rate_per_s, cost_s))

        arrive(per_s / together, token)
        arrive(turns_per_s, turn)
        return _measured(simulation, process, _ITEMS / (per_s / together + turns_per_s))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A process that is asked so often per second by a number of sessions, at a cost for each."""

    rate: Callable[[float], float]
    cost_s: float

    def __call__(self, sessions: float) -> Busy:
        simulation, random = Simulation(), Random(_SEED)
        process, rate = Process(simulation, Cores(simulation, None)), self.rate(sessions)

        def arrive() -> None:
            process.handle(self.cost_s, _nothing)
            simulation.after(random.expovariate(rate), arrive)

        arrive()
        return _measured(simulation, process, _ITEMS / rate)


def most_sessions(actor: Actor, most_busy: float = MOST_BUSY) -> int:
    """How many sessions keep *actor* no more than *most_busy*."""
    low, high = 1.0, 1e8
    while high / low > 1.02:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if actor(middle).share <= most_busy else (low, middle)
    return int(low)


def _measured(simulation: Simulation, process: Process, duration_s: float) -> Busy:
    simulation.run_until(duration_s)
    waits = sorted(process.waits_s)
    # What is still waiting has yet to be done: an actor that can't keep up is busy for more than all of the time.
    return Busy((process.busy_s + process.waiting_s) / duration_s, waits[int(len(waits) * 0.99)] if waits else math.inf)


def _nothing() -> None:
    pass
