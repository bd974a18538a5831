"""The errors of Chat Completions, mapped to ours."""

from ...schema.errors import (
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
            "DeploymentNotFound": UnknownModel,
            "requests": RateLimited,
            "tokens": RateLimited,
        },
    )
