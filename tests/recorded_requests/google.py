"""Recorded requests of Google's generateContent, at the Gemini API and at Vertex AI."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rayconteur.providers.google.config import Google
from rayconteur.providers.google.events import SIGNATURE
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
from recorded_requests.expression import Expression, Members, NotExpressible, Recorded, messages, system_text
from recorded_requests.harmless_google import camel_case, json_schema
from recorded_requests.json_values import JSON
from recorded_requests.media import media_bytes

_FLOATS = {
    "temperature": "temperature",
    "top_p": "topP",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_INTEGERS = {"top_k": "topK", "max_output_tokens": "maxOutputTokens", "seed": "seed"}
_MODES = {"ANY": "required", "AUTO": "auto", "NONE": "none", "VALIDATED": "validated"}
_EXTRA_CONFIG = ("responseLogprobs", "logprobs")
_model = re.compile(r"/models/([^/:?]+)")
_json = msgspec.json.encode


def read_gemini(recorded: Recorded) -> Expression:
    """A request to the Gemini API as settings and messages."""
    return _read(recorded, vertex=False)


def read_vertex(recorded: Recorded) -> Expression:
    """A request to Vertex AI as settings and messages."""
    return _read(recorded, vertex=True)


def _read(recorded: Recorded, vertex: bool) -> Expression:
    body = Members(camel_case(recorded.body))
    found = _model.search(recorded.path)
    assert found
    config = Members(body.take("generationConfig", {}))
    extra = body.extra("modelArmorConfig") or {}
    if more := config.extra(*_EXTRA_CONFIG):
        extra["generationConfig"] = more
    choice, tool_config = _tool_config(Members(body.take("toolConfig", {})))
    if tool_config:
        extra["toolConfig"] = tool_config
    integers: JSON = {name: int(value) for name, value in config.renamed(_INTEGERS).items()}
    instruction: JSON = body.take("systemInstruction", {})
    settings = Settings(
        **config.renamed(_FLOATS),
        **integers,
        system=system_text(instruction.get("parts", [])),
        stop_sequences=tuple(config.take("stopSequences", ())),
        tools=tuple(_tools(body)),
        tool_choice=choice,
        output_schema=_schema(config),
        thinking=_thinking(config.take("thinkingConfig")),
        streaming="streamGenerateContent" in recorded.path,
    )
    if config.take("responseModalities", ["TEXT"]) != ["TEXT"]:
        raise NotExpressible("other modalities than text")
    safety = body.take("safetySettings")
    provider = Google(
        model=found[1],
        vertex=vertex,
        safety_settings=tuple(safety) if safety else None,
        labels=body.take("labels"),
        extra_body=extra or None,
    )
    contents = list(_turns(body.take("contents")))
    config.end("generationConfig")
    body.end("body")
    return Expression(provider, settings, messages(contents))


def _schema(config: Members) -> JSON | None:
    schema = config.take("responseJsonSchema") or json_schema(config.take("responseSchema"))
    if schema is None and config.take("responseMimeType", "text/plain") != "text/plain":
        raise NotExpressible("JSON without a schema")
    config.taken.add("responseMimeType")
    found: JSON | None = schema
    return found


def _thinking(given: JSON | None) -> Reasoning | None:
    if given is None:
        return None
    thinking = Members(given)
    level, budget = thinking.take("thinkingLevel"), thinking.take("thinkingBudget")
    show = thinking.take("includeThoughts", False)
    thinking.end("thinkingConfig")
    if budget == 0:
        return Reasoning(effort="none")
    return Reasoning(effort=level.lower() if level else None, budget_tokens=budget, show=show)


def _tools(body: Members) -> Iterator[Tool | ProviderTool]:
    for tool in body.take("tools", ()):
        for kind, value in tool.items():
            if kind == "functionDeclarations":
                yield from map(_function, value)
            else:
                yield ProviderTool(provider="google", definition={kind: value})


def _function(function: JSON) -> Tool:
    members = Members(function)
    schema = members.take("parametersJsonSchema") or json_schema(members.take("parameters"))
    given = {} if schema is None else {"input_schema": schema}
    read = Tool(name=members.take("name"), description=members.take("description", ""), **given)
    members.end("functionDeclaration")
    return read


def _tool_config(config: Members) -> tuple[ToolChoice | None, JSON | None]:
    """The tool choice, and the other members of *config*."""
    extra = config.extra("includeServerSideToolInvocations", "retrievalConfig")
    calling = Members(config.take("functionCallingConfig", {}))
    config.end("toolConfig")
    names = tuple(calling.take("allowedFunctionNames", ()))
    mode: Any = _MODES[calling.take("mode", "AUTO")]
    calling.end("functionCallingConfig")
    if not calling.values:
        return None, extra
    if mode == "required" and len(names) == 1:
        return ToolChoice(mode="tool", name=names[0]), extra
    return ToolChoice(mode=mode, allowed=names), extra


def _turns(contents: list[JSON]) -> Iterator[tuple[Role, list[Block]]]:
    calls = _Calls()
    for content in contents:
        role = content.get("role", "user")
        if role not in ("user", "model"):
            raise NotExpressible(f"an invalid request: the role {role}")
        blocks = [block for part in content["parts"] for block in _part(Members(part), calls)]
        yield Role.ASSISTANT if role == "model" else Role.USER, blocks


@dataclass
class _Calls:
    """Function calls without their responses, by name and id. Those without an id get one."""

    pending: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    count: int = 0

    def add(self, name: str, given: str | None) -> str:
        """The id of a new call of *name*."""
        self.count += 1
        self.pending.append((name, given or f"call_{self.count}"))
        return self.pending[-1][1]

    def answered(self, name: str, given: str | None) -> str:
        """The id of the call that a response answers."""
        fits = (call for call in self.pending if call[1] == given or (given is None and call[0] == name))
        if (call := next(fits, None)) is None:
            raise NotExpressible("a function response without its call")
        self.pending.remove(call)
        return call[1]


def _part(part: Members, calls: _Calls) -> Iterator[Block]:
    signature, is_thought = part.take("thoughtSignature"), part.take("thought")
    kind = next((name for name in part.values if name not in part.taken), "text")
    value = part.take(kind, "")
    part.end(f"{kind} part")
    if is_thought:
        yield Thinking(text=value, provider="google", signature=signature)
        return
    match kind:
        case "text":
            yield Text(text=value)
        case "inlineData" | "fileData":
            yield _media(Members(value))
        case "functionCall":
            yield ToolUse(id=calls.add(value["name"], value.get("id")), name=value["name"], input=value.get("args", {}))
        case "functionResponse":
            yield _tool_result(Members(value), calls)
        case _:
            yield Opaque(provider="google", type=kind, json=_json(part.values))
            return
    if signature:
        yield Opaque(provider="google", type=SIGNATURE, json=_json({"thoughtSignature": signature}))


def _tool_result(result: Members, calls: _Calls) -> ToolResult:
    use_id = calls.answered(result.take("name"), result.take("id"))
    response = result.take("response")
    media = tuple(_media(Members(next(iter(part.values())))) for part in result.take("parts", []))
    result.end("functionResponse")
    match response:
        case {"output": str(text), **rest} if not rest:
            return ToolResult(tool_use_id=use_id, content=(Text(text=text), *media) if text else media)
        case {"error": str(text), **rest} if not rest:
            return ToolResult(tool_use_id=use_id, content=(Text(text=text), *media) if text else media, is_error=True)
        case _:
            return ToolResult(tool_use_id=use_id, content=media, structured=response)


def _media(source: Members) -> Image | Document:
    media_type = source.take("mimeType", "")
    data, url = source.take("data"), source.take("fileUri")
    source.end("media")
    if media_type.startswith(("audio/", "video/")):
        raise NotExpressible(f"media of type {media_type}")
    kind = Image if media_type.startswith("image/") else Document
    fields: dict[str, Any] = {"data": media_bytes(data)} if data is not None else {"url": url}
    return kind(media_type=media_type or None, **fields)
