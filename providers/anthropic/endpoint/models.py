"""The models endpoint: what the API itself says about a model.

https://platform.claude.com/docs/en/api/models/retrieve
"""

from asyncio import to_thread
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta

from ...schema.errors import ProtocolError
from ...schema.facts import ModelFacts
from ...transport.connections.http_session import HTTPSession
from ...transport.fault_bodies import read_fault
from ...transport.fetch import fetch
from ...transport.form_sender import FormSender
from ..config import Anthropic
from ..errors import FAULTS, PROVIDER
from .authority import authority_of
from .headers import COMPACTION

_ADDRESS = "https://api.anthropic.com"
_VERSION = "2026-10-21"
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_THINKING_TYPES = ("adaptive", "enabled", "disabled", "between_tools")
_OFF = ("disabled", "between_tools")

_Tokens = Annotated[int, Meta(gt=0, le=2**53)]


class _Ability(msgspec.Struct):
    supported: bool


class _Effort(_Ability):
    low: _Ability | None = None
    medium: _Ability | None = None
    high: _Ability | None = None
    xhigh: _Ability | None = None
    max: _Ability | None = None


class _Thinking(_Ability):
    types: dict[str, _Ability | None] = {}


class _Compaction(_Ability):
    summarize: _Ability | None = None


class _Capabilities(msgspec.Struct):
    image_input: _Ability | None = None
    pdf_input: _Ability | None = None
    structured_outputs: _Ability | None = None
    effort: _Effort | None = None
    thinking: _Thinking | None = None
    compaction: _Compaction | None = None


class _Model(msgspec.Struct):
    id: str
    max_input_tokens: _Tokens | None = None
    max_tokens: _Tokens | None = None
    capabilities: _Capabilities | None = None


_model = msgspec.json.Decoder(_Model).decode


async def served_facts(config: Anthropic) -> ModelFacts:
    """What the models endpoint of *config*, resolved, says about its model.

    Raises:
        Exception: it can't be reached, or its answer can't be read.
    """
    # The chain of AWS's credentials reads files and may ask other services.
    authority = await to_thread(authority_of, config) if config.aws else None
    headers = {
        "anthropic-version": _VERSION,
        "anthropic-beta": ",".join(dict.fromkeys((COMPACTION, *config.betas))),
        **({} if authority else {"authorization": f"Bearer {config.api_key}"}),
        **(config.extra_headers or {}),
    }
    url = f"{(config.base_url or _ADDRESS).rstrip('/')}/v1/models/{quote(config.model, safe='')}"
    sender = FormSender(HTTPSession(config.connect_timeout_s, config.idle_timeout_s), authority)
    try:
        status, body = await fetch(sender, url, headers)
    finally:
        await sender.aclose()
    if status != 200:
        raise FAULTS.error(read_fault(body), status)
    return facts_in(body)


def facts_in(body: bytes) -> ModelFacts:
    """The facts in *body*, an answer of the endpoint. What it does not tell stays unknown.

    Raises:
        ProtocolError: it is no such answer.
    """
    try:
        model = _model(body)
    except (ValueError, RecursionError) as problem:
        raise ProtocolError(f"the answer of the models endpoint can't be read: {problem}", PROVIDER) from None
    abilities = model.capabilities or _Capabilities()
    thinking, compaction = abilities.thinking, abilities.compaction
    types = None if thinking is None else _thinking_types(thinking)
    return ModelFacts(
        context_limit_tokens=model.max_input_tokens,
        output_limit_tokens=model.max_tokens,
        takes_images=_is_supported(abilities.image_input),
        takes_documents=_is_supported(abilities.pdf_input),
        fits_schemas=_is_supported(abilities.structured_outputs),
        thinks=_is_supported(thinking),
        thinking_types=types,
        efforts=_efforts(abilities.effort, types),
        compacts=None if compaction is None else compaction.supported and _is_supported(compaction.summarize) is True,
    )


def _is_supported(ability: _Ability | None) -> bool | None:
    return None if ability is None else ability.supported


def _thinking_types(thinking: _Thinking) -> tuple[str, ...]:
    """The forms in which thinking is requested; a model that does not think has none, though it takes ``disabled``."""
    if not thinking.supported:
        return ()
    return tuple(name for name in _THINKING_TYPES if _is_supported(thinking.types.get(name)))


def _efforts(effort: _Effort | None, types: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The levels of effort, with ``none`` where thinking can be off."""
    if effort is None or types is None:
        return None
    levels = [name for name in _EFFORTS if effort.supported and _is_supported(getattr(effort, name))]
    can_be_off = not types or any(name in types for name in _OFF)
    return ("none", *levels) if can_be_off else tuple(levels)
