"""Providers: the vocabulary that they share, and one package per vendor.

The first names below are those of a conversation; then come those that a client and a plug-in need.
"""

from .configs import ProviderConfig
from .registry import open_client
from .schema.client import Client
from .schema.config import Config, HTTPConfig
from .schema.content import Block, Citation, UserBlock
from .schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from .schema.draft import Answer, Draft, Partial
from .schema.facts import ModelFacts, Prices
from .schema.messages import Role, StandsFor
from .schema.rate_limits import RateLimit, RateLimits
from .schema.request import Request, Settings, WireMemo
from .schema.stop_reasons import StopReason
from .schema.usage import Cost, Count, Provenance

# fmt: off
__all__ = [
    "Answer", "AnswerEnded", "AnswerStarted", "Block", "BlockEnded", "Citation", "Cited", "Client", "Config",
    "Cost", "Count", "Delta", "Draft", "HTTPConfig", "ModelFacts", "OpaqueReceived", "Partial", "Prices",
    "Provenance", "ProviderConfig", "RateLimit", "RateLimits", "Request", "Role", "Settings", "StandsFor",
    "StopReason", "TextDelta", "ThinkingDelta", "ThinkingSigned", "ToolInputDelta", "ToolUseStarted",
    "UsageReported", "UserBlock", "WireMemo", "open_client",
]
# fmt: on
