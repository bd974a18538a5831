"""Endpoints of current models: the real bodies of requests to them, the rules for these, and made-up thinking."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import msgspec
from validators import anthropic as anthropic_rules
from validators import bedrock as bedrock_rules
from validators import chat as chat_validator
from validators import cohere as cohere_validator
from validators import google as google_validator
from validators import responses as responses_validator
from validators.bedrock_models import as_messages_request

from rayconteur.providers.anthropic import requests as anthropic_requests
from rayconteur.providers.anthropic.compaction import compaction_body
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.anthropic.endpoint.headers import request_headers
from rayconteur.providers.anthropic.facts import documented_facts
from rayconteur.providers.bedrock import requests as bedrock_requests
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.bedrock.dialect import Dialect as BedrockDialect
from rayconteur.providers.cohere import requests as cohere_requests
from rayconteur.providers.cohere import rules as cohere_rules
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google import requests as google_requests
from rayconteur.providers.google import rules as google_rules
from rayconteur.providers.google.config import Google
from rayconteur.providers.models import with_model_facts
from rayconteur.providers.openai.chat import requests as chat_requests
from rayconteur.providers.openai.client import dialect_of
from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.openai.responses import compaction as responses_compaction
from rayconteur.providers.openai.responses import requests as responses_requests
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.deltas import BlockEnded, Delta, OpaqueReceived, ThinkingDelta, ThinkingSigned
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Request

KEY = "sk-not-a-real-key"
NARROW = ModelFacts(context_limit_tokens=6_000)
Json = dict[str, Any]
_Config = TypeVar("_Config", Anthropic, Bedrock, Cohere, Google, OpenAI)


@dataclass(frozen=True)
class Endpoint:
    """A model at one account: the body of a request as JSON, and the rules that it breaks.

    *compaction* is the body of a request to compact, where the API has that. *bound* is the body as Claude's check of
    what precedes thinking sees it, for models that have the check.
    """

    config: ProviderConfig
    body: Callable[[Request], bytes]
    violations: Callable[[Json], list[str]]
    compaction: Callable[[Request, str | None], bytes] | None = None
    bound: Callable[[Json], Json] | None = None

    def compacted(self, signature: str) -> Json:
        """The block that stands for compacted messages."""
        if isinstance(self.config, OpenAI):
            return {"type": "compaction", "id": f"cmp_{signature}", "encrypted_content": signature}
        return {"type": "compaction", "content": "They spoke about ravens.", "signature": signature}

    def sealed(self, index: int, signature: str, *, redacted: bool) -> Iterator[Delta]:
        """The deltas of thinking, from the block *index* on, that only this endpoint can read."""
        match self.config:
            case OpenAI(api="chat"):
                yield ThinkingDelta(index, "hm")
            case OpenAI():
                item = {"id": f"rs_{signature}", "encrypted_content": signature}
                yield ThinkingDelta(index, "hm")
                yield ThinkingSigned(index, msgspec.json.encode(item).decode())
            case Google():
                json = msgspec.json.encode({"thoughtSignature": signature})
                yield OpaqueReceived(index, "thought_signature", json)
            case Cohere():
                yield ThinkingDelta(index, "hm")
            case _ if redacted:
                yield ThinkingSigned(index, signature, redacted=True)
            case _:
                yield ThinkingDelta(index, "")
                yield ThinkingSigned(index, signature)
        yield BlockEnded(index)


def anthropic(model: str, key: str = KEY) -> Endpoint:
    config = _resolved(Anthropic(model=model, api_key=key, facts=NARROW))
    dialect = anthropic_requests.Dialect(model, config.facts.or_else(documented_facts(config)), config.source)
    return Endpoint(
        config,
        partial(anthropic_requests.body, dialect=dialect, streaming=True),
        partial(anthropic_rules.violations, headers=request_headers(config, dialect)),
        lambda request, instructions: compaction_body(request, dialect, instructions),
        dict if dialect.facts.binds_thinking else None,
    )


def bedrock(model: str) -> Endpoint:
    account = Bedrock(model=model, region="us-east-1", access_key_id="AKIDEXAMPLE", secret_access_key=KEY, facts=NARROW)
    config = _resolved(account)
    dialect = BedrockDialect.of(config)
    return Endpoint(
        config,
        partial(bedrock_requests.body, dialect=dialect),
        partial(bedrock_rules.violations, model=model),
        bound=partial(as_messages_request, model=model) if dialect.facts.binds_thinking else None,
    )


def google(model: str) -> Endpoint:
    config = _resolved(Google(model=model, api_key=KEY, facts=NARROW))
    dialect = google_rules.Dialect(model, False, config.facts, config.source)
    return Endpoint(
        config, partial(google_requests.body, dialect=dialect), partial(google_validator.violations, model=model)
    )


def chat(model: str) -> Endpoint:
    config = _resolved(OpenAI(model=model, api_key=KEY, api="chat", facts=NARROW))
    dialect = dialect_of(config, ("chat",), own=True)
    return Endpoint(config, partial(chat_requests.body, dialect=dialect, streaming=True), chat_validator.violations)


def openai(model: str) -> Endpoint:
    config = _resolved(OpenAI(model=model, api_key=KEY, api="responses", facts=NARROW))
    dialect = replace(dialect_of(config, ("responses",), own=True), api="responses")
    return Endpoint(
        config,
        partial(responses_requests.body, dialect=dialect, streaming=True),
        responses_validator.violations,
        lambda request, instructions: responses_compaction.compaction_body(request, dialect, instructions),
    )


def cohere(model: str) -> Endpoint:
    config = _resolved(Cohere(model=model, api_key=KEY, facts=NARROW))
    dialect = cohere_rules.Dialect(model, config.facts)
    return Endpoint(config, partial(cohere_requests.body, dialect=dialect, streaming=True), cohere_validator.violations)


def current_endpoints() -> Mapping[str, Endpoint]:
    """Endpoints of this autumn's models, by a name for tests."""
    return {
        "opus": anthropic("claude-opus-5-5"),
        "opus of another account": anthropic("claude-opus-5-5", "sk-another-key"),
        "fable": anthropic("claude-fable-5-1"),
        "sonnet": anthropic("claude-sonnet-5-5"),
        "older opus": anthropic("claude-opus-4-6"),
        "opus on bedrock": bedrock("global.anthropic.claude-opus-5-5"),
        "nova": bedrock("us.amazon.nova-2-lite-v1:0"),
        "gemini": google("gemini-3.8-flash"),
        "older gemini": google("gemini-3.1-pro-preview"),
        "gpt": openai("gpt-6-sol"),
        "older gpt": openai("gpt-5.6-sol"),
        "gpt by chat": chat("gpt-5.4"),
        "command": cohere("command-a-plus-05-2026"),
    }


def _resolved(config: _Config) -> _Config:
    return with_model_facts(config.resolved({}))
