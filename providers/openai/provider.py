"""The registry entries of OpenAI and Azure OpenAI."""

import math
import os

from ..schema.client import Client
from ..schema.config import RequestForms
from ..schema.provider import Provider, TokenCosts
from ..schema.tools import ToolNames
from .api_choice import documented_facts, tool_search
from .config import AzureOpenAI, OpenAI


def _load() -> object:
    from . import client

    return client


def _open_client(config: OpenAI) -> Client:
    from .client import openai_client

    return openai_client(config)


def _open_azure_client(config: AzureOpenAI) -> Client:
    from .client import azure_client

    return azure_client(config)


def _make_request_forms(config: OpenAI) -> RequestForms:
    from .request_forms import openai_forms

    return openai_forms(config)


def _make_azure_request_forms(config: AzureOpenAI) -> RequestForms:
    from .request_forms import azure_forms

    return azure_forms(config)


def _image_tokens_by_tiles(width: int, height: int) -> int:
    """https://platform.openai.com/docs/guides/images-vision: fit into 2,048, shorter side to 768, tiles of 512."""
    scale = min(1.0, 2_048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


# From recorded exchanges.
_TOKEN_COSTS = TokenCosts(
    request=2,
    message=5,
    tools=12,
    tool=5,
    schema_bytes_per_token=8,
    page=1_500,
    image=_image_tokens_by_tiles,
    # https://developers.openai.com/api/docs/guides/tools-tool-search: of a function, only the schema is deferred.
    shows_deferred=True,
)


def _tool_names(config: OpenAI) -> ToolNames | None:
    from .api_choice import is_own
    from .rules import TOOL_NAMES

    address = config.base_url or os.environ.get("OPENAI_BASE_URL") or None
    return TOOL_NAMES if is_own(address, config.model) else None


def _azure_tool_names(config: AzureOpenAI) -> ToolNames | None:
    from .api_choice import INFERENCE_PATH
    from .rules import TOOL_NAMES

    address = config.endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT") or ""
    return None if address.rstrip("/").endswith(INFERENCE_PATH) else TOOL_NAMES


OPENAI = Provider(
    config=OpenAI,
    open_client=_open_client,
    load=_load,
    make_request_forms=_make_request_forms,
    extra="openai",
    environment=("OPENAI_API_KEY", "OPENAI_BASE_URL"),
    documented_facts=documented_facts,
    price_table="openai",
    ability_table="openai",
    token_costs=_TOKEN_COSTS,
    tool_names=_tool_names,
    tool_search=tool_search,
)

AZURE_OPENAI = Provider(
    config=AzureOpenAI,
    open_client=_open_azure_client,
    load=_load,
    make_request_forms=_make_azure_request_forms,
    extra="openai",
    environment=("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_ENDPOINT"),
    model_field="deployment",
    documented_facts=documented_facts,
    aliases=("azure",),
    price_table="azure",
    ability_table="azure",
    token_costs=_TOKEN_COSTS,
    tool_names=_azure_tool_names,
    tool_search=tool_search,
)
