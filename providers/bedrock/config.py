"""The config of Amazon Bedrock."""

from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

from ..schema.config import HTTPConfig, require_credential
from ..schema.errors import InvalidConfig

_ID, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_ARN_PARTS = 6


class Bedrock(HTTPConfig, frozen=True, kw_only=True):
    """Amazon Bedrock's Converse and ConverseStream; *model* is a model's id, an inference profile, or the ARN of one.

    The ARN of an application's own *inference_profile* does not say which model is behind it: give both then, for what
    is known of the model.

    One of three kinds of credentials: an access key (*access_key_id*, *secret_access_key* and, for a temporary one,
    *session_token*), a *bearer_token* (Bedrock's API key), or a *profile* of AWS's files. Where none is given, they
    come from the driver's ``AWS_BEARER_TOKEN_BEDROCK``, ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and
    ``AWS_SESSION_TOKEN``, or ``AWS_PROFILE``; else from what AWS's own chain finds where the session runs: its files,
    single sign-on, the role of the container or of the instance. What expires there is renewed there.

    The region comes from *region*, from an ARN, from ``AWS_REGION`` or ``AWS_DEFAULT_REGION``, or from the profile.
    """

    secrets: ClassVar[tuple[str, ...]] = (
        *HTTPConfig.secrets,
        "secret_access_key",
        "session_token",
        "bearer_token",
    )
    identity: ClassVar[tuple[str, ...]] = ("inference_profile", "endpoint_url", "region")

    inference_profile: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    bearer_token: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        keyed = bool(self.access_key_id or self.secret_access_key or self.session_token)
        if keyed + bool(self.bearer_token) + bool(self.profile) > 1:
            raise InvalidConfig("provider.bearer_token", "give an access key, a bearer_token or a profile, one of them")

    @property
    def target(self) -> str:
        """The id or ARN that requests are sent to."""
        return self.inference_profile or self.model

    @property
    def from_chain(self) -> bool:
        """True if the credentials come from AWS's chain, where the session runs."""
        return not (self.access_key_id or self.bearer_token)

    def resolved(self, environ: Mapping[str, str]) -> Self:
        found = _credentials(self, environ)
        region = (
            self.region or _region_of(self.target) or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        )
        endpoint = self.endpoint_url or environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
        config = msgspec.structs.replace(self, region=region or None, endpoint_url=endpoint or None, **found)
        if config.region is None and not config.from_chain:
            raise InvalidConfig("provider.region", "give a region such as 'us-east-1', or set AWS_REGION")
        return config


def _credentials(config: Bedrock, environ: Mapping[str, str]) -> dict[str, str | None]:
    """The credentials of *config*, what is missing of them taken from *environ*: in the order that AWS's SDKs have.

    https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
    """
    if config.bearer_token or config.profile:
        return {}
    keyed = config.access_key_id or config.secret_access_key or config.session_token
    if not keyed and (bearer := environ.get("AWS_BEARER_TOKEN_BEDROCK", "").strip()):
        return {"bearer_token": bearer}
    if keyed or environ.get(_ID) or environ.get(_SECRET):
        return {
            "access_key_id": require_credential(config.name, "access_key_id", config.access_key_id, environ, _ID),
            "secret_access_key": require_credential(
                config.name, "secret_access_key", config.secret_access_key, environ, _SECRET
            ),
            # A token belongs to its key: one from elsewhere makes a good key a wrong one.
            "session_token": config.session_token or (None if config.access_key_id else environ.get(_TOKEN) or None),
        }
    return {"profile": environ.get("AWS_PROFILE") or None}


def _region_of(model: str) -> str | None:
    """The region that an ARN names: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html."""
    parts = model.split(":", _ARN_PARTS - 1)
    return parts[3] or None if len(parts) == _ARN_PARTS and parts[0] == "arn" else None
