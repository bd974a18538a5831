"""Queues in virtual time: processes that handle what has arrived, on cores that they share."""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count

Call = Callable[[], None]

LINGER_S = 0.03
"""How long text that continues a block waits for more of it where many sessions stream, as in
``runtime/events/publisher.py``."""


class Simulation:
    """Calls things in the order of their times. Nothing waits: *now_s* is virtual."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._numbers = count()
        self._calls: list[tuple[float, int, Call]] = []

    def after(self, delay_s: float, call: Call) -> None:
        """Call *call* in *delay_s*; those of the same time in the order in which they were given."""
        heapq.heappush(self._calls, (self.now_s + delay_s, next(self._numbers), call))

    def run_until(self, end_s: float) -> None:
        """Make all calls until *end_s*."""
        while self._calls and self._calls[0][0] <= end_s:
            self.now_s, _, call = heapq.heappop(self._calls)
            call()
        self.now_s = end_s


class Cores:
    """The cores of a machine. Processes that want to run while all are taken wait for their turn."""

    def __init__(self, simulation: Simulation, number: int | None) -> None:
        self._simulation = simulation
        self._free = number
        self._waiting: deque[tuple[float, Call]] = deque()

    def run(self, duration_s: float, done: Call) -> None:
        """Run a process for *duration_s* as soon as there is a core, then call *done*."""
        if self._free == 0:
            self._waiting.append((duration_s, done))
            return
        if self._free is not None:
            self._free -= 1
        self._simulation.after(duration_s, lambda: self._end(done))

    def _end(self, done: Call) -> None:
        if self._free is not None:
            self._free += 1
            if self._waiting:
                self.run(*self._waiting.popleft())
        done()


class Process:
    """A process with one event loop: woken at the cost of *wake_s*, it handles all that has arrived, then looks again.

    An item is done when it has been handled. *busy_s* is the CPU time that the process has used, *waits_s* how long
    each item was in it.
    """

    def __init__(self, simulation: Simulation, cores: Cores, wake_s: float = 0.0) -> None:
        self.busy_s = 0.0
        self.waits_s: list[float] = []
        self._simulation = simulation
        self._cores = cores
        self._wake_s = wake_s
        self._arrived: list[tuple[float, float, Call]] = []
        self._batch: deque[tuple[float, float, Call]] = deque()
        self._is_running = False

    @property
    def waiting_s(self) -> float:
        """The CPU time that what has arrived still takes."""
        return sum(cost_s for _, cost_s, _ in (*self._batch, *self._arrived))

    def handle(self, cost_s: float, done: Call) -> None:
        """Handle an item, which takes *cost_s*, and call *done*."""
        self._arrived.append((self._simulation.now_s, cost_s, done))
        if not self._is_running:
            self._is_running = True
            self._next()

    def _next(self) -> None:
        wake_s = 0.0
        if not self._batch:
            if not self._arrived:
                self._is_running = False
                return
            self._batch, self._arrived, wake_s = deque(self._arrived), [], self._wake_s
        arrived_s, cost_s, done = self._batch.popleft()
        self.busy_s += wake_s + cost_s
        self._cores.run(wake_s + cost_s, lambda: self._end(arrived_s, done))

    def _end(self, arrived_s: float, done: Call) -> None:
        self.waits_s.append(self._simulation.now_s - arrived_s)
        done()
        self._next()


class Outbox:
    """What a process sends on: it waits for up to *linger_s*, and goes to *send* together, as the number of items."""

    def __init__(self, simulation: Simulation, linger_s: float, send: Callable[[int], None]) -> None:
        self._simulation = simulation
        self._linger_s = linger_s
        self._send = send
        self._waiting = 0

    def add(self, number: int) -> None:
        """Send *number* items on, soon."""
        if not self._waiting:
            self._simulation.after(self._linger_s, self._flush)
        self._waiting += number

    def _flush(self) -> None:
        number, self._waiting = self._waiting, 0
        self._send(number)
