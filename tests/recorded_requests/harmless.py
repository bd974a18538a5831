"""Harmless differences: between a recorded request and the one that this package sends for it.

Two bodies are the same request if they differ only in forms that the vendor documents as equivalent, in members that
have their documented default, or in members that this package always sends and that change neither what the model sees
nor what it may answer. Each rule below is one such difference: it brings both bodies into one form. Its docstring is
the reason. Besides them, only these count as the same: the order of members, and 1 and 1.0.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from recorded_requests.harmless_google import camel_case, json_schema
from recorded_requests.json_values import JSON, json_array, json_object

CHAT, RESPONSES, MESSAGES, CONVERSE = "chat_completions", "responses", "messages", "converse"
GOOGLE, COHERE = "generate_content", "chat_v2"

_TURNS = {**dict.fromkeys((CHAT, MESSAGES, CONVERSE, COHERE), "messages"), RESPONSES: "input", GOOGLE: "contents"}
"""The member that holds the history."""
_summarizes = re.compile(r"claude-(?:3-|(?:opus|sonnet|haiku)-4-(?:[0-6](?!\d)|20))")
_STANDARD = str.maketrans("-_", "+/")
_DEFAULTS: dict[str, JSON] = {
    CHAT: {"stream": False, "parallel_tool_calls": True, "response_format": {"type": "text"}, "tool_choice": "auto"},
    RESPONSES: {
        "stream": False,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "text": {"format": {"type": "text"}},
    },
    MESSAGES: {"stream": False, "tool_choice": {"type": "auto"}},
}
"""The documented default values of members."""


def defaults(body: JSON, api: str) -> None:
    """A member with its documented default value means the same as none."""
    for name, value in _DEFAULTS.get(api, {}).items():
        if body.get(name) == value:
            del body[name]
    if api == GOOGLE:
        config = body.get("generationConfig", {})
        if config.get("responseModalities") == ["TEXT"]:
            del config["responseModalities"]
        if config.get("thinkingConfig", {}).get("includeThoughts") is False:
            del config["thinkingConfig"]["includeThoughts"]
        if body.get("toolConfig", {}).get("functionCallingConfig") == {"mode": "AUTO"}:
            del body["toolConfig"]
    for result in _tool_results(body, api):
        for name, value in (("is_error", False), ("status", "success")):
            if result.get(name) == value:
                del result[name]
    for function in _functions(body, api):
        if function.get("strict") is (api == RESPONSES):
            del function["strict"]


def empty_members(body: JSON, api: str) -> None:
    """An optional member that is null or empty means the same as none."""
    objects = [*_functions(body, api), *_tool_results(body, api)]
    objects += [turn for turn in _turns(body, api) if turn.get("role") == "assistant"]
    objects += [body[name] for name in ("inferenceConfig", "generationConfig", "reasoning") if name in body]
    for members in [*objects, body]:
        for name in [name for name, value in members.items() if value is None or value in ([], {}, "")]:
            del members[name]


def text_forms(body: JSON, api: str) -> None:
    """A text means the same as a list of one part with this text."""
    if isinstance(body.get("system"), list) and api == MESSAGES:
        body["system"] = _as_text(body["system"])
    if api == RESPONSES and isinstance(body.get("input"), str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    for turn in [*_turns(body, api), *_tool_results(body, api)]:
        for name in ("content", "output"):
            if name in turn:
                turn[name] = _as_text(turn[name])


def _as_text(content: Any) -> Any:
    match content:
        case [{"type": "text" | "input_text" | "output_text", "text": str(text), **rest}] if not any(rest.values()):
            return text
        case _:
            return content


def usage_option(body: JSON, _: str) -> None:
    """The usage is always requested from streams: one more event, after the answer."""
    options: JSON = body.get("stream_options") or {}
    options.pop("include_usage", None)
    if not options:
        body.pop("stream_options", None)


def cache_marks(body: JSON, _: str) -> None:
    """Marks for the prompt cache change the price and not what the model sees. Where they are is the client's task."""
    _strip_marks(body)


def _strip_marks(value: Any) -> None:
    if (members := json_object(value)) is not None:
        members.pop("cache_control", None)
    for item in members.values() if members is not None else json_array(value) or ():
        _strip_marks(item)


def storage(body: JSON, _: str) -> None:
    """The Responses API is asked to store nothing, and so to return reasoning encrypted. The answer says the same."""
    body.pop("store", None)
    if "include" in body:
        body["include"] = [name for name in body["include"] if name != "reasoning.encrypted_content"]


def item_identity(body: JSON, _: str) -> None:
    """Ids, states and the type ``message`` of items can be left out: they tell the model nothing.

    https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
    """
    for item in _turns(body, RESPONSES):
        if item.get("type") in (None, "message", "function_call", "function_call_output", "reasoning"):
            item.pop("id", None)
            item.pop("status", None)
        if item.get("type") == "message":
            del item["type"]


def instructions(body: JSON, _: str) -> None:
    """The instructions of the Responses API are documented as a system message before the input."""
    match _turns(body, RESPONSES):
        case [{"role": "system", "content": str(text)}, *_] if "instructions" not in body:
            body["instructions"] = text
            del body["input"][0]
        case _:
            pass


def developer_role(body: JSON, api: str) -> None:
    """Of o1 and later models a developer message is what a system message is of others; either name is accepted.

    https://platform.openai.com/docs/api-reference/chat/create
    """
    for turn in _turns(body, api):
        if turn.get("role") == "developer" and "content" in turn:
            turn["role"] = "system"


def limit_name(body: JSON, _: str) -> None:
    """The limit of an answer is ``max_completion_tokens``, and ``max_tokens`` its deprecated name.

    https://platform.openai.com/docs/api-reference/chat/create
    """
    if "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")


def user_name(body: JSON, _: str) -> None:
    """The end user is ``safety_identifier``, and ``user`` its deprecated name."""
    if "user" in body:
        body["safety_identifier"] = body.pop("user")


def json_text(body: JSON, api: str) -> None:
    """JSON in a text is the same with other white space and another order of members."""
    for turn in _turns(body, api):
        if turn.get("type") == "function_call":
            turn["arguments"] = json.loads(turn["arguments"] or "{}")
        for call in turn.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"] or "{}")
    if schema := body.get("outputConfig", {}).get("textFormat"):
        found = schema["structure"]["jsonSchema"]
        found["schema"] = json.loads(found["schema"])


def blank_text(body: JSON, api: str) -> None:
    """A text that is empty or only white space says nothing; Anthropic rejects it today."""
    parts = "parts" if api == GOOGLE else "content"
    turns = _turns(body, api)
    for turn in [*turns, *_tool_results(body, api)]:
        if isinstance(turn.get(parts), list):
            turn[parts] = [part for part in turn[parts] if not _is_blank(part)]
    if turns:
        body[_TURNS[api]] = [turn for turn in turns if turn.get(parts, True) or "tool_calls" in turn]


def _is_blank(part: JSON) -> bool:
    return "text" in part and not part["text"].strip() and part.keys() <= {"type", "text"}


def thinking_display(body: JSON, api: str) -> None:
    """Claude up to 4.6 shows a summary of its thinking unless told otherwise.

    https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
    """
    thinking = (body if api == MESSAGES else body.get("additionalModelRequestFields", {})).get("thinking", {})
    if thinking.get("display") == "summarized" and _summarizes.search(body["model"]):
        del thinking["display"]


def google_names(body: JSON, _: str) -> None:
    """JSON parsers for protocol buffers accept names with underscores and in lowerCamelCase.

    https://protobuf.dev/programming-guides/json/
    """
    renamed = camel_case(body)
    body.clear()
    body.update(renamed)


def google_enums(body: JSON, _: str) -> None:
    """Google's documents write the thinking level in either case: https://ai.google.dev/gemini-api/docs/thinking."""
    thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
    if "thinkingLevel" in thinking:
        thinking["thinkingLevel"] = thinking["thinkingLevel"].upper()


def base64_alphabets(body: JSON, _: str) -> None:
    """JSON parsers for protocol buffers accept base64 and base64url, with and without padding.

    https://protobuf.dev/programming-guides/json/
    """
    for content in body["contents"]:
        for part in content["parts"]:
            for media in (part, *part.get("functionResponse", {}).get("parts", [])):
                if data := media.get("inlineData", {}).get("data"):
                    media["inlineData"]["data"] = data.translate(_STANDARD).rstrip("=")


def google_schemas(body: JSON, _: str) -> None:
    """Google takes a schema as JSON Schema, or in a form of its own in another member: types and null differ.

    https://ai.google.dev/api/caching#FunctionDeclaration
    """
    config = body.get("generationConfig", {})
    for objects, old, new in (
        ([config], "responseSchema", "responseJsonSchema"),
        (_functions(body, GOOGLE), "parameters", "parametersJsonSchema"),
    ):
        for members in objects:
            if old in members:
                members[new] = json_schema(members.pop(old))


def system_role(body: JSON, _: str) -> None:
    """The role of Google's system instruction has no meaning: the instruction is text only.

    https://ai.google.dev/api/generate-content#request-body
    """
    body.get("systemInstruction", {}).pop("role", None)


def call_ids(body: JSON, _: str) -> None:
    """Ids of Google's function calls, which can be left out, only pair them with their responses.

    https://ai.google.dev/api/caching#FunctionCall
    """
    for content in body["contents"]:
        for part in content["parts"]:
            for name in ("functionCall", "functionResponse"):
                part.get(name, {}).pop("id", None)


Rule = Callable[[JSON, str], None]
RULES: dict[Rule, tuple[str, ...]] = {
    google_names: (GOOGLE,),
    usage_option: (CHAT,),
    cache_marks: (MESSAGES,),
    storage: (RESPONSES,),
    text_forms: (RESPONSES, MESSAGES, COHERE),
    blank_text: (RESPONSES, MESSAGES),
    defaults: (CHAT, RESPONSES, MESSAGES, CONVERSE, GOOGLE),
    empty_members: (CHAT, RESPONSES, MESSAGES, CONVERSE, GOOGLE, COHERE),
    item_identity: (RESPONSES,),
    developer_role: (CHAT,),
    instructions: (RESPONSES,),
    limit_name: (CHAT,),
    user_name: (CHAT, RESPONSES),
    json_text: (CHAT, CONVERSE, COHERE),
    thinking_display: (MESSAGES, CONVERSE),
    google_enums: (GOOGLE,),
    base64_alphabets: (GOOGLE,),
    google_schemas: (GOOGLE,),
    system_role: (GOOGLE,),
    call_ids: (GOOGLE,),
}
"""Each rule, and the APIs that it applies to. They are applied in this order."""


def common_form(body: JSON, api: str, without: Iterable[Rule] = ()) -> JSON:
    """*body* in the form that all bodies have that differ harmlessly. *without* leaves rules out."""
    form: JSON = json.loads(json.dumps(body))
    for rule, apis in RULES.items():
        if api in apis and rule not in without:
            rule(form, api)
    return form


def _turns(body: JSON, api: str) -> list[JSON]:
    return [turn for item in json_array(body.get(_TURNS[api])) or [] if (turn := json_object(item)) is not None]


def _tool_results(body: JSON, api: str) -> list[JSON]:
    """The objects that hold a tool result, in APIs that have a flag for errors in it."""
    if api not in (MESSAGES, CONVERSE):
        return []
    blocks = [block for turn in _turns(body, api) if isinstance(turn.get("content"), list) for block in turn["content"]]
    results = (block.get("toolResult", block) for block in blocks)
    return [result for result in results if "toolUseId" in result or "tool_use_id" in result]


def _functions(body: JSON, api: str) -> list[JSON]:
    """The definitions of tools that the program runs."""
    tools: list[JSON] = body.get("tools") or body.get("toolConfig", {}).get("tools") or []
    match api:
        case "generate_content":
            return [function for tool in tools for function in tool.get("functionDeclarations", [])]
        case "converse":
            return [tool["toolSpec"] for tool in tools if "toolSpec" in tool]
        case _:
            return [tool.get("function", tool) for tool in tools]
