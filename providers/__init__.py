"""Providers: the vocabulary that they share, and one package per vendor.

A plug-in finds all that it needs here: docs/adding-a-provider.md.
"""

from .auth.aws_config import AWSAuth
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

# isort: split
# The registry imports the plug-ins, and these import the names above from here.
from .registry import ProviderConfig, open_client

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
