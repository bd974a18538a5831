"""The journal in Redis: the server is killed, hangs, refuses, is full, or has settings that would lose records."""

import asyncio
import traceback
from collections.abc import Iterator
from uuid import uuid4

import pytest
from journal.killing import require_no_loss
from journal.page_sizes import require_short_pages
from servers.databases.lossy_proxy import LossyProxy
from servers.databases.redis import PASSWORD, Redis, redis_server
from servers.databases.server import free_port

from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.runtime.journal.conformance.samples import A, B, entries, entry
from rayconteur.runtime.journal.entry import StoredSnapshot
from rayconteur.runtime.journal.errors import (
    CorruptRecord,
    InvalidJournal,
    JournalAccessDenied,
    JournalFull,
    JournalNotFound,
    JournalUnavailable,
    UnsafeJournal,
)
from rayconteur.runtime.journal.redis.journal import RedisJournal
from rayconteur.runtime.journal.redis.keys import Keys
from rayconteur.runtime.journal.redis.settings import Loss
from rayconteur.runtime.journal.redis.store import VERSION


@pytest.fixture
def prefix() -> str:
    """A prefix for the keys of a test."""
    return uuid4().hex


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A server whose settings a test may change."""
    with redis_server() as server:
        yield server


async def opening_error(url: str, prefix: str = "rayconteur", loss: Loss = "none") -> Exception:
    try:
        journal = await RedisJournal.open(url, prefix, loss=loss, timeout_s=5)
    except Exception as error:
        return error
    await journal.aclose()
    raise AssertionError("it was opened")


def shown(error: Exception) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_wrong_password_or_user_or_database_is_named_and_no_password_shown(redis: Redis) -> None:
    denied = asyncio.run(opening_error(redis.url(password="wr/ong@2")))
    unknown = asyncio.run(opening_error(redis.url(user="stranger")))
    missing = asyncio.run(opening_error(redis.url(database=99)))
    anonymous = asyncio.run(opening_error(f"redis://127.0.0.1:{redis.port}"))

    for error in (denied, unknown, anonymous):
        assert isinstance(error, JournalAccessDenied)
    assert isinstance(missing, JournalNotFound)
    for error in (denied, unknown, missing, anonymous):
        assert not any(part in shown(error) for part in ("wr/ong", "ong@2", "pass/word", "word@1"))


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:se/cret@127.0.0.1/0",
        "redis://user:12/cret@127.0.0.1/0",
        "redis://user:se#cret@127.0.0.1/0",
        "redis://user:se?cret@127.0.0.1/0",
        "redis://user:sec[ret@127.0.0.1/0",
        "secret",
        "",
    ],
)
def test_an_address_that_can_not_be_parsed_is_refused_without_repeating_it(url: str) -> None:
    error = asyncio.run(opening_error(url))

    assert isinstance(error, InvalidConfig)
    assert error.field == "url"
    assert "cret" not in shown(error)


def test_a_server_that_is_not_there_is_named() -> None:
    error = asyncio.run(opening_error(f"redis://127.0.0.1:{free_port()}/0"))

    assert type(error) is JournalUnavailable


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("appendfsync", "everysec", "seconds"),
        ("appendfsync", "no", "any"),
        ("appendonly", "no", "any"),
        ("no-appendfsync-on-rewrite", "yes", "any"),
    ],
)
def test_settings_that_lose_records_are_refused_unless_the_loss_is_accepted(
    own_redis: Redis, name: str, value: str, allowed: Loss
) -> None:
    async def main() -> None:
        safe = await RedisJournal.open(own_redis.url())
        own_redis.execute("CONFIG", "SET", name, value)

        error = await opening_error(own_redis.url())
        accepted = await RedisJournal.open(own_redis.url(), loss=allowed)

        assert isinstance(error, UnsafeJournal)
        assert f"set {name}" in str(error)
        assert f"loss='{allowed}'" in str(error)
        assert safe.capabilities.durable
        assert not accepted.capabilities.durable
        for journal in (safe, accepted):
            await journal.aclose()

    asyncio.run(main())


def test_a_server_that_evicts_records_is_refused_and_one_that_evicts_others_is_not(own_redis: Redis) -> None:
    async def main() -> None:
        own_redis.execute("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        error = await opening_error(own_redis.url(), loss="any")
        own_redis.execute("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        await (await RedisJournal.open(own_redis.url())).aclose()

        assert isinstance(error, UnsafeJournal)
        assert "noeviction" in str(error)

    asyncio.run(main())


def test_settings_that_may_not_be_seen_are_refused_unless_any_loss_is_accepted(own_redis: Redis) -> None:
    async def main() -> None:
        own_redis.execute("ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", "+@all", "-config")
        error = await opening_error(own_redis.url(user="app"))
        journal = await RedisJournal.open(own_redis.url(user="app"), loss="any")

        assert isinstance(error, UnsafeJournal)
        assert "CONFIG GET" in str(error)
        assert await journal.append(entries(A, 1)) == [None]
        await journal.aclose()

    asyncio.run(main())


def test_a_user_without_the_rights_is_told_so(own_redis: Redis) -> None:
    own_redis.execute("ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~other*", "+@all")

    error = asyncio.run(opening_error(own_redis.url(user="app")))

    assert isinstance(error, JournalAccessDenied)


def test_a_journal_of_a_newer_version_is_named_and_not_changed(redis: Redis, prefix: str) -> None:
    redis.execute("SET", Keys(prefix).format, VERSION + 1)

    error = asyncio.run(opening_error(redis.url(), prefix))

    assert isinstance(error, InvalidJournal)
    assert "update it" in str(error)
    assert redis.execute("GET", Keys(prefix).format) == str(VERSION + 1).encode()


@pytest.mark.parametrize("command", ["SET", "RPUSH"])
def test_keys_of_something_else_are_refused_and_not_changed(redis: Redis, prefix: str, command: str) -> None:
    redis.execute(command, Keys(prefix).format, "pdf")

    error = asyncio.run(opening_error(redis.url(), prefix))

    assert isinstance(error, InvalidJournal)
    assert len(redis.execute("KEYS", f"*{prefix}*")) == 1


def test_no_kill_of_the_server_loses_what_was_acknowledged(own_redis: Redis) -> None:
    asyncio.run(require_no_loss(lambda: RedisJournal.open(own_redis.url()), own_redis.server))


def test_a_call_to_a_server_that_hangs_fails_in_time_and_can_be_repeated(own_redis: Redis) -> None:
    async def main() -> None:
        journal = await RedisJournal.open(own_redis.url(), timeout_s=1)
        await journal.append(entries(A, 1))
        own_redis.server.freeze()
        for _ in range(2):  # on a connection that is open, and on one that is not
            async with asyncio.timeout(4):
                with pytest.raises(JournalUnavailable, match="in time"):
                    await journal.append(entries(A, 2))
        own_redis.server.thaw()

        assert await journal.append(entries(A, 2, 3)) == [None, None]
        assert await journal.read(A) == entries(A, 1, 2, 3)
        await journal.aclose()

    asyncio.run(main())


def test_a_reply_that_is_lost_after_the_commit_is_no_loss(redis: Redis, prefix: str) -> None:
    async def main() -> None:
        async with LossyProxy(redis.port) as proxy:
            journal = await RedisJournal.open(redis.url(port=proxy.own_port), prefix)
            await journal.append(entries(A, 1))
            proxy.is_lossy = True
            with pytest.raises(JournalUnavailable):
                await journal.append(entries(A, 2))
            proxy.is_lossy = False

            assert proxy.lost > 0
            assert redis.execute("XLEN", Keys(prefix).records(A)) == 2
            assert await journal.append(entries(A, 2, 3)) == [None, None]
            assert await journal.read(A) == entries(A, 1, 2, 3)
            await journal.aclose()

    asyncio.run(main())


def test_a_page_of_large_records_is_not_read_beyond_its_end(redis: Redis, prefix: str) -> None:
    asyncio.run(require_short_pages(redis.port, lambda port: RedisJournal.open(redis.url(port=port), prefix)))


def test_connections_that_the_server_closed_while_they_were_idle_are_replaced(redis: Redis, prefix: str) -> None:
    async def main() -> None:
        journal = await RedisJournal.open(redis.url(), prefix)
        await asyncio.gather(*(journal.sessions() for _ in range(4)))
        redis.execute("CLIENT", "KILL", "TYPE", "normal")

        for number in range(1, 9):
            assert await journal.append(entries(A, number)) == [None]
        await journal.aclose()

    asyncio.run(main())


def test_a_server_that_forgets_its_scripts_is_told_them_again(redis: Redis, prefix: str) -> None:
    async def main() -> None:
        journal = await RedisJournal.open(redis.url(), prefix)
        await journal.append(entries(A, 1))
        redis.execute("SCRIPT", "FLUSH")

        assert await journal.append(entries(A, 2)) == [None]
        await journal.aclose()

    asyncio.run(main())


def test_nothing_is_left_of_a_deleted_session(redis: Redis, prefix: str) -> None:
    async def main() -> None:
        journal = await RedisJournal.open(redis.url(), prefix)
        await journal.append(entries(A, 1))
        await journal.put_snapshot(StoredSnapshot(A, 1, 10, 1, 0, b"state"))
        await journal.delete(A)

        assert redis.execute("KEYS", f"*{prefix}*") == [Keys(prefix).format]
        await journal.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru"])
def test_a_full_memory_stores_nothing_of_a_commit(own_redis: Redis, policy: str) -> None:
    async def main() -> None:
        own_redis.execute("CONFIG", "SET", "maxmemory-policy", policy)
        journal = await RedisJournal.open(own_redis.url())
        await journal.append(entries(A, 1))
        own_redis.execute("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(JournalFull):
            await journal.append([*entries(A, 2), *entries(B, 1)])
        with pytest.raises(JournalFull):
            await journal.put_snapshot(StoredSnapshot(A, 1, 10, 1, 0, b"state"))

        assert await journal.read(A) == entries(A, 1)
        assert [each.session for each in await journal.sessions()] == [A]
        await journal.delete(A)
        own_redis.execute("CONFIG", "SET", "maxmemory", "0")
        assert await journal.append(entries(A, 1)) == [None]
        await journal.aclose()

    asyncio.run(main())


def test_a_record_that_is_no_entry_is_named_and_those_before_it_are_readable(redis: Redis, prefix: str) -> None:
    async def main() -> None:
        journal = await RedisJournal.open(redis.url(), prefix)
        await journal.append([entry(A, 1)])
        redis.execute("XADD", Keys(prefix).records(A), "2", "entry", b"\xc1")

        assert await journal.read(A) == [entry(A, 1)]
        with pytest.raises(CorruptRecord, match="record 2"):
            await journal.read(A, after=1)
        await journal.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("value", [b"\xc1", b"\x93\x01\x02\x03"], ids=["bytes", "another array"])
def test_a_position_that_is_none_is_reported(redis: Redis, prefix: str, value: bytes) -> None:
    async def main() -> None:
        journal = await RedisJournal.open(redis.url(), prefix)
        await journal.append([entry(A, 1)])
        [member] = redis.execute("HKEYS", Keys(prefix).positions)
        redis.execute("HSET", Keys(prefix).positions, member, value)

        with pytest.raises(InvalidJournal, match="something else"):
            await journal.append([entry(A, 2)])
        await journal.aclose()

    asyncio.run(main())
