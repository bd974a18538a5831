"""The errors of Chat Completions, mapped to ours."""

from ...schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidRequest,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)
from ...transport.faults import FaultTable


def faults(provider: str) -> FaultTable:
    """The fault table of *provider*, which may be any server with this API: most of them use OpenAI's codes.

    https://platform.openai.com/docs/guides/error-codes
    """
    return FaultTable(
        provider=provider,
        codes={
            "invalid_api_key": AuthenticationFailed,
            "insufficient_quota": AuthenticationFailed,  # a 429 that waiting does not resolve
            "billing_hard_limit_reached": AuthenticationFailed,
            "billing_not_active": AuthenticationFailed,
            "model_not_found": UnknownModel,
            "DeploymentNotFound": UnknownModel,
            "context_length_exceeded": ContextOverflow,
            "rate_limit_exceeded": RateLimited,
            "rate_limit_error": RateLimited,
            "requests": RateLimited,
            "tokens": RateLimited,
            "invalid_request_error": InvalidRequest,
            "server_error": ProviderUnavailable,
        },
    )
