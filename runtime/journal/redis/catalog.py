"""The catalog of a journal in Redis: a hash of rows, and sorted sets in the order of the catalog."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from redis.asyncio import Redis

from ..catalog.rows import CatalogFilter, CatalogPlace, CatalogRow
from ..checks import require_no_words
from ..entry import SessionKey
from .keys import Keys, member
from .scripts import PUT_ROW

_PAGE_ROWS = 1_000
"""How many rows are read at once."""

_encode = msgspec.msgpack.encode
decode_row = msgspec.msgpack.Decoder(CatalogRow).decode


class RedisCatalog:
    """The catalog with *keys*. *call* gives the client, for as long as a call may take."""

    def __init__(self, client: Redis, keys: Keys, call: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._keys = keys
        self._call = call
        self._put_row = client.register_script(PUT_ROW)

    async def put(self, rows: Sequence[CatalogRow]) -> None:
        """As ``Journal.put_catalog``."""
        async with self._call() as client:
            waiting = list(rows)
            while waiting:
                known = await client.hmget(self._keys.catalog, [member(row.session) for row in waiting])
                pairs = [(row, data) for row, data in zip(waiting, known, strict=True) if _is_newer(row, data)]
                async with client.pipeline(transaction=False) as pipeline:
                    for row, data in pairs:
                        await self._put(row, data, pipeline)
                    outcomes = await pipeline.execute()
                # Those whose row has just been changed are tried again.
                waiting = [row for (row, _), is_done in zip(pairs, outcomes, strict=True) if not is_done]

    async def page(self, selected: CatalogFilter, before: CatalogPlace | None, limit: int) -> list[CatalogRow]:
        """As ``Journal.catalog``: reads the smallest set with all that are selected."""
        require_no_words(selected)
        found: dict[SessionKey, CatalogRow] = {}  # ranks may change meanwhile
        async with self._call() as client:
            lists = self._keys.lists_with(selected)
            sizes = [await client.zcard(each) for each in lists]
            smallest = lists[sizes.index(min(sizes))]
            start = await _start(client, smallest, before) if before else 0
            while len(found) < limit:
                members = await client.zrevrange(smallest, start, start + min(limit, _PAGE_ROWS) - 1)
                start += len(members)
                if not members:
                    break
                rows = await self._rows(client, members)
                wanted = (row for row in rows if selected.has(row) and (before is None or row.place < before))
                found |= {row.session: row for row in wanted}
        return list(found.values())[:limit]

    async def rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        """As ``Journal.catalog_rows``."""
        async with self._call() as client:
            return await self._rows(client, [member(session) for session in sessions]) if sessions else []

    async def count(self, selected: CatalogFilter) -> int:
        """As ``Journal.count``."""
        require_no_words(selected)
        lists = self._keys.lists_with(selected)
        async with self._call() as client:
            return int(await client.zintercard(len(lists), lists) if len(lists) > 1 else await client.zcard(lists[0]))

    async def owners(self, after: str, limit: int) -> list[str]:
        """As ``Journal.owners``."""
        async with self._call() as client:
            found = await client.zrangebylex(self._keys.owners, b"(" + after.encode(), b"+", 0, limit)
            return [owner.decode() for owner in found]

    async def _rows(self, client: Any, members: Sequence[bytes]) -> list[CatalogRow]:
        found = await client.hmget(self._keys.catalog, members)
        return [decode_row(data) for data in found if data]  # else it was deleted meanwhile

    async def _put(self, row: CatalogRow, known: bytes | None, pipeline: Any) -> None:
        keys, lists = self._keys, self._keys.lists_of(row)
        old = decode_row(known) if known else row
        leaves = [each for each in keys.lists_of(old) if each not in lists]
        await self._put_row(
            [keys.positions, keys.catalog, keys.owners, keys.listed("owner", old.owner), *leaves, *lists],
            [member(row.session), known or b"", _encode(row), row.last_at, len(leaves), old.owner, row.owner],
            pipeline,
        )


def _is_newer(row: CatalogRow, known: bytes | None) -> bool:
    return not known or decode_row(known).number <= row.number


async def _start(client: Any, key: bytes, before: CatalogPlace) -> int:
    """The index in the sorted set *key*, in reverse, of the first place before this one, or one somewhat earlier."""
    place = member(before.session)
    if await client.zscore(key, place) == before.last_at:
        return int(await client.zrevrank(key, place)) + 1
    return int(await client.zcount(key, f"({before.last_at!r}", "+inf"))
