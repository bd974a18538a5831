"""AWS credentials, and signing requests with them, through botocore."""

from asyncio import to_thread
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    MetadataRetrievalError,
    ProfileNotFound,
)

from ..schema.checks.shown import shown
from ..schema.errors import AuthenticationFailed, InvalidConfig, MissingKey, ProviderError, ProviderUnavailable
from ..sdk.changes import uses
from ..transport import http
from ..transport.authority import Authority, FixedHeaders
from .aws_config import AWSAuth

NO_CREDENTIALS: Mapping[type[Exception], type[ProviderError]] = {
    HTTPClientError: ProviderUnavailable,
    MetadataRetrievalError: ProviderUnavailable,
    BotoCoreError: AuthenticationFailed,
    ClientError: AuthenticationFailed,
}
"""What botocore's errors become when credentials can't be renewed; the first that fits counts."""

# Current and former ones: the answer to a request that was signed with the latter may still be in progress.
_SECRETS_KEPT = 4
_CONTENT_TYPE = {"content-type": "application/json"}


class Signer:
    """Signs requests to *service* in *region* with *credentials*, renewed in a thread when they are about to expire.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """

    def __init__(self, credentials: Credentials, service: str, region: str, provider: str) -> None:
        self._credentials = credentials
        self._service = service
        self._region = region
        self._provider = provider
        self._secrets: deque[str | None] = deque(maxlen=_SECRETS_KEPT)

    @property
    def secrets(self) -> Sequence[str | None]:
        return self._secrets

    @uses("botocore")
    async def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """The signed headers.

        Raises:
            AuthenticationFailed, ProviderUnavailable: credentials have expired and there are no new ones.
        """
        request = AWSRequest(method, url, _CONTENT_TYPE, body)
        SigV4Auth(await self._current(), self._service, self._region).add_auth(request)
        return dict(request.headers.items())

    @uses("botocore")
    async def _current(self) -> ReadOnlyCredentials:
        credentials = self._credentials
        if isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed():
            try:
                # It refreshes once for all waiting threads, or keeps credentials that are still valid.
                frozen = await to_thread(credentials.get_frozen_credentials)
            except tuple(NO_CREDENTIALS) as error:
                kind = next(ours for theirs, ours in NO_CREDENTIALS.items() if isinstance(error, theirs))
                raise kind(f"no AWS credentials: {error}", self._provider) from None
        else:
            frozen = credentials.get_frozen_credentials()
        if frozen.secret_key not in self._secrets:
            self._secrets.extend((frozen.secret_key, frozen.token))
        return frozen


class AWSAccess:
    """The authentication of *provider*'s requests to *service*, by *auth*, a part of the config's field *parent*.

    Raises:
        MissingKey: AWS's chain has no credentials here.
        InvalidConfig: there is no such profile, or no region.
    """

    def __init__(self, auth: AWSAuth, service: str, provider: str, parent: str) -> None:
        self._auth = auth
        self._provider = provider
        self._parent = parent
        self.authority = self._authority(service)

    @cached_property
    def region(self) -> str:
        """The region."""
        region = self._auth.region or (self._chain[1] if self._auth.from_chain else None)
        if not region:
            raise InvalidConfig(f"{self._parent}.region", "give a region such as 'us-east-1', or set AWS_REGION")
        if not region.replace("-", "").isalnum() or not region.isascii():
            raise InvalidConfig(f"{self._parent}.region", "give a region such as 'us-east-1'")
        return region

    @uses("botocore")
    def _authority(self, service: str) -> Authority:
        auth = self._auth
        if auth.bearer_token:
            token = self._header_value(auth.bearer_token, "bearer_token")
            return FixedHeaders({**_CONTENT_TYPE, "authorization": f"Bearer {token}"}, (token,))
        if not auth.access_key_id:
            return Signer(self._chain[0], service, self.region, self._provider)
        credentials = Credentials(
            self._header_value(auth.access_key_id, "access_key_id"),
            self._header_value(auth.secret_access_key or "", "secret_access_key"),
            self._header_value(auth.session_token, "session_token") if auth.session_token else None,
        )
        return Signer(credentials, service, self.region, self._provider)

    def _header_value(self, secret: str, field: str) -> str:
        return http.header_value(secret, f"{self._parent}.{field}")

    @cached_property
    @uses("botocore")
    def _chain(self) -> tuple[Credentials, str | None]:
        """What AWS's chain finds here: credentials and possibly a region."""
        from botocore.session import Session  # 10 ms and 3 MB that a session with a key does without

        profile = self._auth.profile
        try:
            session = Session(profile=profile)
            credentials, region = session.get_credentials(), session.get_config_variable("region")
        except ProfileNotFound:
            raise InvalidConfig(f"{self._parent}.profile", f"there is no profile {shown(profile)} here") from None
        except BotoCoreError as error:
            raise InvalidConfig(f"{self._parent}.profile", f"can't get AWS credentials: {error}") from None
        if credentials is None:
            raise MissingKey(self._provider, "access_key_id", "AWS_ACCESS_KEY_ID")
        return credentials, region
