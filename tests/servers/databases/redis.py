"""A Redis server."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import redis
from servers.databases.server import Server, free_port, own, program

PASSWORD = "pass/word@1"  # to be percent-encoded


@dataclass(frozen=True, slots=True)
class Redis:
    """A running server on *port*."""

    server: Server
    port: int

    def url(self, database: int | str = 0, user: str = "", password: str = PASSWORD, port: int = 0) -> str:
        """The address of *database*, at another *port* if one is given."""
        return f"redis://{user}:{quote(password, safe='')}@127.0.0.1:{port or self.port}/{database}"

    def execute(self, *command: str | bytes | int) -> Any:
        """The reply to *command*."""
        client: Any = redis.Redis.from_url(self.url())
        with client:
            return client.execute_command(*command)


@contextmanager
def redis_server(**settings: str) -> Generator[Redis]:
    """A running server with *settings*, durable if they say nothing else. Skips the test if it is not installed."""
    path = program("redis-server", ".redis")
    with TemporaryDirectory(prefix="redis") as folder:
        own(Path(folder))
        port = free_port()
        every = {"bind": "127.0.0.1", "port": str(port), "dir": folder, "requirepass": PASSWORD, "save": ""}
        durable = {"appendonly": "yes", "appendfsync": "always"}
        command = [str(path)]
        for name, value in {**every, **durable, **settings}.items():
            command += [f"--{name}", value]
        server = Server(command, "Ready to accept connections")
        try:
            server.start()
            yield Redis(server, port)
        finally:
            server.kill()
