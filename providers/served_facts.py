"""What the models endpoints of vendors say about models: fetched where a session is spawned, and kept per process."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .registry import PROVIDERS
from .schema.config import Config
from .schema.errors import ProviderError, RayconteurError
from .schema.facts import ModelFacts

log = logging.getLogger(__name__)

_FetchFacts = Callable[[Any], Awaitable[ModelFacts]]

TIMEOUT_S = 3.0
"""How long a spawn waits for an endpoint."""

_RETRY_AFTER_S = 60.0
"""How long an endpoint that failed is not asked again about the same model."""


@dataclass(frozen=True, slots=True)
class _Learned:
    facts: ModelFacts
    ask_again_at: float | None = None  # in seconds of the monotonic clock; None if it answered


_learned: dict[str, _Learned] = {}  # by the source of the config: its model, endpoint and account
_asking: dict[tuple[str, asyncio.AbstractEventLoop], asyncio.Task[None]] = {}


def learned_facts(config: Config) -> ModelFacts:
    """What ``learn_facts`` found out about the model of *config*, resolved."""
    learned = _learned.get(config.source) if _fetch_facts(config) else None
    return learned.facts if learned else ModelFacts()


async def learn_facts(config: Config) -> None:
    """Ask the models endpoint about the model of *config*, resolved, if the config says so and it is not known yet.

    It never fails, and takes ``TIMEOUT_S`` at most: without an answer there is a line in the log, and what is known
    otherwise applies. Who asks about the same model meanwhile waits for the same answer.
    """
    fetch_facts = _fetch_facts(config)
    if fetch_facts is None:
        return
    source = config.source
    learned = _learned.get(source)
    if learned and (learned.ask_again_at is None or time.monotonic() < learned.ask_again_at):
        return
    key = source, asyncio.get_running_loop()
    task = _asking.get(key)
    if task is None:
        _asking[key] = task = key[1].create_task(_ask(fetch_facts, config, source))
        task.add_done_callback(lambda _: _asking.pop(key))
    await asyncio.shield(task)


def _fetch_facts(config: Config) -> _FetchFacts | None:
    """What asks the models endpoint; ``None`` if there is none, or *config* does not want it asked."""
    provider = PROVIDERS.get(config.name)
    return provider.fetch_facts if provider and provider.fetches_facts(config) else None


async def _ask(fetch_facts: _FetchFacts, config: Config, source: str) -> None:
    try:
        fetching = fetch_facts(config)  # importing what it needs does not count
        async with asyncio.timeout(TIMEOUT_S):
            facts = await fetching
    except Exception as error:  # whatever it is, the session starts without it
        _learned[source] = _Learned(ModelFacts(), time.monotonic() + _RETRY_AFTER_S)
        log.warning("%s: the models endpoint told nothing about %s: %s", config.name, config.model, _reason(error))
    else:
        _learned[source] = _Learned(facts)


def _reason(error: Exception) -> str:
    """Why there are no facts, without anything that the endpoint wrote."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(error, ProviderError) and error.status is not None:
        return f"HTTP {error.status}"
    return error.code if isinstance(error, RayconteurError) else type(error).__name__
