"""The registry entry of Amazon Bedrock."""

from ..schema.client import Client
from ..schema.facts import ModelFacts
from ..schema.provider import Provider, TokenCosts
from ..schema.tools import ToolNames
from .config import Bedrock
from .model_families import traits_of


def _load() -> object:
    from .client import trusted_certificates

    return trusted_certificates()


def _open_client(config: Bedrock) -> Client:
    from .client import BedrockClient

    return BedrockClient(config)


def _documented_facts(config: Bedrock) -> ModelFacts:
    return traits_of(config.model).facts


def _tool_names(config: Bedrock) -> ToolNames:
    from .rules import TOOL_NAMES

    del config
    return TOOL_NAMES


BEDROCK = Provider(
    config=Bedrock,
    open_client=_open_client,
    load=_load,
    extra="bedrock",
    environment=(
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    ),
    documented_facts=_documented_facts,
    price_table="aws",
    ability_table="amazon-bedrock",
    # Those of Claude, which most requests to Bedrock go to: see providers/anthropic/provider.py.
    token_costs=TokenCosts(tools=350, tool=15, schema_bytes_per_token=2.8),
    tool_names=_tool_names,
)
