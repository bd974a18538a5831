"""Fuzzing of the ports: strangers and peers that send broken frames to a router and to a session host. ``make fuzz``.

    python -m fuzzing.frames --seconds 60
    python -m fuzzing.frames --seed 17 --rounds 1     one round again

Each round opens a connection, sends what its seed says, and checks that a peer is served as before. A round that breaks
something is named by its seed, and the run exits with status 1.
"""

import argparse
import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import Any

import msgspec
from builders.segments import segment
from servers.streams import LOOPBACK, NODE, elsewhere, listening

import rayconteur as rc
from rayconteur.providers.registry import open_client
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.cluster import host_calls
from rayconteur.runtime.events import router_calls
from rayconteur.runtime.events.router import Router
from rayconteur.runtime.events.router_calls import RouterCall
from rayconteur.runtime.events.segments import EndedSessions, HeldSession, Positions, SessionEnd, encode_segments
from rayconteur.runtime.events.subscriptions import Subscription, SubscriptionUpdate
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.runtime.streams.calls import Request, encode
from rayconteur.runtime.streams.channel import Channel
from rayconteur.runtime.streams.endpoint import Endpoint
from rayconteur.runtime.streams.frames import LENGTH_BYTES, encode_frame
from rayconteur.runtime.streams.handshake import ChallengeAnswer, answer_challenge

ATTACKER, BYSTANDER = "attacker", "bystander"
HANDSHAKE_S = 0.2
LIMITS = RouterLimits(session_bytes=4_000, total_bytes=100_000, ended_sessions=20)

_positions = msgspec.msgpack.Decoder(Positions).decode

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    2**64 - 1,
    -(2**63),
    1e308,
    float("nan"),
    "",
    "x" * 2_000,
    b"",
    [],
    {},
)
"""Values that no frame has in that place."""

Check = Callable[[], Awaitable[None]]


class Target(msgspec.Struct, frozen=True):
    """A listener, the valid requests that an attacker varies, and what checks that a bystander is served."""

    endpoint: Endpoint
    requests: tuple[bytes, ...]
    check: Check


@asynccontextmanager
async def _bystander(endpoint: Endpoint) -> AsyncGenerator[Channel]:
    """A channel over TCP whose only connection must last."""
    connections = 0

    async def locate() -> Endpoint:
        nonlocal connections
        connections += 1
        return elsewhere(endpoint)

    channel = Channel(locate, BYSTANDER, NODE)
    try:
        yield channel
        assert connections == 1, "the bystander's connection broke"
    finally:
        await channel.aclose()


@asynccontextmanager
async def router_target() -> AsyncGenerator[Target]:
    """A router's port. The bystander publishes an event each time."""
    router = Router(LIMITS)
    published = 0
    async with (
        listening(partial(router_calls.serve, router), HANDSHAKE_S) as endpoint,
        _bystander(endpoint) as channel,
    ):

        async def check() -> None:
            nonlocal published
            published += 1
            await channel.call(RouterCall.PUBLISH, encode_segments([segment(BYSTANDER, published)]))
            positions = _positions(await channel.call(RouterCall.POSITIONS) or b"")
            assert positions.sessions[BYSTANDER] == (1, published)

        yield Target(endpoint, _router_requests(), check)


def _router_requests() -> tuple[bytes, ...]:
    subscription = Subscription(1, ATTACKER, 1_000, {ATTACKER: (1, 0)})
    datas = {
        RouterCall.PUBLISH: encode_segments([segment(ATTACKER, 1), segment(ATTACKER, 2, 3)]),
        RouterCall.UPDATE_SUBSCRIPTIONS: encode(SubscriptionUpdate([subscription], {1: 5}, [2])),
        RouterCall.FIND_GAPS: encode([HeldSession(ATTACKER, 1, 1, 7)]),
        RouterCall.END_SESSIONS: encode(EndedSessions({ATTACKER: 1}, SessionEnd.DIED)),
    }
    return tuple(encode(Request(number, call, datas.get(call, b""))) for number, call in enumerate(RouterCall, 1))


@asynccontextmanager
async def host_target() -> AsyncGenerator[Target]:
    """A session host's port. The bystander's session takes a message each time."""

    async def publish(data: bytes) -> None:
        del data

    async def forget(session_ids: dict[str, int]) -> None:
        del session_ids

    host = Host([publish], forget, ClientPool(open_client))
    running = asyncio.create_task(host.run())
    await host.open([ATTACKER, BYSTANDER], 1, rc.SessionConfig(provider=rc.Scripted()))
    async with (
        listening(partial(host_calls.serve, host), HANDSHAKE_S) as endpoint,
        _bystander(endpoint) as channel,
    ):

        async def check() -> None:
            receipt = await host_calls.tell(channel, (BYSTANDER, 1), encode(rc.Interrupt()), True)
            assert receipt.turn is None

        yield Target(endpoint, _host_requests(), check)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _host_requests() -> tuple[bytes, ...]:
    messages = (rc.UserMessage.of("Hi"), rc.Interrupt(turn=1), rc.Configure(system="x"), rc.Clear())
    return tuple(encode(Request(1, 1, encode((ATTACKER, encode(message))))) for message in messages)


class Attack:
    """One connection, which sends what *random* says."""

    def __init__(self, target: Target, random: Random) -> None:
        self._target = target
        self._random = random

    async def run(self, authenticated: bool) -> None:
        """Connect and send; as a stranger, or *authenticated* as a peer."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self._target.endpoint.port)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            challenge = await _read_frame(reader)
            answer, _ = answer_challenge(challenge, ATTACKER, self._target.endpoint.secret, os.urandom(16))
            if authenticated:
                writer.write(encode_frame(answer))
                await _read_frame(reader)
                frames = [self._random.choice(self._target.requests) for _ in range(self._random.randint(1, 5))]
                data = b"".join(encode_frame(self._mutated(frame)) for frame in frames)
            else:
                data = self._broken_handshake(answer)
            writer.write(self._cut(data))
            await writer.drain()
            await self._target.check()
        writer.transport.abort()

    def _broken_handshake(self, answer: bytes) -> bytes:
        random = self._random
        fields = msgspec.msgpack.decode(answer, type=ChallengeAnswer)
        match random.randrange(6):
            case 0:
                return random.randbytes(random.randrange(2_000))
            case 1:
                return random.randrange(1 << 32).to_bytes(LENGTH_BYTES) + answer
            case 2:
                return encode_frame(encode(msgspec.structs.replace(fields, version=random.randrange(1 << 20) + 2)))
            case 3:
                return encode_frame(encode(msgspec.structs.replace(fields, proof=random.randbytes(32))))
            case 4:
                return encode_frame(answer)[: random.randrange(len(answer))]
            case _:
                return encode_frame(self._mutated(answer))

    def _mutated(self, frame: bytes) -> bytes:
        """*frame* as it is, with bytes changed, or with a value replaced."""
        random = self._random
        match random.randrange(5):
            case 0:
                return frame
            case 1 | 2:
                changed = bytearray(frame)
                for _ in range(random.randint(1, 4)):
                    changed[random.randrange(len(changed))] = random.randrange(256)
                return bytes(changed)
            case _:
                return encode(self._replaced(msgspec.msgpack.decode(frame)))

    def _replaced(self, value: Any) -> Any:
        """*value* with one of the values in it replaced, in encoded values too."""
        random = self._random
        match value:
            case bytes() if random.random() < 0.7:
                with suppress(msgspec.DecodeError, UnicodeDecodeError):
                    return encode(self._replaced(msgspec.msgpack.decode(value)))
            case [*items] if items and random.random() < 0.8:
                at = random.randrange(len(items))
                return [*items[:at], self._replaced(items[at]), *items[at + 1 :]]
            case _:
                pass
        return random.choice(ODD)

    def _cut(self, data: bytes) -> bytes:
        return data[: self._random.randrange(len(data) + 1)] if self._random.random() < 0.2 else data


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(LENGTH_BYTES)))


async def run_rounds(seed: int, is_over: Callable[[int], bool], authenticated: bool) -> int:
    """Rounds against both targets, until *is_over* for their number; returns it. Memory stays flat under strangers."""
    done, blocks = 0, 0
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    async with router_target() as router, host_target() as host:
        while not is_over(done):
            for target in (router, host):
                random = Random(f"{seed + done} {authenticated}")
                try:
                    async with asyncio.timeout(10):
                        await Attack(target, random).run(authenticated)
                        await target.check()
                    assert not unhandled, unhandled
                except Exception as error:
                    raise AssertionError(f"round with seed {seed + done} against {target.requests[0]!r}") from error
            done += 1
            if done == WARM_UP_ROUNDS:
                blocks = _blocks()
        if done > 2 * WARM_UP_ROUNDS and not authenticated:  # a peer may publish as much as the limits allow
            grown = (_blocks() - blocks) / (done - WARM_UP_ROUNDS)
            assert grown < BLOCKS_PER_ROUND, f"{grown:.1f} more blocks of memory in each round"
    return done


WARM_UP_ROUNDS = 100
BLOCKS_PER_ROUND = 5
"""Blocks of memory: a connection that is kept takes dozens."""


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def _until(rounds: int | None, seconds: float) -> Callable[[int], bool]:
    """Tells by the number of rounds so far if they are enough: *rounds*, or as many as there are in *seconds*."""
    end_at = time.monotonic() + seconds
    return lambda done: time.monotonic() >= end_at if rounds is None else done >= rounds


def main() -> int:
    """Run the command line. Returns 1 if something broke."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, help="instead of --seconds")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    for authenticated in (False, True):
        rounds = asyncio.run(run_rounds(options.seed, _until(options.rounds, options.seconds / 2), authenticated))
        who = "peers" if authenticated else "strangers"
        print(f"{who}: {rounds} rounds of broken frames from seed {options.seed} on", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
