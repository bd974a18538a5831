"""The quota broker, as a host sees it: requests wait here until it admits them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Protocol

import msgspec

from ....providers.schema.rate_limits import RateLimits
from ...api.quotas.rules import Quotas
from ...api.quotas.wait_reason import WaitReason
from .broker import Broker
from .leases import Leases
from .messages import Admissions, Ask, End, Ending, Grant, Lane, Running, Update, Wait
from .server import METHOD

log = logging.getLogger(__name__)

NOTICE_S = 0.5
"""A wait is noticeable after this time: whoever waits learns why, and for how long."""
_PAUSE_S = 0.2
_LINGER_S = 0.02
"""What ends within this time is reported together, and asked for if others wait. A request takes much longer."""
_START_S = 2.0
"""How long a broker that is not there takes to start, about."""
_LEARN_S = 0.25
"""How often the limits in headers are reported for a model of an account."""
_STREAMED_TOKENS = 64
"""Output beyond what was reserved is reported in steps of this."""

encode = msgspec.msgpack.encode
_admissions = msgspec.msgpack.Decoder(Admissions).decode

OnWait = Callable[[Wait], object]


class Link(Protocol):
    """The connection to the server: a ``Channel``."""

    on_push: Callable[[bytes], None]
    on_lost: Callable[[], None]

    def call(self, method: int, data: bytes = b"") -> Awaitable[bytes | None]:
        """The result of a call. It raises an exception if there is no connection."""
        ...


class _Waiting:
    __slots__ = ("admitted", "again_s", "ask", "on_wait", "timer")

    def __init__(self, ask: Ask, on_wait: OnWait) -> None:
        self.ask, self.on_wait = ask, on_wait
        self.admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.timer: asyncio.TimerHandle | None = None
        self.again_s = 5 * NOTICE_S


class _Admitted:
    __slots__ = ("ask", "count", "output_tokens")

    def __init__(self, ask: Ask, output_tokens: int, count: int) -> None:
        self.ask, self.output_tokens, self.count = ask, output_tokens, count


class Admission:
    """A request that may be sent. ``end`` must follow, however it ends; a second one does nothing."""

    __slots__ = ("_client", "_is_over", "_number", "_reserved", "_streamed")

    def __init__(self, client: "QuotaClient", number: int, reserved: int) -> None:
        self._client, self._number, self._reserved = client, number, reserved
        self._streamed = 0
        self._is_over = False

    def streamed(self, output_tokens: int) -> None:
        """So many tokens of output have arrived so far."""
        if (more := output_tokens - self._reserved - self._streamed) >= _STREAMED_TOKENS:
            self._streamed += more
            self._client.add_output(self._number, more)

    def learn(self, limits: RateLimits) -> None:
        """The response has *limits* in its headers."""
        self._client.learn(self._number, limits)

    def end(
        self,
        ending: Ending,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """It has ended. See ``End``."""
        if not self._is_over:
            self._is_over = True
            end = End(self._number, ending, input_tokens, output_tokens, self._streamed, retry_after_s)
            self._client.end(end)


class QuotaClient:
    """Asks the broker to admit requests, several at once, and reports what has become of them.

    While the broker can't be reached, the host goes on with its leases, and with its share of each limit: as much as
    each of the hosts that there were gets. Then it registers again, with what is in flight.
    """

    def __init__(self, link: Link, quotas: Quotas) -> None:
        self._link = link
        self._quotas = quotas
        self._numbers = count(1)
        self._update = Update()
        self._waiting: dict[int, _Waiting] = {}
        self._admitted: dict[int, _Admitted] = {}
        self._leases = Leases()
        self._learned_at: dict[tuple[str, str], float] = {}
        self._lease_timer: asyncio.TimerHandle | None = None
        self._hosts = 0  # 0: it was never connected
        self._registers = True  # the next update is the first that the broker hears of this host
        self._standby: Broker | None = None
        self._standby_timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._linger: asyncio.TimerHandle | None = None
        link.on_push, link.on_lost = self._on_push, self._on_lost

    @property
    def in_flight(self) -> int:
        """The requests that are admitted and have not ended, or are leased."""
        return sum(each.count for each in self._admitted.values())

    @property
    def waiting(self) -> int:
        """The requests that wait."""
        return len(self._waiting)

    async def admit(
        self, lane: Lane, session: str, tokens: tuple[int, int | None], on_wait: OnWait | None = None
    ) -> Admission:
        """Wait until a request of *session* may be sent. *tokens* are those of its input, and its limit of the output.

        If that takes noticeably long, *on_wait* learns what it waits for, and again if it takes longer than expected.
        Who is cancelled while waiting has not been admitted.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        wanted = self._leases.wanted(lane, now)
        if (leased := self._leases.take(lane, tokens[0], now)) is not None:
            return Admission(self, leased, self._admitted[leased].output_tokens)
        number = next(self._numbers)
        ask = Ask(number, lane, session, *tokens, wanted)
        waiting = self._waiting[number] = _Waiting(ask, on_wait or _ignore)
        if on_wait:
            waiting.timer = loop.call_later(NOTICE_S, self._ask_why, number)
        self._update.asks.append(ask)
        if len(self._waiting) > 1:
            self._flush_later()
        else:
            self._flush()
        try:
            await waiting.admitted
        except asyncio.CancelledError:
            self._give_up(number)
            raise
        finally:
            if waiting.timer:
                waiting.timer.cancel()
        return Admission(self, number, self._admitted[number].output_tokens)

    def add_output(self, number: int, tokens: int) -> None:
        """The request of grant *number* has so many *tokens* of output beyond what was reserved."""
        self._update.outputs.append((number, tokens))
        self._flush_later()

    def learn(self, number: int, limits: RateLimits) -> None:
        """The response to the request of grant *number* has *limits* in its headers."""
        lane, now = self._admitted[number].ask.lane, asyncio.get_running_loop().time()
        key = (lane.account, lane.model)
        if self._quotas.learns and now - self._learned_at.get(key, -_LEARN_S) >= _LEARN_S:
            self._learned_at[key] = now
            self._update.limits.append((number, limits))
            self._flush_later()

    def end(self, end: End) -> None:
        """Requests of a grant have ended."""
        admitted = self._admitted[end.number]
        admitted.count -= end.count
        if not admitted.count:
            del self._admitted[end.number]
        self._update.ends.append(end)
        self._flush_later()

    async def aclose(self) -> None:
        """Stop. Nothing is reported any more."""
        for timer in (
            self._linger,
            self._lease_timer,
            self._standby_timer,
            *(each.timer for each in self._waiting.values()),
        ):
            if timer:
                timer.cancel()
        if self._sending:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def _give_up(self, number: int) -> None:
        if self._waiting.pop(number, None):
            self._update.withdrawn.append(number)
            self._flush()
        else:  # it was admitted at the same time
            self.end(End(number, Ending.UNSENT))

    def _ask_why(self, number: int) -> None:
        if not self._hosts:
            self._explain(Wait(number, WaitReason.BROKER, _START_S))
            return
        self._update.asking.append(number)
        self._flush()

    def _flush_later(self) -> None:
        """Have what was collected sent soon: nobody here waits for it."""
        if self._standby:
            self._flush()
        elif self._sending is None and self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(_LINGER_S, self._flush)

    def _flush(self) -> None:
        """Have what was collected sent: all that happens in one round of the event loop, or during a call, at once."""
        if self._linger:
            self._linger.cancel()
            self._linger = None
        if self._standby:
            self._ask_standby()
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())
            self._sending.add_done_callback(self._on_sent)

    async def _send(self) -> None:
        while self._registers or self._update != _NOTHING:
            try:
                if self._standby or (self._registers and not self._hosts):
                    await self._link.call(METHOD, encode(_NOTHING))  # connect; then register what is the case by then
                    self._end_standby()
                data = self._link.call(METHOD, encode(self._next_update()))
                self._apply(_admissions(await data or b""))
            except Exception as error:
                self._begin_standby(error)
                await asyncio.sleep(_PAUSE_S)
        self._sending = None  # at once: what is asked before the task's callbacks run needs another one

    def _on_sent(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.critical("requests are no longer admitted here", exc_info=error)

    def _next_update(self) -> Update:
        update, self._update = self._update, Update()
        if self._registers:
            running = [Running(each.ask, each.output_tokens, each.count) for each in self._admitted.values()]
            update = Update(asks=[each.ask for each in self._waiting.values()], running=running)
            self._registers = False
        return update

    def _begin_standby(self, error: Exception) -> None:
        self._registers = True
        if self._standby or not self._hosts:
            return
        log.warning("the quota broker can't be reached, so this host uses 1/%d of each limit: %s", self._hosts, error)
        self._standby = Broker(self._quotas, 1 / self._hosts, is_new=False)
        self._update = self._next_update()
        self._registers = True
        self._ask_standby()

    def _end_standby(self) -> None:
        self._standby = None
        if self._standby_timer:
            self._standby_timer.cancel()

    def _ask_standby(self) -> None:
        standby, update, now = self._standby, self._update, asyncio.get_running_loop().time()
        if standby is None:
            return
        self._update = Update()
        standby.update("", update, now)
        if admissions := standby.dispatch(now).get(""):
            self._apply(msgspec.structs.replace(admissions, hosts=self._hosts))
        if self._standby_timer:
            self._standby_timer.cancel()
        if (wake_at := standby.wake_at) is not None:
            self._standby_timer = asyncio.get_running_loop().call_at(wake_at, self._ask_standby)

    def _on_push(self, data: bytes) -> None:
        if not self._standby:
            self._apply(_admissions(data))

    def _on_lost(self) -> None:
        self._begin_standby(ConnectionError("the connection broke"))
        self._flush()

    def _apply(self, admissions: Admissions) -> None:
        self._hosts = admissions.hosts
        for grant in admissions.grants:
            self._admit(grant)
        for wait in admissions.waits:
            self._explain(wait)

    def _admit(self, grant: Grant) -> None:
        waiting = self._waiting.get(grant.number)
        if waiting is None or waiting.admitted.done():  # it was given up meanwhile, or is in flight already
            if grant.number not in self._admitted:
                self._update.ends.append(End(grant.number, Ending.UNSENT, count=1 + grant.more))
                self._flush()
            return
        del self._waiting[grant.number]
        self._admitted[grant.number] = _Admitted(waiting.ask, grant.output_tokens, 1 + grant.more)
        waiting.admitted.set_result(None)
        if grant.more:
            loop = asyncio.get_running_loop()
            self._leases.put(waiting.ask.lane, grant.number, grant.more, waiting.ask.input_tokens, loop.time())
            self._sweep_leases()

    def _sweep_leases(self) -> None:
        loop = asyncio.get_running_loop()
        for number, left in self._leases.expired(loop.time()):
            self.end(End(number, Ending.UNSENT, count=left))
        if self._lease_timer:
            self._lease_timer.cancel()
        at = self._leases.expires_at
        self._lease_timer = None if at is None else loop.call_at(at, self._sweep_leases)

    def _explain(self, wait: Wait) -> None:
        if (waiting := self._waiting.get(wait.number)) is None:
            return
        waiting.on_wait(wait)
        waiting.again_s = again_s = max(2 * waiting.again_s, 1.5 * wait.expected_s)
        waiting.timer = asyncio.get_running_loop().call_later(again_s, self._ask_why, wait.number)


_NOTHING = Update()


def _ignore(wait: Wait) -> None:
    """Nobody wants to know."""
