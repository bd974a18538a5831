"""The registry entry of Anthropic."""

from collections.abc import Awaitable

from ..schema.client import Client
from ..schema.config import RequestForms
from ..schema.facts import ModelFacts
from ..schema.provider import Provider, TokenCosts
from ..schema.request import Settings
from ..schema.tools import ProviderTool, Tool, ToolNames
from .config import Anthropic
from .facts import documented_facts


def _load() -> object:
    from . import client

    return client


def _open_client(config: Anthropic) -> Client:
    from .client import AnthropicClient

    return AnthropicClient(config)


def _make_request_forms(config: Anthropic) -> RequestForms:
    from .endpoint.request_forms import request_forms

    return request_forms(config)


def _fetches_facts(config: Anthropic) -> bool:
    return config.fetch_model_facts


def _fetch_facts(config: Anthropic) -> Awaitable[ModelFacts]:
    from .endpoint.models import served_facts

    return served_facts(config)


def _tool_names(config: Anthropic) -> ToolNames:
    from .rules import TOOL_NAMES

    del config
    return TOOL_NAMES


# https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-search-tool: the variant that takes plain words.
_TOOL_SEARCH = ProviderTool(
    provider="anthropic", definition={"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"}
)


def _tool_search(config: Anthropic, settings: Settings) -> ProviderTool | None:
    from .rules import MAX_STRICT_TOOLS

    strict = sum(isinstance(tool, Tool) and tool.strict for tool in settings.tools)  # the limit counts deferred ones
    return _TOOL_SEARCH if config.facts.searches_tools and strict <= MAX_STRICT_TOOLS else None


ANTHROPIC = Provider(
    config=Anthropic,
    open_client=_open_client,
    load=_load,
    make_request_forms=_make_request_forms,
    extra="anthropic",
    environment=("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_FOUNDRY_API_KEY"),
    documented_facts=documented_facts,
    fetches_facts=_fetches_facts,
    fetch_facts=_fetch_facts,
    price_table="anthropic",
    ability_table="anthropic",
    token_costs=TokenCosts(
        # From recorded exchanges. The instructions on tools are also documented:
        # https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing
        tools=350,
        tool=15,
        schema_bytes_per_token=2.8,
        # https://platform.claude.com/docs/en/build-with-claude/pdf-support: 1,500 to 3,000 a page, and its image.
        page=3_500,
    ),
    tool_names=_tool_names,
    tool_search=_tool_search,
)
