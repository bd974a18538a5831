"""AWS credentials as a part of a config, and how they are completed from the environment."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import msgspec

from ..schema.checks.field_checks import check_fields
from ..schema.checks.shown import shown
from ..schema.config import WithSecrets, require_credential
from ..schema.errors import InvalidConfig
from .aws_endpoints import aws_endpoint

_ID, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_SHORT_TERM_KEY = "bedrock-api-key-"  # these last for hours: the next one is another key of the same account

AWS_VARIABLES = ("AWS_BEARER_TOKEN_BEDROCK", _ID, _SECRET, _TOKEN, "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION")
"""The environment variables that ``AWSAuth.completed`` and the region come from."""


class AWSAuth(WithSecrets, frozen=True, kw_only=True, omit_defaults=True):
    """Access to a vendor's API at AWS, by one of three kinds of credentials.

    They are an access key (*access_key_id*, *secret_access_key* and, for a temporary one, *session_token*), a
    *bearer_token* (Bedrock's API key), or a *profile* of AWS's files. Where none is given, they come from the driver's
    ``AWS_BEARER_TOKEN_BEDROCK``, ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and ``AWS_SESSION_TOKEN``, or
    ``AWS_PROFILE``; else from what AWS's own chain finds where the session runs: its files, single sign-on, the role of
    the container or of the instance. What expires there is renewed there. Without a bearer token, each request is
    signed (SigV4).

    *region* and *service* are those that requests are signed for. They are read from the endpoint's address; give them
    for an address that is not one of AWS, such as a proxy's.
    """

    secrets: ClassVar[tuple[str, ...]] = ("secret_access_key", "session_token", "bearer_token")

    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    bearer_token: str | None = None
    profile: str | None = None
    service: Literal["bedrock", "bedrock-mantle", "aws-external-anthropic"] | None = None

    def __post_init__(self) -> None:
        check_fields(self, "provider.aws")
        require_one_kind("provider.aws", self._has_key, self.bearer_token, self.profile)

    @property
    def from_chain(self) -> bool:
        """True if the credentials come from AWS's chain, where the session runs."""
        return not (self.access_key_id or self.bearer_token)

    @property
    def account(self) -> str | None:
        """What tells this account from others, as far as it is known. It stays when credentials are renewed."""
        if self.bearer_token:
            return None if self.bearer_token.startswith(_SHORT_TERM_KEY) else self.bearer_token
        return self.profile or (None if self.session_token else self.access_key_id)

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that these credentials, completed, may have come from."""
        if self.bearer_token:
            return ("AWS_BEARER_TOKEN_BEDROCK",)
        if self.access_key_id:
            return (_ID, _SECRET, *([_TOKEN] if self.session_token else []))
        return ("AWS_PROFILE",) if self.profile else ("AWS_BEARER_TOKEN_BEDROCK", _ID, "AWS_PROFILE")

    @property
    def _has_key(self) -> bool:
        return bool(self.access_key_id or self.secret_access_key or self.session_token)

    def completed(self, environ: Mapping[str, str], provider: str) -> Self:
        """These credentials, what is missing of them taken from *environ*: in the order that AWS's SDKs have.

        https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html

        Raises:
            MissingKey: half of an access key is missing.
        """
        if self.bearer_token or self.profile:
            return self
        keyed = self._has_key
        if not keyed and (bearer := environ.get("AWS_BEARER_TOKEN_BEDROCK", "").strip()):
            return msgspec.structs.replace(self, bearer_token=bearer)
        if keyed or environ.get(_ID) or environ.get(_SECRET):
            return msgspec.structs.replace(
                self,
                access_key_id=require_credential(provider, "access_key_id", self.access_key_id, environ, _ID),
                secret_access_key=require_credential(
                    provider, "secret_access_key", self.secret_access_key, environ, _SECRET
                ),
                # A token belongs to its key: one from elsewhere makes a good key a wrong one.
                session_token=self.session_token or (None if self.access_key_id else environ.get(_TOKEN) or None),
            )
        return msgspec.structs.replace(self, profile=environ.get("AWS_PROFILE") or None)

    def resolved(self, base_url: str | None, environ: Mapping[str, str], provider: str) -> Self:
        """These credentials for the endpoint at *base_url*, with its region and service.

        Raises:
            MissingKey: half of an access key is missing.
            InvalidConfig: the endpoint is in another region or of another service, or it is not known of which.
        """
        auth = self.completed(environ, provider)
        if not base_url:
            raise InvalidConfig("provider.base_url", "give the address of the endpoint at AWS")
        endpoint = aws_endpoint(base_url)
        if endpoint is None:
            if auth.service is None and not auth.bearer_token:
                raise InvalidConfig(
                    "provider.aws.service",
                    "base_url is no address of AWS; give the service that requests are signed for, such as 'bedrock'",
                )
            return msgspec.structs.replace(auth, region=auth.region or region_in(environ))
        for field in ("region", "service"):
            given, right = getattr(auth, field), getattr(endpoint, field)
            if given not in (None, right):
                raise InvalidConfig(
                    f"provider.aws.{field}",
                    f"it is {shown(given)}, but base_url is an address of {right!r}; leave it out",
                )
        return msgspec.structs.replace(auth, region=endpoint.region, service=endpoint.service)


def require_one_kind(parent: str, has_key: bool, bearer_token: str | None, profile: str | None) -> None:
    """Reject credentials of two kinds. *parent* is the field that has them.

    Raises:
        InvalidConfig: there are two.
    """
    if has_key + bool(bearer_token) + bool(profile) > 1:
        raise InvalidConfig(f"{parent}.bearer_token", "give an access key, a bearer_token or a profile, one of them")


def region_in(environ: Mapping[str, str]) -> str | None:
    """The region that *environ* names."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
