"""A PostgreSQL server."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psycopg
from servers.databases.server import Server, as_user, environ_of, free_port, own, program

USER = "owner"
PASSWORD = "pass/word@1"  # to be percent-encoded
_PROGRAMS = "usr/lib/postgresql/*/bin"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server on *port*."""

    server: Server
    port: int

    def url(self, database: str = "postgres", user: str = USER, password: str = PASSWORD, port: int = 0) -> str:
        """The address of *database*, at another *port* if one is given."""
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{port or self.port}/{database}"

    def execute(self, *statements: str) -> None:
        """Run *statements*, each in a transaction of its own."""
        for statement in statements:
            self._run(statement)

    def values(self, query: str) -> list[Any]:
        """The first column of what *query* returns."""
        return self._run(query)

    def _run(self, statement: str) -> list[Any]:
        with psycopg.connect(self.url(), autocommit=True, client_encoding="utf8") as connection:
            cursor = connection.execute(statement.encode())
            return [row[0] for row in cursor] if cursor.description else []


@contextmanager
def postgres_server(*settings: str) -> Generator[Postgres]:
    """A running server with *settings*. Skips the test if it is not installed."""
    postgres, initdb = program("postgres", ".postgres", _PROGRAMS), program("initdb", ".postgres", _PROGRAMS)
    with TemporaryDirectory(prefix="pg") as name:  # short: it is in the name of a socket
        folder = Path(name)
        own(folder)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        data = folder / "data"
        subprocess.run(
            [initdb, "--no-sync", "-D", data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={password}"],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**environ_of(initdb), "LC_ALL": "C"},
            **as_user(),
        )
        port = free_port()
        options = ("listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", *settings)
        command = [str(postgres), "-D", str(data), *(f"--{option}" for option in options)]
        server = Server(command, "ready to accept connections")
        try:
            server.start()
            yield Postgres(server, port)
        finally:
            server.kill()
