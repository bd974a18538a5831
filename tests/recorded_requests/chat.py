"""Recorded requests of Chat Completions, at OpenAI and at Azure."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.schema.config import HTTPConfig
from rayconteur.providers.schema.content import Block, Document, Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
from recorded_requests.expression import Expression, Members, NotExpressible, Recorded, messages
from recorded_requests.json_values import JSON, json_object
from recorded_requests.media import url_source

_NUMBERS = {name: name for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")}
_OPTIONS = {name: name for name in ("verbosity", "prompt_cache_key", "service_tier", "user", "metadata")}
_LIMITS = ("max_completion_tokens", "max_tokens")
_EXTRA = ("n", "logprobs", "moderation", "web_search_options", "functions", "function_call")


def read_openai(recorded: Recorded) -> Expression:
    """A request to OpenAI as settings and messages."""
    body = Members(recorded.body)
    return _read(body, OpenAI(model=body.take("model"), api="chat", extra_body=_extra(body)))


def read_azure(recorded: Recorded) -> Expression:
    """A request to Azure as settings and messages."""
    body = Members(recorded.body)
    body.take("model")
    url = urlsplit(recorded.path)
    deployment = url.path.partition("/deployments/")[2].partition("/")[0] or body.values["model"]
    [version] = parse_qs(url.query)["api-version"]
    return _read(body, AzureOpenAI(deployment=deployment, api="chat", api_version=version, extra_body=_extra(body)))


def _read(body: Members, config: HTTPConfig) -> Expression:
    turns: list[JSON] = body.take("messages")
    effort = body.take("reasoning_effort")
    limits = [limit for name in _LIMITS if (limit := body.take(name)) is not None]
    body.taken.add("stream_options")
    system = _system_text(turns.pop(0)) if (turns := list(turns))[0]["role"] in ("system", "developer") else None
    settings = Settings(
        **body.renamed(_NUMBERS),
        **body.renamed(_OPTIONS),
        system=system,
        max_output_tokens=limits[0] if limits else None,
        stop_sequences=_stop_sequences(body),
        tools=tuple(_tool(tool) for tool in body.take("tools", ())),
        tool_choice=_tool_choice(body),
        output_schema=_schema(body),
        thinking=Reasoning(effort=effort) if effort else None,
        streaming=body.take("stream", False),
    )
    body.end("body")
    return Expression(config, settings, messages((_role(turn), list(_blocks(turn))) for turn in turns))


def _extra(body: Members) -> JSON | None:
    """The members for ``extra_body``, JSON without a schema among them."""
    form: JSON = body.values.get("response_format") or {}
    mode = {"response_format": form} if form.get("type") == "json_object" else {}
    return {**(body.extra(*_EXTRA) or {}), **mode} or None


def _system_text(turn: JSON) -> str:
    parts = turn["content"]
    return parts if isinstance(parts, str) else "\n".join(part["text"] for part in parts)


def _stop_sequences(body: Members) -> tuple[str, ...]:
    given = body.take("stop", ())
    return (given,) if isinstance(given, str) else tuple(given)


def _tool(tool: JSON) -> Tool | ProviderTool:
    if tool["type"] != "function":
        return ProviderTool(provider="openai", definition=tool)
    members = Members(tool["function"])
    schema = members.renamed({"input_schema": "parameters"})
    read = Tool(
        name=members.take("name"),
        description=members.take("description", ""),
        strict=members.take("strict", False),
        **schema,
    )
    members.end("function")
    return read


def _tool_choice(body: Members) -> ToolChoice | None:
    choice, parallel = body.take("tool_choice"), body.take("parallel_tool_calls", True)
    if choice is None and parallel:
        return None
    if named := json_object(choice):
        return ToolChoice(mode="tool", name=named["function"]["name"], parallel=parallel)
    return ToolChoice(mode=choice or "auto", parallel=parallel)


def _schema(body: Members) -> JSON | None:
    """The schema that the answer has to match."""
    wanted = Members(body.take("response_format", {"type": "text"}))
    match wanted.take("type"):
        case "text" | "json_object":
            return None
        case "json_schema":
            schema = Members(wanted.take("json_schema"))
            schema.taken |= {"name", "strict"}
            found: JSON = schema.take("schema")
            schema.end("json_schema")
            return found
        case kind:
            raise NotExpressible(f"response_format {kind}")


def _role(turn: JSON) -> Role:
    match turn["role"]:
        case "user" | "tool":
            return Role.USER
        case "assistant":
            return Role.ASSISTANT
        case "system" | "developer":
            raise NotExpressible("a system message after the first message")
        case role:
            raise NotExpressible(f"messages of the role {role}")


def _blocks(turn: JSON) -> Iterator[Block]:
    message = Members(turn)
    role, content, calls = message.take("role"), message.take("content", []), message.take("tool_calls", [])
    parts = [_part(part) for part in ([{"type": "text", "text": content}] if isinstance(content, str) else content)]
    if role == "tool":
        yield ToolResult(tool_use_id=message.take("tool_call_id"), content=tuple(parts))
    else:
        yield from parts
    for call in calls:
        yield ToolUse(id=call["id"], name=call["function"]["name"], input=tool_input(call["function"]["arguments"]))
    message.taken |= {name for name, value in turn.items() if value == []}
    message.end(f"{role} message")


def tool_input(arguments: str) -> JSON:
    """The object that *arguments*, JSON text, are.

    Raises:
        NotExpressible: they are something else.
    """
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        value = None
    if (found := json_object(value)) is None:
        raise NotExpressible("the arguments of a tool call are no object")
    return found


def _part(part: JSON) -> Text | Image | Document:
    members = Members(part)
    kind = members.take("type")
    value: Any = members.take(kind)
    members.end(f"part of type {kind}")
    match kind, value:
        case "text", str():
            return Text(text=value)
        case "image_url", {"url": str(url)}:
            image = Members(value)
            image.taken.add("url")
            detail = image.take("detail")
            image.end("image_url")
            return Image(**url_source(url), detail=detail)
        case "file", {"file_data": str(url)}:
            return Document(name=value.get("filename"), **url_source(url))
        case _:
            raise NotExpressible(f"a part of type {kind}, as {type(value).__name__}")
