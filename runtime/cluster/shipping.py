"""What goes from a program to its sessions besides configs: strategies of its own, and initial histories.

Ray pickles the strategies, with their code where a process can't import it. Histories go page by page: a page blocks an
event loop for milliseconds.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import msgspec
import ray
from ray import ObjectRef, cloudpickle

from ...compaction import Compaction, Custom, Layered
from ...compaction.strategies.custom import CompactionStrategy
from ...compaction.strategy import CompactionSettings
from ...providers.schema.errors import InvalidConfig
from ..api.config import SessionSettings
from ..api.settings.changes import TurnSettings
from .ray_calls import result_of

S = TypeVar("S", bound=SessionSettings | TurnSettings)

_FIELD = "compaction.instance"

_dumps: Callable[[object], bytes] = cast(Any, cloudpickle).dumps  # which has no types


def with_shipped_strategies(settings: S) -> S:
    """*settings*, in which each strategy of the program's own is pickled.

    Raises:
        InvalidConfig: one can't be pickled, or is no strategy.
    """
    match cast(object, getattr(settings, "compaction", None)):
        case CompactionSettings() as compaction:
            return msgspec.structs.replace(settings, compaction=_shipped(cast(Compaction, compaction)))
        case CompactionStrategy() as strategy:
            return msgspec.structs.replace(settings, compaction=_shipped(Custom(instance=strategy)))
        case _:
            return settings  # without compaction; or what the validation of settings rejects


async def put_pages(pages: Iterable[bytes]) -> "list[ObjectRef[bytes]]":
    """Put *pages* into Ray's object store. They stay there as long as the references are held."""
    return await asyncio.to_thread(lambda: [ray.put(page) for page in pages])


async def read_pages(pages: "Sequence[ObjectRef[bytes]]") -> AsyncIterator[bytes]:
    """The pages, one after the other."""
    for page in pages:
        yield await result_of(page)


def _shipped(compaction: Compaction) -> Compaction:
    match compaction:
        case Custom(instance=instance) if not isinstance(instance, bytes):
            return msgspec.structs.replace(compaction, instance=_pickled(instance))
        case Layered(strategies=strategies) if any(isinstance(each, Custom) for each in strategies):
            return msgspec.structs.replace(compaction, strategies=tuple(map(_shipped, strategies)))
        case _:
            return compaction


def _pickled(strategy: object) -> bytes:
    try:
        return _dumps(strategy)
    except Exception as error:
        raise InvalidConfig(_FIELD, f"{type(strategy).__name__} can't be pickled: {error}") from error
