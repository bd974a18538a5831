"""Recorded requests of Amazon Bedrock's Converse."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
from recorded_requests.expression import Expression, Members, NotExpressible, Recorded, messages, system_text
from recorded_requests.json_values import JSON
from recorded_requests.media import media_bytes

_NUMBERS = {"max_output_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}
_MODES = {"any": "required", "auto": "auto", "tool": "tool"}
_OFFICE = "application/vnd.openxmlformats-officedocument"
_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
    **{name: f"image/{name}" for name in ("png", "jpeg", "gif", "webp")},
}


def read(recorded: Recorded) -> Expression:
    """*recorded* as settings and messages."""
    body = Members(recorded.body)
    model = unquote(recorded.path.partition("/model/")[2].partition("/")[0])
    inference = Members(body.take("inferenceConfig", {}))
    extra = body.extra("additionalModelResponseFieldPaths") or {}
    fields, own = _model_fields(body.take("additionalModelRequestFields", {}))
    if own:
        extra["additionalModelRequestFields"] = own
    output, more = _output(Members(body.take("outputConfig", {})))
    if more:
        extra["outputConfig"] = more
    settings = Settings(
        **inference.renamed(_NUMBERS),
        **fields,
        **output,
        system=system_text(block for block in body.take("system", []) if "text" in block),
        stop_sequences=tuple(inference.take("stopSequences", ())),
        **_tools(body.take("toolConfig", {})),
        prompt_caching="cachePoint" in str(recorded.body),
        streaming=recorded.path.endswith("converse-stream"),
    )
    guardrail = _guardrail(Members(body.take("guardrailConfig", {})))
    turns = [(Role(turn["role"]), list(_blocks(turn["content"]))) for turn in body.take("messages")]
    inference.end("inferenceConfig")
    body.end("body")
    return Expression(Bedrock(model=model, **guardrail, extra_body=extra or None), settings, messages(turns))


def _model_fields(given: JSON) -> tuple[JSON, JSON]:
    """The settings that *given*, in the form of the model's maker, are, and the fields that are none."""
    fields: JSON = {}
    own: JSON = {}
    for name, value in given.items():
        match name, value:
            case "thinking", {"type": "enabled", "budget_tokens": budget}:
                fields["thinking"] = Reasoning(budget_tokens=budget)
            case "thinking", {"type": "adaptive"}:
                fields["thinking"] = Reasoning(effort=given.get("output_config", {}).get("effort"))
            case "output_config", {"effort": effort}:
                fields["thinking"] = Reasoning(effort=effort)
            case "reasoningConfig", {"type": "enabled", "maxReasoningEffort": effort}:
                fields["thinking"] = Reasoning(effort=effort)
            case (("reasoning_effort" | "reasoning_config"), str(effort)):
                fields["thinking"] = Reasoning(effort=effort)  # type: ignore[arg-type]  # checked later
            case "top_k", int(limit):
                fields["top_k"] = limit
            case "inferenceConfig", {"topK": limit}:
                fields["top_k"] = limit
            case _:
                own[name] = value
    return fields, own


def _guardrail(config: Members) -> JSON:
    names = {"id": "guardrailIdentifier", "version": "guardrailVersion", "trace": "trace"}
    fields = config.renamed({f"guardrail_{ours}": theirs for ours, theirs in names.items()})
    config.end("guardrailConfig")
    return fields


def _output(config: Members) -> tuple[JSON, JSON | None]:
    """The schema of the answer, and what else is said about it."""
    wanted = config.take("textFormat")
    config.end("outputConfig")
    if wanted is None:
        return {}, None
    schema = Members(wanted["structure"]["jsonSchema"])
    text, described = schema.take("schema"), schema.extra("name", "description")
    schema.end("jsonSchema")
    more = {"textFormat": {"structure": {"jsonSchema": described}}} if described else None
    return {"output_schema": json.loads(text)}, more


def _tools(config: JSON) -> JSON:
    choice: JSON = config.get("toolChoice") or {}
    return {
        "tools": tuple(_tool(tool) for tool in config.get("tools", ()) if "cachePoint" not in tool),
        "tool_choice": next((_tool_choice(kind, value) for kind, value in choice.items()), None),
    }


def _tool_choice(kind: str, value: JSON) -> ToolChoice:
    mode: Any = _MODES[kind]
    return ToolChoice(mode=mode, name=value.get("name"))


def _tool(tool: JSON) -> Tool | ProviderTool:
    if "toolSpec" not in tool:
        return ProviderTool(provider="bedrock", definition=tool)
    spec = Members(tool["toolSpec"])
    read = Tool(
        name=spec.take("name"),
        description=spec.take("description", ""),
        input_schema=spec.take("inputSchema")["json"],
        strict=spec.take("strict", False),
    )
    spec.end("toolSpec")
    return read


def _blocks(content: list[JSON]) -> Iterator[Block]:
    for block in content:
        [(kind, value)] = block.items()
        if kind != "cachePoint":
            yield _block(kind, value)


def _block(kind: str, value: Any) -> Block:
    match kind:
        case "text":
            return Text(text=value)
        case "image" | "document":
            return _media(kind, Members(value))
        case "toolUse":
            return ToolUse(id=value["toolUseId"], name=value["name"], input=value["input"])
        case "toolResult":
            return _tool_result(value)
        case "reasoningContent" if "redactedContent" in value:
            return Thinking(text="", provider="bedrock", signature=value["redactedContent"], redacted=True)
        case "reasoningContent":
            text = value["reasoningText"]
            return Thinking(text=text["text"], provider="bedrock", signature=text.get("signature"))
        case _:
            return Opaque(provider="bedrock", type=kind, json=msgspec.json.encode({kind: value}))


def _tool_result(result: JSON) -> ToolResult:
    structured = None
    parts: list[Text | Image | Document] = []
    for part in result["content"]:
        [(kind, value)] = part.items()
        if kind == "json":
            structured = value
        elif isinstance(block := _block(kind, value), Text | Image | Document):
            parts.append(block)
        else:
            raise NotExpressible(f"a tool result with {kind}")
    is_error = result.get("status") == "error"
    return ToolResult(tool_use_id=result["toolUseId"], content=tuple(parts), is_error=is_error, structured=structured)


def _media(kind: str, media: Members) -> Image | Document:
    source = media.take("source")
    fields: JSON = {"media_type": _TYPES.get(media.take("format"))}
    match source:
        case {"bytes": str(data)}:
            fields["data"] = media_bytes(data)
        case {"text": str(text)}:
            fields["data"] = text.encode()
        case {"s3Location": {"uri": str(url)}}:
            fields["url"] = url
        case _:
            raise NotExpressible(f"{kind} by {next(iter(source))}")
    if kind == "image":
        return Image(**fields)
    citations = Members(media.take("citations", {}))
    return Document(**fields, name=media.take("name"), cite=citations.take("enabled", False))
