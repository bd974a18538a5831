"""The database servers, each started once for the tests of a process."""

from collections.abc import Iterator

import pytest
from servers.databases.postgres import Postgres, postgres_server
from servers.databases.redis import Redis, redis_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL, which runs for all tests: those that stop it start one of their own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """Redis, likewise."""
    with redis_server() as server:
        yield server
