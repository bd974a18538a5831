"""Compaction of a history by the API, on demand.

https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand
"""

from functools import partial
from typing import Any

import msgspec

from ..schema.checks.shown import short_name
from ..schema.content import Opaque, is_blank
from ..schema.draft import Answer
from ..schema.errors import ContextOverflow, InvalidConfig, InvalidRequest
from ..schema.request import Request
from ..schema.stop_reasons import StopReason
from .errors import PROVIDER
from .requests import Dialect, body

_COMPACTION = "compaction"
_INSTRUCTIONS_CHARS = 16_384
# What the API rejects in such a request, and fallbacks: a refused summary is left to other strategies.
_LEFT_OUT = ("stop_sequences", "context_management", "fallbacks")
_LEFT_OUT_OUTPUT_CONFIG = ("format", "task_budget")
_FORCED = ("any", "tool")


def check_compaction(dialect: Dialect, instructions: str | None) -> None:
    """Reject what the API can't do.

    Raises:
        InvalidConfig: it has no compaction for the model or at this endpoint, or the instructions are too long.
    """
    if not dialect.facts.compacts:
        raise InvalidConfig(
            "compaction", f"the API does not compact histories for {short_name(dialect.model)} at this endpoint"
        )
    if instructions is not None and len(instructions) > _INSTRUCTIONS_CHARS:
        raise InvalidConfig("compaction", f"Anthropic accepts instructions of up to {_INSTRUCTIONS_CHARS} characters")


def compaction_body(request: Request, dialect: Dialect, instructions: str | None) -> bytes:
    """The body that asks for a summary of the messages of *request*: streamed, so that silence is not taken for an end.

    The limit of answers does not apply: thinking counts as output, and a summary that is cut short is none.
    """
    settings = msgspec.structs.replace(request.settings, max_output_tokens=None)
    asked = Request(request.number, request.messages, settings, request.memo, request.prompts)
    return body(asked, dialect, streaming=True, finish=partial(_compacting, instructions=instructions))


def summary(answer: Answer) -> Answer:
    """*answer* with the summary alone.

    Raises:
        ContextOverflow: the messages leave no room for one.
        InvalidRequest: the model wrote none, because it refused or for another reason.
    """
    blocks = tuple(block for block in answer.content if isinstance(block, Opaque) and block.type == _COMPACTION)
    if blocks and answer.raw_stop_reason == _COMPACTION:
        return msgspec.structs.replace(answer, content=blocks)
    kind = ContextOverflow if answer.stop_reason is StopReason.CONTEXT_FULL else InvalidRequest
    problem = f"no summary: the model stopped with {answer.raw_stop_reason!r}"
    raise kind(problem, PROVIDER, vendor_code=answer.raw_stop_reason, details=answer.stop_details)


def _compacting(head: dict[str, Any], instructions: str | None) -> dict[str, Any]:
    compaction = {"type": "summarize"}
    if instructions and not is_blank(instructions):
        compaction["instructions"] = instructions
    kept = {name: value for name, value in head.items() if name not in _LEFT_OUT}
    if kept.get("tool_choice", {}).get("type") in _FORCED:
        del kept["tool_choice"]
    output_config = kept.pop("output_config", {})
    if kept_config := {name: value for name, value in output_config.items() if name not in _LEFT_OUT_OUTPUT_CONFIG}:
        kept["output_config"] = kept_config
    return {**kept, _COMPACTION: compaction}
