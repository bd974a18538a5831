"""Readers kept between turns: each subscription that a turn would make and remove again costs three processes time."""

import asyncio

from ..events.reader import Reader

_LIMIT = 4_096
"""A kept reader and its subscription take 3.5 KB in two processes."""

_KEEP_S = 30.0
"""A session that is not asked again so soon hardly saves anything by it."""


class KeptReaders:
    """Keeps the readers of sessions whose turn has ended, for their next turn: *limit* of them, for *keep_s* each.

    A kept reader skips what arrives.
    """

    def __init__(self, limit: int = _LIMIT, keep_s: float = _KEEP_S) -> None:
        self._limit = limit
        self._keep_s = keep_s
        self._kept: dict[tuple[str | None, int], tuple[Reader, float]] = {}  # with its deadline; the first comes first
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """The number of readers that it keeps."""
        return len(self._kept)

    def take(self, session_id: str, epoch: int) -> Reader | None:
        """A reader of the session that reads on from here. It is no longer kept."""
        reader, _ = self._kept.pop((session_id, epoch), (None, 0.0))
        if reader is None or reader.ended:
            return None
        reader.resume()
        return reader

    def keep(self, reader: Reader) -> None:
        """Keep *reader*, of one session, or close it if one is kept already."""
        key = (reader.session_id, reader.epoch)
        if reader.ended or key in self._kept:
            reader.close()
            return
        reader.rest()
        loop = asyncio.get_running_loop()
        self._kept[key] = (reader, loop.time() + self._keep_s)
        if len(self._kept) > self._limit:
            self._close_first()
        if self._timer is None:
            self._timer = loop.call_later(self._keep_s, self._close_old)

    def close(self) -> None:
        """Close all readers."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._kept:
            self._close_first()

    def _close_first(self) -> None:
        reader, _ = self._kept.pop(next(iter(self._kept)))
        reader.close()

    def _close_old(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._kept:
            _, deadline = next(iter(self._kept.values()))
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._close_old)
                return
            self._close_first()
