"""Calls to the shared actors of a namespace, by who does not use it: nothing is started, and no lease is taken."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from ...api.errors import Unreachable
from ...cluster.directory.actor_names import kind_of
from ...cluster.ray_calls import find_actor, gcs_result, result_within
from ...cluster.ray_errors import ActorGone
from ...metrics.counts import Report

CALL_S = 5.0
"""How long an actor may take to answer: it does nothing for that but read its memory."""


_COUNTING = ("directory", "journal", "quotas", "router")
"""The kinds of shared actors that have metrics."""


async def read_metrics(namespace: str, names: Sequence[str]) -> "dict[str, Report | None]":
    """The metrics of the shared actors of these *names*; ``None`` for those that do not answer."""
    shared = [name for name in names if kind_of(name) in _COUNTING]
    reports = await asyncio.gather(*(call(namespace, name, "metrics") for name in shared))
    return {name: cast("Report | None", report) for name, report in zip(shared, reports, strict=True)}


async def call(namespace: str, name: str, method: str, *arguments: object) -> object | None:
    """What *method* of the actor *name* returns; ``None`` if it does not answer in time, or is gone."""
    try:
        actor = cast(Any, await gcs_result(CALL_S, find_actor, name, namespace))
        if actor is None:
            return None
        return cast(object, await result_within(CALL_S, lambda: getattr(actor, method).remote(*arguments), name))
    except (ActorGone, Unreachable):
        return None
