"""The machine of a benchmark run, simulated: what the model says of what was measured there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from ..system.processes import ROLES
from .costs import NO_JOURNAL, Costs
from .queues import LINGER_S, Cores, Outbox, Process, Simulation

_PACED_S = 0.2
_ROUNDS = 4
_TURNS = 1_000
"""So many turns are simulated at least, or two of each session, after as many in which all settles."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What came through in a second, and per second of CPU time of all processes but the load server."""

    per_s: float
    per_cpu_s: float


class OneMachine:
    """A host, a router, a program, Ray and a load server on *cpus* cores.

    *server_per_token* is what the load server needs for each token, in seconds.
    """

    def __init__(self, costs: Costs, cpus: int, server_per_token: float, paced: bool) -> None:
        self.simulation = Simulation()
        self._costs = costs
        cores = Cores(self.simulation, cpus)
        self.processes = {
            role: Process(self.simulation, cores, costs.wake * costs.share_of(role) if paced else 0.0) for role in ROLES
        }
        self._server = Process(self.simulation, cores)
        self._journal = Process(self.simulation, cores)
        self._outbox = Outbox(self.simulation, LINGER_S, self._route)
        self._server_per_token = server_per_token
        self.count = 0

    def measure(self, duration_s: float, settle_s: float) -> Flow:
        """What comes through in *duration_s*, after *settle_s* in which all settles."""
        self.simulation.run_until(settle_s)
        before, busy_s = self.count, self._busy_s()
        self.simulation.run_until(settle_s + duration_s)
        number = self.count - before
        return Flow(number / duration_s, number / (self._busy_s() - busy_s))

    def pass_text(self) -> None:
        """A token comes from the server, and passes all processes: together with others, where they wait."""
        self.processes["Ray"].handle(self._costs.token["Ray"], _nothing)
        self._server.handle(self._server_per_token, self._decode)

    def _decode(self) -> None:
        self.processes["sessions"].handle(self._costs.token["sessions"], lambda: self._outbox.add(1))

    def _route(self, tokens: int) -> None:
        self.processes["router"].handle(tokens * self._costs.token["router"], lambda: self._read(tokens))

    def _read(self, tokens: int) -> None:
        self.processes["driver"].handle(tokens * self._costs.token["driver"], lambda: self._count(tokens))

    def _count(self, number: int) -> None:
        self.count += number

    def converse(self, tokens: int, journal: str) -> None:
        """A session's turns with answers of *tokens*, one after the other, for ever."""
        costs, processes = self._costs, self.processes
        in_host, in_journal = costs.journals[journal]

        def ask() -> None:
            processes["Ray"].handle(costs.turn["Ray"] + tokens * costs.token["Ray"], _nothing)
            processes["driver"].handle(costs.turn["driver"] / 2, receive)

        def receive() -> None:
            processes["sessions"].handle((costs.turn["sessions"] + in_host) / 2, store)

        def store() -> None:
            self._journal.handle(in_journal / 2, serve)

        def serve() -> None:
            self._server.handle(tokens * self._server_per_token, answer)

        def answer() -> None:
            cost_s = (costs.turn["sessions"] + in_host) / 2 + tokens * costs.token["sessions"]
            processes["sessions"].handle(cost_s, end)

        def end() -> None:
            self._journal.handle(in_journal / 2, route)

        def route() -> None:
            processes["router"].handle(costs.turn["router"] + tokens * costs.token["router"], read)

        def read() -> None:
            processes["driver"].handle(costs.turn["driver"] / 2 + tokens * costs.token["driver"], done)

        def done() -> None:
            self.count += 1
            ask()

        ask()

    def _busy_s(self) -> float:
        return sum(process.busy_s for process in self.processes.values()) + self._journal.busy_s


def _nothing() -> None:
    pass


def paced(costs: Costs, cpus: int, sessions: int, tokens_per_s: float = 50.0) -> Flow:
    """Tokens of *sessions* that are answered at a model's pace, each token by itself, at random phases.

    The load server takes no time: what it needs at this pace is not known.
    """
    machine = OneMachine(costs.alone(), cpus, 0.0, paced=True)
    gap_s, random = 1 / tokens_per_s, Random(sessions)

    def send() -> None:
        machine.pass_text()
        machine.simulation.after(gap_s, send)

    for _ in range(sessions):
        machine.simulation.after(random.random() * gap_s, send)
    return machine.measure(_PACED_S, _PACED_S / 3)


def saturated(costs: Costs, cpus: int, sessions: int, tokens: int) -> Flow:
    """Tokens of *sessions* that ask again as soon as they are answered, with answers of *tokens* that come at once."""
    turns = in_turns(costs, cpus, sessions, tokens)
    return Flow(turns.per_s * tokens, turns.per_cpu_s * tokens)


def in_turns(costs: Costs, cpus: int, sessions: int, tokens: int, journal: str = NO_JOURNAL) -> Flow:
    """Turns of *sessions* that ask again as soon as they are answered."""
    machine = OneMachine(costs, cpus, costs.server, paced=False)
    for _ in range(sessions):
        machine.converse(tokens, journal)
    turn_s = sum(costs.turn.values()) + tokens * sum(costs.token.values())
    turns = max(_TURNS, 2 * sessions)
    return machine.measure(turns * turn_s, turns * turn_s)


def calibrated(costs: Costs, cpus: int, measured: Mapping[int, float]) -> Costs:
    """*costs* with those of being woken and of reading a token alone, as they were *measured*.

    That is the tokens per second of CPU time that two numbers of sessions brought at a model's pace: with more
    sessions, more tokens share the cost of being woken. What remains is that of reading.
    """
    (few, few_per_cpu_s), (many, many_per_cpu_s) = sorted(measured.items())
    token = sum(costs.token.values())
    costs = replace(costs, wake=1 / few_per_cpu_s - token)
    for _ in range(_ROUNDS):
        lone = max(0.0, costs.lone + 1 / many_per_cpu_s - 1 / paced(costs, cpus, many).per_cpu_s)
        costs = replace(costs, lone=lone)
        woken = 1 / paced(costs, cpus, few).per_cpu_s - token - lone
        costs = replace(costs, wake=max(0.0, costs.wake * (1 / few_per_cpu_s - token - lone) / woken))
    return costs
