"""Providers: the vocabulary that they share, and one package per vendor.

A plug-in finds all that it needs here: docs/adding-a-provider.md.
"""

from typing import TYPE_CHECKING

from .lazy_names import LazyNames

if TYPE_CHECKING:
    from .auth.aws_config import AWSAuth
    from .registry import ProviderConfig, open_client
    from .schema.client import Client, CompactingClient, Sink
    from .schema.config import Config, HTTPConfig, require_credential
    from .schema.content import Block, Citation, UserBlock
    from .schema.deltas import (
        AnswerEnded,
        AnswerStarted,
        BlockEnded,
        BlocksWithdrawn,
        Cited,
        Delta,
        OpaqueReceived,
        TextDelta,
        ThinkingDelta,
        ThinkingSigned,
        ToolInputDelta,
        ToolInputRejected,
        ToolUseStarted,
        UsageReported,
    )
    from .schema.draft import Answer, Draft, Partial
    from .schema.facts import ModelFacts, Prices
    from .schema.messages import Origin, RequestInfo, Role, StandsFor
    from .schema.provider import Provider, TokenCosts
    from .schema.rate_limits import RateLimit, RateLimits
    from .schema.request import Prompt, Request, Settings, WireMemo
    from .schema.stop_reasons import StopDetails, StopReason
    from .schema.usage import Cost, Count, Provenance

_names = LazyNames(
    __name__,
    {
        ".auth.aws_config": "AWSAuth",
        ".registry": "ProviderConfig open_client",
        ".schema.client": "Client CompactingClient Sink",
        ".schema.config": "Config HTTPConfig require_credential",
        ".schema.content": "Block Citation UserBlock",
        ".schema.deltas": (
            "AnswerEnded AnswerStarted BlockEnded BlocksWithdrawn Cited Delta OpaqueReceived TextDelta "
            "ThinkingDelta ThinkingSigned ToolInputDelta ToolInputRejected ToolUseStarted UsageReported"
        ),
        ".schema.draft": "Answer Draft Partial",
        ".schema.facts": "ModelFacts Prices",
        ".schema.messages": "Origin RequestInfo Role StandsFor",
        ".schema.provider": "Provider TokenCosts",
        ".schema.rate_limits": "RateLimit RateLimits",
        ".schema.request": "Prompt Request Settings WireMemo",
        ".schema.stop_reasons": "StopDetails StopReason",
        ".schema.usage": "Cost Count Provenance",
    },
)


def __getattr__(name: str) -> object:
    return _names(name)


def __dir__() -> list[str]:
    return __all__


# fmt: off
__all__ = [
    "AWSAuth", "Answer", "AnswerEnded", "AnswerStarted", "Block", "BlockEnded", "BlocksWithdrawn", "Citation", "Cited",
    "Client", "CompactingClient", "Config", "Cost", "Count", "Delta", "Draft", "HTTPConfig", "ModelFacts",
    "OpaqueReceived", "Origin", "Partial", "Prices", "Prompt", "Provenance", "Provider", "ProviderConfig", "RateLimit",
    "RateLimits", "Request", "RequestInfo", "Role", "Settings", "Sink", "StandsFor", "StopDetails", "StopReason",
    "TextDelta", "ThinkingDelta", "ThinkingSigned", "TokenCosts", "ToolInputDelta", "ToolInputRejected",
    "ToolUseStarted", "UsageReported", "UserBlock", "WireMemo", "open_client", "require_credential",
]
# fmt: on
