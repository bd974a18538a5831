"""The config of Amazon Bedrock."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import msgspec

from ..auth.aws_config import AWSAuth, region_in, require_one_kind
from ..schema.config import HTTPConfig
from ..schema.errors import InvalidConfig

_ARN_PARTS = 6
_AUTH_FIELDS = ("region", "access_key_id", "secret_access_key", "session_token", "bearer_token", "profile")

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailStreamConfiguration.html
_is_guardrail = re.compile(
    r"[a-z0-9]+|arn:aws(?:-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+", re.ASCII
).fullmatch
_is_guardrail_version = re.compile(r"[1-9][0-9]{0,7}|DRAFT", re.ASCII).fullmatch


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

    *guardrail_id* is the id or ARN of a guardrail of Bedrock, in the version *guardrail_version*: it checks the
    messages of a request and the answer. With *guardrail_trace*, what it found is in the ``StopDetails`` of an answer
    that it stopped. *guardrail_streaming* is whether it checks each piece of a streamed answer before it arrives
    (``sync``) or meanwhile (``async``). *latency* ``optimized`` asks for faster inference, where the model and the
    region have it.
    """

    secrets: ClassVar[tuple[str, ...]] = (
        "secret_access_key",
        "session_token",
        "bearer_token",
    )
    identity: ClassVar[tuple[str, ...]] = ("inference_profile", "endpoint_url", "region")
    # https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
    limits_cached_input: ClassVar[bool] = False

    inference_profile: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    bearer_token: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    guardrail_id: str | None = None
    guardrail_version: str = "DRAFT"
    guardrail_trace: Literal["enabled", "disabled", "enabled_full"] | None = None
    guardrail_streaming: Literal["sync", "async"] | None = None
    latency: Literal["standard", "optimized"] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_guardrail()
        keys = (self.access_key_id, self.secret_access_key, self.session_token)
        require_one_kind("provider", any(keys), self.bearer_token, self.profile)

    def _check_guardrail(self) -> None:
        if self.guardrail_id is None:
            for field in ("guardrail_trace", "guardrail_streaming"):
                if getattr(self, field) is not None:
                    raise InvalidConfig(f"provider.{field}", "give guardrail_id, too: without it there is no guardrail")
        elif not _is_guardrail(self.guardrail_id):
            raise InvalidConfig("provider.guardrail_id", "give the guardrail's id, such as 'abc123def456', or its ARN")
        if not _is_guardrail_version(self.guardrail_version):
            raise InvalidConfig("provider.guardrail_version", "give a number such as '1', or 'DRAFT'")

    @property
    def target(self) -> str:
        """The id or ARN that requests are sent to."""
        return self.inference_profile or self.model

    @property
    def auth(self) -> AWSAuth:
        """The credentials and the region."""
        return AWSAuth(**{field: getattr(self, field) for field in _AUTH_FIELDS})

    @property
    def credential_variables(self) -> tuple[str, ...]:
        return self.auth.variables

    def resolved(self, environ: Mapping[str, str]) -> Self:
        auth = self.auth.completed(environ, self.name)
        region = self.region or _region_of(self.target) or region_in(environ)
        endpoint = self.endpoint_url or environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
        found = {field: getattr(auth, field) for field in _AUTH_FIELDS} | {"region": region}
        config = msgspec.structs.replace(self, endpoint_url=endpoint or None, **found)
        if region is None and not auth.from_chain:
            raise InvalidConfig("provider.region", "give a region such as 'us-east-1', or set AWS_REGION")
        return config


def _region_of(model: str) -> str | None:
    """The region that an ARN names: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html."""
    parts = model.split(":", _ARN_PARTS - 1)
    return parts[3] or None if len(parts) == _ARN_PARTS and parts[0] == "arn" else None
