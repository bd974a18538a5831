"""Recorded requests of the Responses API, at OpenAI and at Azure."""

from collections.abc import Iterator

import msgspec

from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.custom_tools import MARK, CallMark
from rayconteur.providers.openai.responses.events import PHASE, Sealed
from rayconteur.providers.schema.config import HTTPConfig
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
from recorded_requests.chat import tool_input
from recorded_requests.expression import Expression, Members, NotExpressible, Recorded, messages
from recorded_requests.json_values import JSON
from recorded_requests.media import url_source

_NUMBERS = {name: name for name in ("temperature", "top_p", "max_output_tokens")}
_OPTIONS = {name: name for name in ("prompt_cache_key", "service_tier", "user", "metadata")}
_EXTRA = ("background", "conversation", "previous_response_id", "prompt", "truncation")
_SYSTEM = ("system", "developer")
_json = msgspec.json.encode
_Turn = tuple[Role, list[Block]]


def read_openai(recorded: Recorded) -> Expression:
    """A request to OpenAI as settings and messages."""
    body = Members(recorded.body)
    model, options, extra = body.take("model"), _reasoning_options(body), _extra(body)
    if model is None:
        raise NotExpressible("no model, but a prompt that is stored at the provider")
    return _read(body, OpenAI(model=model, api="responses", extra_body=extra, **options), "openai")


def read_azure(recorded: Recorded) -> Expression:
    """A request to Azure as settings and messages."""
    body = Members(recorded.body)
    deployment, options, extra = body.take("model"), _reasoning_options(body), _extra(body)
    config = AzureOpenAI(deployment=deployment, api="responses", api_version="v1", extra_body=extra, **options)
    return _read(body, config, "azureopenai")


def _extra(body: Members) -> JSON | None:
    """The members for ``extra_body``; of ``include``, those values that the package does not set."""
    include = [name for name in body.take("include", []) if name != "reasoning.encrypted_content"]
    text: JSON = body.values.get("text") or {}
    form: JSON = text.get("format") or {}
    extra: JSON = {
        **(body.extra(*_EXTRA) or {}),
        **({"include": include} if include else {}),
        **({"text": {"format": form}} if form.get("type") == "json_object" else {}),
    }
    return extra or None


def _reasoning_options(body: Members) -> JSON:
    """The options of reasoning that the config has."""
    return Members(body.values.get("reasoning") or {}).renamed(
        {f"reasoning_{name}": name for name in ("summary", "context", "mode")}
    )


def _read(body: Members, config: HTTPConfig, provider: str) -> Expression:
    given = body.take("input")
    if given is None:
        raise NotExpressible("no input, but a prompt that is stored at the provider")
    items: list[JSON] = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
    system = body.take("instructions")
    if not system and items and items[0].get("role") in _SYSTEM and isinstance(items[0].get("content"), str):
        system = items.pop(0)["content"]
    settings = Settings(
        **body.renamed(_NUMBERS),
        **body.renamed(_OPTIONS),
        **_text_format(Members(body.take("text", {}))),
        system=system or None,
        tools=tuple(_tool(tool, provider) for tool in body.take("tools", ())),
        tool_choice=_tool_choice(body),
        thinking=_thinking(body),
        streaming=body.take("stream", False),
    )
    body.taken.add("store")
    body.end("body")
    return Expression(config, settings, messages(_merged(_turn(Members(item), provider) for item in items)))


def _thinking(body: Members) -> Reasoning | None:
    if not (given := body.take("reasoning")):
        return None
    reasoning = Members(given)
    effort, summary = reasoning.take("effort"), reasoning.take("summary")
    reasoning.taken |= {"context", "mode"}
    reasoning.end("reasoning")
    return Reasoning(effort=effort, show=summary is not None) if effort or summary else None


def _text_format(text: Members) -> JSON:
    wanted = Members(text.take("format", {"type": "text"}))
    fields = text.renamed({"verbosity": "verbosity"})
    text.end("text")
    match wanted.take("type"):
        case "text" | "json_object":
            return fields
        case "json_schema":
            wanted.taken |= {"name", "strict"}
            fields["output_schema"] = wanted.take("schema")
            wanted.end("text.format")
            return fields
        case kind:
            raise NotExpressible(f"text.format {kind}")


def _tool(tool: JSON, provider: str) -> Tool | ProviderTool:
    if tool["type"] != "function":
        return ProviderTool(provider=provider, definition=tool)
    members = Members(tool)
    members.taken.add("type")
    read = Tool(
        name=members.take("name"),
        description=members.take("description", ""),
        input_schema=members.take("parameters"),
        strict=members.take("strict", True),  # the API's default
        deferred=members.take("defer_loading", False),
    )
    members.end("tool")
    return read


def _tool_choice(body: Members) -> ToolChoice | None:
    choice, parallel = body.take("tool_choice"), body.take("parallel_tool_calls", True)
    match choice:
        case None:
            return None if parallel else ToolChoice(parallel=False)
        case str():
            return ToolChoice(mode=choice, parallel=parallel)  # type: ignore[arg-type]  # msgspec validates it later
        case {"type": "function", "name": str(name)}:
            return ToolChoice(mode="tool", name=name, parallel=parallel)
        case _:
            raise NotExpressible(f"tool_choice {choice['type']}")


def _merged(turns: Iterator[_Turn]) -> Iterator[_Turn]:
    """*turns* with those of the assistant that follow each other as one, as its answers are."""
    last: _Turn | None = None
    for role, blocks in turns:
        if last and last[0] is role is Role.ASSISTANT:
            last[1].extend(blocks)
            continue
        if last:
            yield last
        last = role, blocks
    if last:
        yield last


def _turn(item: Members, provider: str) -> _Turn:
    match item.take("type", "message"):
        case "message":
            return _message(item, provider)
        case "function_call":
            return Role.ASSISTANT, list(_call(item, provider))
        case "function_call_output":
            result = ToolResult(tool_use_id=item.take("call_id"), content=tuple(_parts(item.take("output"))))
            item.taken |= {"id", "status"}
            item.end("function_call_output")
            return Role.USER, [result]
        case "reasoning":
            return Role.ASSISTANT, [_reasoning(item, provider)]
        case "additional_tools" | "tool_search_output" as kind:
            raise NotExpressible(f"an item of type {kind}")
        case kind:
            return Role.ASSISTANT, [Opaque(provider=provider, type=kind, json=_json(item.values))]


def _call(item: Members, provider: str) -> Iterator[Block]:
    """The tool use, after a mark where it has members that a ``ToolUse`` has no field for."""
    if namespace := item.take("namespace"):
        yield Opaque(provider=provider, type=MARK, json=_json(CallMark(namespace=namespace)))
    yield ToolUse(id=item.take("call_id"), name=item.take("name"), input=tool_input(item.take("arguments")))
    item.taken |= {"id", "status"}
    item.end("function_call")


def _message(item: Members, provider: str) -> _Turn:
    role, content, phase = item.take("role"), item.take("content"), item.take("phase")
    item.taken |= {"id", "status"}
    item.end("message")
    if role in _SYSTEM:
        raise NotExpressible("a system message after the first item, or beside instructions")
    blocks: list[Block] = list(_parts(content))
    if role == "assistant" and len(blocks) > 1:
        raise NotExpressible("an assistant message of several parts")
    if phase:
        blocks.insert(0, Opaque(provider=provider, type=PHASE, json=_json({"phase": phase})))
    return Role(role), blocks


def _reasoning(item: Members, provider: str) -> Thinking:
    summary, sealed = item.take("summary", []), item.take("encrypted_content")
    if not sealed or len(summary) > 1:
        raise NotExpressible("a reasoning item stored at the provider, or with a summary in several parts")
    signature = _json(Sealed(item.take("id", ""), sealed)).decode()
    return Thinking(text="".join(part["text"] for part in summary), provider=provider, signature=signature)


def _parts(content: str | list[JSON]) -> Iterator[Text | Image | Document]:
    for part in [{"type": "input_text", "text": content}] if isinstance(content, str) else content:
        yield _part(Members(part))


def _part(part: Members) -> Text | Image | Document:
    match part.take("type"):
        case "input_text" | "output_text":
            part.taken |= {"annotations", "logprobs"}
            read: Text | Image | Document = Text(text=part.take("text"))
        case "input_image" if "image_url" in part.values:
            read = Image(**url_source(part.take("image_url")), detail=part.take("detail"))
        case "input_file" if "file_url" in part.values:
            read = Document(url=part.take("file_url"))
        case "input_file" if str(part.values.get("file_data")).startswith("data:"):
            read = Document(name=part.take("filename"), **url_source(part.take("file_data")))
        case kind:
            raise NotExpressible(f"a part of type {kind}")
    part.end(f"{part.values['type']} part")
    return read
