"""The connections to a PostgreSQL database."""

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from ....providers.schema.errors import InvalidConfig
from ..calls import Calls
from .errors import translated

T = TypeVar("T")

_KEEPALIVE_S = 30
"""A connection that is idle this long is probed: firewalls forget those that are silent."""


class Connections:
    """At most *limit* connections to the database at *url*, opened when they are needed.

    A call fails when it has taken *timeout_s*, whatever the reason. psycopg_pool is not used: it says why it can't
    connect only in its log, and waits longer and longer before it tries again, also when the database is back.
    """

    def __init__(self, url: str, limit: int, timeout_s: float) -> None:
        self._parameters = _parameters(url, timeout_s)
        self._calls = Calls(limit, timeout_s)
        self._idle: list[AsyncConnection] = []
        self._name = str(self._parameters.get("dbname") or "in PostgreSQL")

    async def run(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """The result of *work*, which may run twice: that a server has closed an idle connection is seen by using it.

        Raises:
            JournalError: as ``translated`` says.
        """
        with translated(self._name):
            async with self._calls.running() as deadline:
                while self._idle:
                    connection = self._idle.pop()
                    try:
                        return await self._use(connection, work, deadline)
                    except psycopg.OperationalError:
                        if not connection.broken:
                            raise
                async with asyncio.timeout_at(deadline):
                    connection = await AsyncConnection.connect(**self._parameters, autocommit=True)
                return await self._use(connection, work, deadline)

    async def aclose(self) -> None:
        """Finish running calls, and close all connections."""
        await self._calls.close()
        while self._idle:
            await self._idle.pop().close()

    async def _use(
        self, connection: AsyncConnection, work: Callable[[AsyncConnection], Awaitable[T]], deadline: float
    ) -> T:
        """The result of *work*. After an error, the connection is not used again: it is ``broken`` if it was lost."""
        loop = asyncio.get_running_loop()
        end = loop.call_at(deadline, _shut_down, connection)
        try:
            result = await work(connection)
        except BaseException as error:
            await connection.close()
            if isinstance(error, psycopg.OperationalError) and loop.time() >= deadline:
                raise TimeoutError from error
            raise
        finally:
            end.cancel()
        self._idle.append(connection)
        return result


def _parameters(url: str, timeout_s: float) -> dict[str, Any]:
    """The parameters of connections to *url*. No error repeats any of it: there is a password in it, somewhere."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        given = {}
    host, port, database = (str(given.get(name) or "") for name in ("host", "port", "dbname"))
    if not given or "@" in host + database or not re.fullmatch("[0-9,]*", port):
        raise InvalidConfig("url", "expected postgresql://user:password@host:port/database, percent-encoded")
    return {
        "application_name": "rayconteur",
        "client_encoding": "utf8",
        "connect_timeout": max(2, int(timeout_s / 2)),  # for each host, of which libpq tries several; at least 2
        "keepalives_idle": _KEEPALIVE_S,
        **{name: value for name, value in given.items() if value is not None},
    }


def _shut_down(connection: AsyncConnection) -> None:
    """End what runs on *connection*. Cancelling it would wait for a server that may not answer."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
