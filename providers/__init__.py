"""Providers: the vocabulary that they share, and one package per vendor."""

from .configs import ProviderConfig
from .schema.content import Block, Citation, UserBlock
from .schema.facts import ModelFacts, Prices
from .schema.messages import Role, StandsFor
from .schema.rate_limits import RateLimit, RateLimits
from .schema.stop_reasons import StopReason
from .schema.usage import Cost, Count, Provenance

# fmt: off
__all__ = [
    "Block", "Citation", "Cost", "Count", "ModelFacts", "Prices", "Provenance", "ProviderConfig", "RateLimit",
    "RateLimits", "Role", "StandsFor", "StopReason", "UserBlock",
]
# fmt: on
