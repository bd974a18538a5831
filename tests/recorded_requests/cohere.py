"""Recorded requests of Cohere's v2 chat."""

from collections.abc import Iterator

from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.cohere.events import PLAN
from rayconteur.providers.schema.content import Block, Image, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice
from recorded_requests.chat import tool_input
from recorded_requests.expression import Expression, Members, NotExpressible, Recorded, messages, system_text
from recorded_requests.json_values import JSON
from recorded_requests.media import url_source

_NUMBERS = {
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
}


def read(recorded: Recorded) -> Expression:
    """*recorded* as settings and messages."""
    body = Members(recorded.body)
    turns = list(body.take("messages"))
    system = _system(turns.pop(0)["content"]) if turns[0]["role"] == "system" else None
    config = Cohere(model=body.take("model"), extra_body=body.extra("documents"))
    choice = body.take("tool_choice")
    settings = Settings(
        **body.renamed(_NUMBERS),
        system=system,
        stop_sequences=tuple(body.take("stop_sequences", ())),
        tools=tuple(_tool(tool) for tool in body.take("tools", ())),
        tool_choice=ToolChoice(mode=choice.lower()) if choice else None,
        thinking=_thinking(body.take("thinking")),
        output_schema=_schema(body.take("response_format")),
        streaming=body.take("stream", False),
    )
    body.end("body")
    return Expression(config, settings, messages((_role(turn), list(_blocks(Members(turn)))) for turn in turns))


def _system(content: str | list[JSON]) -> str | None:
    return content if isinstance(content, str) else system_text(content)


def _thinking(given: JSON | None) -> Reasoning | None:
    if given is None:
        return None
    return Reasoning(effort="none" if given["type"] == "disabled" else None, budget_tokens=given.get("token_budget"))


def _schema(wanted: JSON | None) -> JSON | None:
    if wanted is None:
        return None
    if "json_schema" not in wanted:
        raise NotExpressible("JSON without a schema")
    schema: JSON = wanted["json_schema"]
    return schema


def _tool(tool: JSON) -> Tool:
    function = tool["function"]
    return Tool(
        name=function["name"], description=function.get("description") or "", input_schema=function["parameters"]
    )


def _role(turn: JSON) -> Role:
    match turn["role"]:
        case "user" | "tool":
            return Role.USER
        case "assistant":
            return Role.ASSISTANT
        case role:
            raise NotExpressible(f"a later message of the role {role}")


def _blocks(turn: Members) -> Iterator[Block]:
    role, content = turn.take("role"), turn.take("content", [])
    given = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if role == "tool" and given and all(part["type"] == "document" for part in given):
        yield ToolResult(tool_use_id=turn.take("tool_call_id"), structured=_structured(given))
        turn.end("tool message")
        return
    parts = [_part(part) for part in given]
    if role == "tool":
        pieces = tuple(part for part in parts if isinstance(part, Text | Image))
        yield ToolResult(tool_use_id=turn.take("tool_call_id"), content=pieces)
    else:
        if plan := turn.take("tool_plan"):
            yield Thinking(text=plan, provider="cohere", signature=PLAN)
        yield from parts
    for call in turn.take("tool_calls", []):
        yield ToolUse(id=call["id"], name=call["function"]["name"], input=tool_input(call["function"]["arguments"]))
    turn.end(f"{role} message")


def _structured(parts: list[JSON]) -> JSON:
    """The object of a tool's result that is sent as the documents *parts*."""
    documents = [part["document"] for part in parts]
    match documents:
        case [{"data": data, **rest}] if not rest:
            own: JSON = data
            return own
        case _:
            return {"documents": documents}


def _part(part: JSON) -> Text | Image | Thinking:
    match part:
        case {"type": "text", "text": str(text)}:
            return Text(text=text)
        case {"type": "thinking", "thinking": str(text)}:
            return Thinking(text=text, provider="cohere")
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return Image(**url_source(url), detail=part["image_url"].get("detail"))
        case _:
            raise NotExpressible(f"a part of type {part['type']}")
