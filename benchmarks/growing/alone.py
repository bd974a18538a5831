"""Costs of parts that need no Ray, in this process."""

import gc
import time
from collections.abc import Sequence

import msgspec

import rayconteur as rc
from rayconteur.compaction import CompactionJob, Layered, SideRequest, compact
from rayconteur.compaction.estimate.estimator import Estimator
from rayconteur.providers import Role, StopReason
from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.request import Request, Settings, WireMemo
from rayconteur.runtime import RouterLimits
from rayconteur.runtime.events.router import Router
from rayconteur.runtime.events.segments import Segment, encode_events, encode_segments
from rayconteur.runtime.events.subscriptions import Subscription, SubscriptionUpdate

from ..load.answers import ANTHROPIC

_TEXT = "They hide food, remember where, and hide it again if another raven was watching. " * 5
_DIALECT = Dialect(ANTHROPIC.model)
_SETTINGS = Settings(max_output_tokens=1_000)
_SESSIONS = 100
_SUMMARY = Answer(
    message_id="m",
    model="scripted",
    content=(rc.Text(_TEXT),),
    stop_reason=StopReason.END_TURN,
    raw_stop_reason=None,
    usage=rc.Usage(),
)


async def request(messages: int) -> float:
    """Build the next request of a conversation of so many messages."""
    history = _history(messages)
    memo = WireMemo()
    _build(history[:-2], memo)
    begun_s = time.process_time()
    _build(history, memo)
    return time.process_time() - begun_s


async def compaction(messages: int) -> float:
    """Take a history through all layers; none of them is enough."""

    job = hopeless(_history(messages))
    gc.collect()  # what was made beforehand is no part of it
    begun_s = time.process_time()
    await compact(job, Layered())
    return time.process_time() - begun_s


def hopeless(messages: Sequence[rc.Message]) -> CompactionJob:
    """To compact *messages* to one token, so that nothing is enough. The model answers at once."""

    async def answers_at_once(request: SideRequest) -> Answer:
        del request
        return _SUMMARY

    return CompactionJob(
        messages=messages,
        budget_tokens=1,
        count_tokens=Estimator("anthropic").tokens,
        send=answers_at_once,
        window_tokens=1_000_000,
    )


async def routing(events: int) -> float:
    """Take a segment for each of so many events, of many sessions by turns, and hand it to a driver that reads all."""
    router = Router(RouterLimits(), time.monotonic)
    update = SubscriptionUpdate(True, [Subscription(1, None, events * 1_000)])
    router.update_subscriptions("driver", msgspec.msgpack.encode(update))
    data = encode_events([rc.TextChunk(turn=1, text="abcd")])
    rounds = [
        encode_segments([Segment(f"session-{number}", 1, first, 1, data) for number in range(_SESSIONS)])
        for first in range(1, events // _SESSIONS + 1)
    ]
    gc.collect()  # what was made beforehand is no part of it
    begun_s = time.process_time()
    for segments in rounds:
        router.publish(segments)
        if not await router.poll("driver"):
            raise RuntimeError("the driver was handed nothing")
    return time.process_time() - begun_s


def _history(messages: int) -> Sequence[rc.Message]:
    """Questions and answers of 400 characters."""
    return [
        rc.Message(role=role, content=(rc.Text(f"{turn} {_TEXT}"),), turn=turn)
        for turn in range(1, messages // 2 + 1)
        for role in (Role.USER, Role.ASSISTANT)
    ]


def _build(messages: Sequence[rc.Message], memo: WireMemo) -> None:
    body(Request(number=1, messages=messages, settings=_SETTINGS, memo=memo), dialect=_DIALECT, streaming=True)
