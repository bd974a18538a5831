"""How requests are authenticated where it is not by the key that Anthropic's SDK sends."""

from ...auth.aws import aws_authority
from ...auth.token_source import EntraAuthority, TokenSource
from ...transport import http
from ...transport.authority import Authority, FixedHeaders
from ..config import Anthropic


def has_authority(config: Anthropic) -> bool:
    """True if requests of *config*, resolved, are authenticated by an authority; else the SDK does, by the key."""
    return bool(config.aws or config.ad_token_provider or config.ad_token) or config.served_by == "foundry"


def authority_of(config: Anthropic) -> Authority | None:
    """What authenticates requests of *config*, resolved; ``None`` if it is the SDK, by the key.

    Raises:
        ConfigError: there are no credentials here, or they can't be used.
    """
    if config.aws:
        return aws_authority(config.aws, config.name)
    if config.ad_token_provider:
        return EntraAuthority(TokenSource(config.ad_token_provider, config.name))
    if config.ad_token:
        token = http.header_value(config.ad_token, "provider.ad_token")
        return FixedHeaders({"authorization": f"Bearer {token}"}, (token,))
    if config.served_by == "foundry":
        # The endpoint reads x-api-key; Azure's own gateways read api-key. As a bearer it would be a token of Entra.
        key = http.header_value(config.api_key or "", "provider.api_key")
        return FixedHeaders({"x-api-key": key, "api-key": key}, (key,))
    return None
