"""The registry entry of Google."""

import math

from ..schema.client import Client
from ..schema.config import RequestForms
from ..schema.facts import ModelFacts
from ..schema.provider import Provider, TokenCosts
from ..schema.tools import ToolNames
from .config import Google
from .models import gemini_rules


def _load() -> object:
    from . import client

    return client


def _open_client(config: Google) -> Client:
    from .client import GoogleClient

    return GoogleClient(config)


def _make_request_forms(config: Google) -> RequestForms:
    from .endpoint.request_forms import request_forms

    return request_forms(config)


def _documented_facts(config: Google) -> ModelFacts:
    return gemini_rules(config.model, bool(config.vertex)).facts


def _image_tokens_by_crops(width: int, height: int) -> int:
    """https://ai.google.dev/gemini-api/docs/tokens: 258 where both sides are at most 384, and for each tile of 768."""
    if max(width, height) <= 384:
        return 258
    unit = max(256, min(768, int(min(width, height) / 1.5)))
    return 258 * math.ceil(width / unit) * math.ceil(height / unit)


def _tool_names(config: Google) -> ToolNames:
    from .rules import TOOL_NAMES

    del config
    return TOOL_NAMES


GOOGLE = Provider(
    config=Google,
    open_client=_open_client,
    load=_load,
    make_request_forms=_make_request_forms,
    extra="google",
    environment=(
        "GOOGLE_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_GEMINI_BASE_URL",
        "GOOGLE_VERTEX_BASE_URL",
    ),
    aliases=("gemini",),
    documented_facts=_documented_facts,
    price_table="google",
    ability_table="google",
    token_costs=TokenCosts(
        # From recorded exchanges.
        request=0,
        message=1.5,
        tools=0,
        tool=4,
        schema_bytes_per_token=7,
        page=258,  # https://ai.google.dev/gemini-api/docs/document-processing
        image=_image_tokens_by_crops,
    ),
    tool_names=_tool_names,
)
