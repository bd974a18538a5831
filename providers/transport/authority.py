"""Authentication of requests by headers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


class Authority(Protocol):
    """Authenticates requests by headers that replace those of the same name."""

    @property
    def secrets(self) -> Sequence[str | None]:
        """What must not appear in an error. It changes with the credentials."""
        ...

    async def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """The headers of a request that sends *body*, JSON, to *url*. It does not block the event loop.

        Raises:
            ProviderError: there are no credentials, or they have expired and there are no new ones.
        """
        ...


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of *authority*, whatever they are at the time, and *others*."""

    authority: Authority | None
    others: Sequence[str | None]

    def __iter__(self) -> Iterator[str | None]:
        if self.authority:
            yield from self.authority.secrets
        yield from self.others


class FixedHeaders:
    """Authenticates each request by the same *headers*, whose values are secret."""

    def __init__(self, headers: dict[str, str], secrets: Sequence[str | None]) -> None:
        self._headers = headers
        self.secrets = secrets

    async def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        del method, url, body
        return self._headers
