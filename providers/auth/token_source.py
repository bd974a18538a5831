"""Tokens of Entra from a function that the config names."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import isawaitable, iscoroutinefunction

from ..schema.checks.shown import shown
from ..schema.errors import AuthenticationFailed, InvalidConfig

_FIELD = "provider.ad_token_provider"


class TokenSource:
    """Calls the function called *name*, ``module:function``, and never lets it hold up the loop.

    Raises:
        InvalidConfig: there is no such function.
    """

    def __init__(self, name: str, provider: str) -> None:
        self.given: deque[str] = deque(maxlen=2)  # an answer may still speak of the token before the last
        self._name = name
        self._provider = provider
        self._function = _imported(name)

    async def token(self) -> str:
        """A token.

        Raises:
            AuthenticationFailed: the function raised, or gave none. Its message may contain secrets, and is dropped.
        """
        try:
            token = await self._called()
        except Exception as error:  # whatever it may be, it is the caller's function that failed
            raise self._failed(f"it raised {type(error).__name__}") from None
        if not isinstance(token, str):
            raise self._failed(f"it gave {type(token).__name__}")
        if not (token and token.isascii() and token.isprintable()):
            raise self._failed("it gave what no HTTP header takes")
        if token not in self.given:
            self.given.append(token)
        return token

    async def _called(self) -> object:
        if iscoroutinefunction(self._function):
            return await self._function()
        given = await asyncio.to_thread(self._function)
        return await given if isawaitable(given) else given

    def _failed(self, how: str) -> AuthenticationFailed:
        return AuthenticationFailed(f"no token from {self._name}: {how}", self._provider)


class EntraAuthority:
    """Authenticates each request by a token from *source*."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    @property
    def secrets(self) -> Sequence[str | None]:
        return self._source.given

    async def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        del method, url, body
        return {"authorization": f"Bearer {await self._source.token()}"}


def _imported(name: str) -> Callable[[], object]:
    module, _, function = name.partition(":")
    try:
        found: object = getattr(import_module(module), function)
    except Exception as error:  # the module may raise anything
        raise InvalidConfig(_FIELD, f"{shown(name, quoted=False)} can't be imported: {type(error).__name__}") from None
    if not callable(found):
        raise InvalidConfig(_FIELD, f"{shown(name, quoted=False)} is no function")
    return found
