"""Authentication at Vertex AI, by tokens of Google's credentials."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

import google.auth
import msgspec
from google.auth import exceptions as auth
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials as UserCredentials
from google.oauth2.service_account import Credentials as ServiceCredentials

from ...schema.errors import AuthenticationFailed, InvalidConfig, ProviderError, ProviderUnavailable
from ...sdk.changes import uses
from ..errors import PROVIDER

# google-auth has no type hints for these.
_service_account, _user = cast(Any, ServiceCredentials), cast(Any, UserCredentials)
_auth, _request = cast(Any, google.auth), cast(Any, Request)

# https://developers.google.com/identity/protocols/oauth2/scopes#vertex-ai
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]

NO_TOKEN: Mapping[type[Exception], type[ProviderError]] = {
    auth.TransportError: ProviderUnavailable,
    auth.ResponseError: ProviderUnavailable,
    auth.GoogleAuthError: AuthenticationFailed,
}
"""What google-auth's errors become; the first that fits counts."""


class GoogleAuthority:
    """Authenticates each request by a token of the credentials *given*, JSON, or of the machine's default credentials.

    As Google's SDK does, but in a thread, and without it: google-auth alone is a small part.

    Raises:
        InvalidConfig: the credentials are of an unsupported type, or incomplete.
    """

    def __init__(self, given: str | None) -> None:
        self._credentials = credentials_in(given)
        self._renewing = asyncio.Lock()
        self.secrets = deque[str | None](maxlen=2)  # an answer may still speak of the token before the last

    @uses("google-auth")
    async def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """The token, and the project that pays for requests with it, where the credentials name one.

        Raises:
            AuthenticationFailed, ProviderUnavailable: there is no token.
        """
        del method, url, body
        credentials = self._credentials
        if credentials is None or _is_due(credentials):
            async with self._renewing:
                credentials = await self._renewed()
        token: object = cast(Any, credentials).token
        if not (token and isinstance(token, str)):
            raise AuthenticationFailed("Google's credentials gave no token", PROVIDER)
        if token not in self.secrets:
            self.secrets.append(token)
        project: str | None = cast(Any, credentials).quota_project_id
        return {"Authorization": f"Bearer {token}", **({"x-goog-user-project": project} if project else {})}

    async def _renewed(self) -> Credentials:
        try:
            if self._credentials is None:
                self._credentials = await asyncio.to_thread(_default_credentials)
            if _is_due(self._credentials):
                await asyncio.to_thread(_renew, self._credentials)
        except tuple(NO_TOKEN) as error:
            kind = next(ours for theirs, ours in NO_TOKEN.items() if isinstance(error, theirs))
            raise kind(f"no token of Google: {error}", PROVIDER) from None
        return self._credentials


@uses("google-auth")
def _is_due(credentials: Credentials) -> bool:
    return not credentials.token or bool(credentials.expired)


@uses("google-auth")
def _default_credentials() -> Credentials:
    return cast(Credentials, _auth.default(scopes=_SCOPES)[0])


@uses("google-auth")
def _renew(credentials: Credentials) -> None:
    cast(Any, credentials).refresh(_request())


@uses("google-auth")
def credentials_in(given: str | None) -> Credentials | None:
    """The credentials in the JSON *given*; without it, the default credentials of the machine are for later.

    Raises:
        InvalidConfig: they are of an unsupported type, or incomplete.
    """
    if given is None:
        return None
    try:
        info = msgspec.json.decode(given, type=dict[str, Any])
        match info.get("type"):
            case "service_account":
                return cast(Credentials, _service_account.from_service_account_info(info, scopes=_SCOPES))
            case "authorized_user":
                return cast(Credentials, _user.from_authorized_user_info(info, scopes=_SCOPES))
            case _:
                problem = "give those of a service account or a user; other types work as default credentials only"
    except (ValueError, auth.GoogleAuthError):
        problem = "these are not complete Google credentials"
    raise InvalidConfig("provider.credentials", problem)
