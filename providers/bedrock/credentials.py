"""AWS credentials, and signing requests with them, through botocore."""

import re
from asyncio import to_thread
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.loaders import create_loader

from ..schema.errors import InvalidConfig, MissingKey
from ..transport import http
from .config import Bedrock
from .errors import PROVIDER

_SERVICE = "bedrock"
# Current and former ones: the answer to a request that was signed with the latter may still be in progress.
_SECRETS_KEPT = 4


class Authority(Protocol):
    """Authenticates requests by headers."""

    @property
    def secrets(self) -> Sequence[str | None]:
        """What must not appear in an error. It changes with the credentials."""
        ...

    async def headers(self, url: str, body: bytes) -> dict[str, str]:
        """The headers of a request that posts *body*, JSON, to *url*. It does not block the event loop.

        Raises:
            BotoCoreError, ClientError: credentials have expired and there are no new ones.
        """
        ...


class Bearer:
    """One of Bedrock's API keys."""

    def __init__(self, token: str) -> None:
        self._token = token

    @property
    def secrets(self) -> Sequence[str | None]:
        return (self._token,)

    async def headers(self, url: str, body: bytes) -> dict[str, str]:
        del url, body
        return {"content-type": "application/json", "authorization": f"Bearer {self._token}"}


class Signer:
    """Signs with *credentials*, renewed in a thread when they are about to expire.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region
        self._secrets: deque[str | None] = deque(maxlen=_SECRETS_KEPT)

    @property
    def secrets(self) -> Sequence[str | None]:
        return self._secrets

    async def headers(self, url: str, body: bytes) -> dict[str, str]:
        credentials = await self._current()
        request = AWSRequest("POST", url, {"content-type": "application/json"}, body)
        SigV4Auth(credentials, _SERVICE, self._region).add_auth(request)
        return dict(request.headers.items())

    async def _current(self) -> ReadOnlyCredentials:
        credentials = self._credentials
        if isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed():
            # It refreshes once for all waiting threads, or keeps credentials that are still valid.
            frozen = await to_thread(credentials.get_frozen_credentials)
        else:
            frozen = credentials.get_frozen_credentials()
        if frozen.secret_key not in self._secrets:
            self._secrets.extend((frozen.secret_key, frozen.token))
        return frozen


class Access:
    """The endpoint of *config*, and the authentication of its requests.

    Raises:
        MissingKey: AWS's chain has no credentials here.
        InvalidConfig: there is no such profile, or no region.
    """

    def __init__(self, config: Bedrock) -> None:
        self._config = config
        self.endpoint = http.http_url(config.endpoint_url, "provider.endpoint_url") or _endpoint(self._region)
        self.authority = self._authority()

    def _authority(self) -> Authority:
        config = self._config
        if config.bearer_token:
            return Bearer(http.header_value(config.bearer_token, "provider.bearer_token"))
        if not config.access_key_id:
            return Signer(self._chain[0], self._region)
        credentials = Credentials(
            http.header_value(config.access_key_id, "provider.access_key_id"),
            http.header_value(config.secret_access_key or "", "provider.secret_access_key"),
            http.header_value(config.session_token, "provider.session_token") if config.session_token else None,
        )
        return Signer(credentials, self._region)

    @cached_property
    def _region(self) -> str:
        region = self._config.region or (self._chain[1] if self._config.from_chain else None)
        if not region:
            raise InvalidConfig("provider.region", "give a region such as 'us-east-1', or set AWS_REGION")
        if not region.replace("-", "").isalnum() or not region.isascii():
            raise InvalidConfig("provider.region", "give a region such as 'us-east-1'")
        return region

    @cached_property
    def _chain(self) -> tuple[Credentials, str | None]:
        """What AWS's chain finds here: credentials and possibly a region."""
        from botocore.session import Session  # 10 ms and 3 MB that a session with a key does without

        try:
            session = Session(profile=self._config.profile)
            credentials, region = session.get_credentials(), session.get_config_variable("region")
        except ProfileNotFound:
            raise InvalidConfig("provider.profile", f"there is no profile {self._config.profile!r} here") from None
        except BotoCoreError as error:
            raise InvalidConfig("provider.profile", f"can't get AWS credentials: {error}") from None
        if credentials is None:
            raise MissingKey(PROVIDER, "access_key_id", "AWS_ACCESS_KEY_ID")
        return credentials, region


def _endpoint(region: str) -> str:
    """The address of *region*: each partition of AWS (China, the European one ...) has its own domain."""
    partitions = create_loader().load_data("partitions")["partitions"]
    domains = (part["outputs"]["dnsSuffix"] for part in partitions if re.match(part["regionRegex"], region))
    return f"https://bedrock-runtime.{region}.{next(domains, 'amazonaws.com')}"
