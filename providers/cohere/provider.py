"""The registry entry of Cohere."""

from ..schema.client import Client
from ..schema.config import RequestForms
from ..schema.facts import ModelFacts
from ..schema.provider import Provider, TokenCosts
from .config import Cohere
from .models import cohere_rules


def _load() -> object:
    from . import client

    return client


def _open_client(config: Cohere) -> Client:
    from .client import CohereClient

    return CohereClient(config)


def _documented_facts(config: Cohere) -> ModelFacts:
    return cohere_rules(config.model).facts


def _make_request_forms(config: Cohere) -> RequestForms:
    from .request_forms import request_forms

    return request_forms(config)


COHERE = Provider(
    config=Cohere,
    open_client=_open_client,
    load=_load,
    make_request_forms=_make_request_forms,
    extra="cohere",
    environment=("CO_API_KEY", "CO_API_URL"),
    documented_facts=_documented_facts,
    price_table="cohere",
    ability_table="cohere",
    # From recorded exchanges: Cohere puts long instructions of its own before a request, and more before tools.
    token_costs=TokenCosts(request=200, message=8, tools=800, tool=40, schema_bytes_per_token=3.4),
)
