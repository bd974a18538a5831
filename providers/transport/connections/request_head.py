"""Heads of HTTP requests."""

from collections.abc import Iterable
from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

from ...schema.checks.addresses import DEFAULT_PORTS, server_of

CODINGS = ("gzip", "deflate")
"""The compressions of a body that can be read here."""

# Of RFC 3986, and the percent sign: what is encoded stays as it is.
_URL_CHARS = "%!#$&'()*+,/:;=?@[]~"


class Origin(NamedTuple):
    """A server, by its scheme, host (as in DNS, in lower case) and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """That of *url*.

        Raises:
            ValueError: it is not the URL of a server that speaks HTTP.
        """
        return cls(*server_of(url))

    @property
    def is_default_port(self) -> bool:
        """Whether URLs need not name the port."""
        return self.port == DEFAULT_PORTS[self.scheme]

    def __str__(self) -> str:
        """What a ``Host`` header gives: the port only if it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.is_default_port else f"{host}:{self.port}"


class RequestHead:
    """A request for *url* without its body and what depends on the body. A ``Host`` in *headers* is replaced.

    Raises:
        ValueError: *url* is not the URL of a server, or a header contains a line break.
    """

    __slots__ = ("_fields", "headers", "method", "origin", "target", "url")

    def __init__(self, method: str, url: str, headers: Iterable[tuple[str, str]]) -> None:
        self.method = method
        self.url = url
        self.headers = tuple(headers)
        self.origin = Origin.of(url)
        parts = urlsplit(url)
        self.target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), _URL_CHARS)
        self._fields = _fields(str(self.origin), self.headers)

    def encode(self, body: bytes | None, proxy_fields: bytes | None = None) -> bytes:
        """The head for *body*; for a proxy that forwards the request, with *proxy_fields*."""
        target = self.target if proxy_fields is None else f"http://{self.origin}{self.target}"
        length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
        return b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (
            self.method.encode(),
            target.encode(),
            self._fields,
            proxy_fields or b"",
            length,
        )


def _fields(host: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The lines of all *headers* but those that depend on the body."""
    lines = [f"Host: {host}\r\n"]
    names = {"host", "content-length", "transfer-encoding"}
    for name, value in headers:
        if "\r" in name + value or "\n" in name + value:
            raise ValueError(f"the header {name!r} contains a line break")
        if name.lower() not in names:
            lines.append(f"{name}: {value}\r\n")
    given = {name.lower() for name, _ in headers}
    for name, value in (("Accept", "*/*"), ("Accept-Encoding", ", ".join(CODINGS))):
        if name.lower() not in given:
            lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode()
