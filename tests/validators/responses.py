"""The rules for the body of a request to the Responses API, OpenAI's own or Azure's.

They come from OpenAI's API reference, from its SDK's parameter types and from its errors. Items of tools that OpenAI
runs itself are sent back unchanged, and not checked. The rules are stricter than the API where it is lenient (empty
text, roles in any order).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from validators.openai.models import Asked, problems
from validators.openai.tools import NAME, KnownTool, NonEmpty, chosen_tools, decoded_tool, tool_violations
from validators.patterns import PatternChecked

CallId = Annotated[str, Meta(min_length=1, max_length=64)]
"""``Invalid 'input[2].call_id': string too long. Expected a string with maximum length 64``"""

INSTRUCTION_ROLES = ("system", "developer")


class _Strict(PatternChecked, kw_only=True, forbid_unknown_fields=True):
    """``Unknown parameter``"""


class _InputText(_Strict, tag_field="type", tag="input_text"):
    text: NonEmpty


class _InputImage(_Strict, tag_field="type", tag="input_image"):
    patterns: ClassVar[Mapping[str, str]] = {"image_url": "^(https?://|data:image/[a-z.+-]+;base64,)"}

    image_url: str | None = None
    file_id: NonEmpty | None = None
    detail: Literal["low", "high", "auto", "original"] | None = None


class _InputFile(_Strict, tag_field="type", tag="input_file"):
    patterns: ClassVar[Mapping[str, str]] = {"file_data": "^data:[a-z]+/[^;,]+;base64,", "file_url": "^https?://"}

    file_data: str | None = None
    file_url: str | None = None
    file_id: NonEmpty | None = None
    filename: NonEmpty | None = None
    detail: Literal["low", "high", "auto"] | None = None


class _OutputText(_Strict, tag_field="type", tag="output_text"):
    text: NonEmpty
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None


class _OutputRefusal(_Strict, tag_field="type", tag="refusal"):
    refusal: NonEmpty


_Input = _InputText | _InputImage | _InputFile
_Part = _InputText | _InputImage | _InputFile | _OutputText | _OutputRefusal


class _Message(_Strict):
    """A message; its ``type`` is optional."""

    patterns: ClassVar[Mapping[str, str]] = {"id": "^msg_"}

    role: Literal["user", "assistant", "system", "developer"]
    content: NonEmpty | Annotated[list[_Part], Meta(min_length=1)]
    type: Literal["message"] = "message"
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class _FunctionCall(_Strict, tag_field="type", tag="function_call"):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME, "id": "^fc_"}

    call_id: CallId
    name: str
    arguments: str
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    namespace: NonEmpty | None = None


class _FunctionCallOutput(_Strict, tag_field="type", tag="function_call_output"):
    call_id: CallId
    output: str | Annotated[list[_Input], Meta(min_length=1)]
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


class _CustomCall(_Strict, tag_field="type", tag="custom_tool_call"):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME, "id": "^ctc_"}

    call_id: CallId
    name: str
    input: str
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    namespace: NonEmpty | None = None


class _CustomCallOutput(_Strict, tag_field="type", tag="custom_tool_call_output"):
    call_id: CallId
    output: str | Annotated[list[_Input], Meta(min_length=1)]
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


class _Summary(_Strict):
    type: Literal["summary_text"]
    text: NonEmpty


class _Reasoning(_Strict, tag_field="type", tag="reasoning"):
    """Needs *encrypted_content*, because nothing is stored at OpenAI; plain *content* is rejected."""

    patterns: ClassVar[Mapping[str, str]] = {"id": "^rs_"}

    summary: list[_Summary]
    encrypted_content: NonEmpty
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


_Item = _FunctionCall | _FunctionCallOutput | _CustomCall | _CustomCallOutput | _Reasoning
_Call = _FunctionCall | _CustomCall
_Output = _FunctionCallOutput | _CustomCallOutput
RUN_BY_OPENAI = {
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
    "mcp_list_tools",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "compaction",
}


class _CacheOptions(_Strict):
    mode: Literal["implicit", "explicit"] | None = None
    ttl: Literal["30m", "12h"] | None = None
    prewarm: bool | None = None


class _SchemaFormat(_Strict, tag_field="type", tag="json_schema"):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    schema: dict[str, Any]
    strict: bool | None = None
    description: str | None = None


class _ObjectFormat(_Strict, tag_field="type", tag="json_object"):
    pass


class _TextFormat(_Strict, tag_field="type", tag="text"):
    pass


class _Text(_Strict):
    format: _SchemaFormat | _ObjectFormat | _TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class _ReasoningConfig(_Strict):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    mode: Literal["standard", "pro"] | None = None


class _Body(_Strict):
    model: NonEmpty
    input: NonEmpty | Annotated[list[dict[str, Any]], Meta(min_length=1)]
    instructions: str | None = None
    include: list[NonEmpty] | None = None
    store: bool | None = None
    stream: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=16)] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    reasoning: _ReasoningConfig | None = None
    text: _Text | None = None
    user: str | None = None
    safety_identifier: Annotated[str, Meta(max_length=128)] | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: _CacheOptions | None = None
    metadata: Annotated[dict[str, Annotated[str, Meta(max_length=512)]], Meta(max_length=16)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


def violations(body: Mapping[str, object], *, deployed_model: str | None = None) -> list[str]:
    """The reasons for which the API would reject *body*; empty if it is valid. A deployment is of *deployed_model*."""
    try:
        request = msgspec.convert(body, _Body)
        items = [] if isinstance(request.input, str) else [_item(item) for item in request.input]
        tools = [decoded_tool(tool) for tool in request.tools or ()]
        chosen = chosen_tools(request.tool_choice)
    except msgspec.ValidationError as error:
        return [str(error)]
    broken = [*_order(items), *_parts(items), *_calls(items), *tool_violations(request.tool_choice, tools, chosen)]
    return [*broken, *_thinking(request, items), *problems(deployed_model or request.model, _asked(request, tools))]


def _asked(request: _Body, tools: Sequence[KnownTool | str]) -> Asked:
    reasoning = request.reasoning or _ReasoningConfig()
    return Asked(
        chat=False,
        effort=reasoning.effort,
        tools=bool(tools),
        temperature=request.temperature,
        top_p=request.top_p,
        stop=False,
        penalties=False,
        verbosity=request.text.verbosity if request.text else None,
        cache_options=request.prompt_cache_options is not None,
        deferred=any(not isinstance(tool, str) and bool(tool.defer_loading) for tool in tools),
        pro=reasoning.mode == "pro",
        encrypted="reasoning.encrypted_content" in (request.include or ()),
    )


def _item(item: Mapping[str, Any]) -> _Message | _Item | None:
    """The decoded *item*; ``None`` for one of a tool that OpenAI ran."""
    if item.get("type", "message") == "message":
        return msgspec.convert(item, _Message)
    if item["type"] in RUN_BY_OPENAI:
        return None
    decoded: _Item = msgspec.convert(item, _Item)
    return decoded


def _order(items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    dialogue = [item for item in items if not (isinstance(item, _Message) and item.role in INSTRUCTION_ROLES)]
    if items and not (dialogue and _may_be_first(dialogue[0])):
        yield "input: the first item must be the user's"
    for index, item in enumerate(items):
        follows = items[index + 1] if index + 1 < len(items) else None
        follows_by_model = isinstance(follows, _Call | _Reasoning) or (
            isinstance(follows, _Message) and follows.role == "assistant"
        )
        if isinstance(item, _Reasoning) and not (follows_by_model or (follows is None and index + 1 < len(items))):
            yield f"input[{index}]: of type 'reasoning' was provided without its required following item"


def _may_be_first(item: _Message | _Item | None) -> bool:
    """True if a conversation may start with *item*: a user message, or OpenAI's compaction of earlier messages."""
    return item is None or (isinstance(item, _Message) and item.role == "user")


def _parts(items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    for index, item in enumerate(items):
        parts = item.content if isinstance(item, _Message) else item.output if isinstance(item, _Output) else ""
        for part in parts if isinstance(parts, list) else ():
            is_output = isinstance(part, _OutputText | _OutputRefusal)
            if isinstance(item, _Message) and is_output is not (item.role == "assistant"):
                yield f"input[{index}].content: Invalid value: {type(part).__name__} of {item.role}"
            if isinstance(part, _InputImage) and (part.image_url is None) is (part.file_id is None):
                yield f"input[{index}].content: an image is an image_url or a file_id"
            if isinstance(part, _InputFile):
                yield from _file(index, part)


def _file(index: int, part: _InputFile) -> Iterator[str]:
    if sum(source is not None for source in (part.file_data, part.file_url, part.file_id)) != 1:
        yield f"input[{index}].content: a file is file_data, file_url or a file_id"
    if part.filename is not None and part.file_data is None:
        yield f"input[{index}].content: Mutually exclusive parameters: a filename goes with file_data"


def _calls(items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    called: set[str] = set()
    unanswered: dict[str, bool] = {}  # with whether the tool is a custom one
    for index, item in enumerate(items):
        match item:
            case _FunctionCall(call_id=call_id) | _CustomCall(call_id=call_id):
                if call_id in called:
                    yield f"input[{index}]: Duplicate call_id {call_id!r}"
                called.add(call_id)
                unanswered[call_id] = isinstance(item, _CustomCall)
            case _FunctionCallOutput(call_id=call_id) | _CustomCallOutput(call_id=call_id):
                is_custom = unanswered.pop(call_id, None)
                if is_custom is not isinstance(item, _CustomCallOutput):
                    yield f"input[{index}]: No tool call found for function call output with call_id {call_id}."
            case _Message(role="user") if unanswered:
                yield f"input[{index}]: No tool output found for function call {min(unanswered)}."
            case _:
                pass
    if unanswered:
        yield f"No tool output found for function call {min(unanswered)}."


def _thinking(request: _Body, items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    """The item after thinking with an id is looked up by its own id, and nothing is stored to be looked up."""
    if request.store is not False:
        return
    for index, item in enumerate(items):
        follows = items[index + 1] if index + 1 < len(items) else None
        without_id = isinstance(follows, _Message | _Call) and follows.id is None
        if isinstance(item, _Reasoning) and item.id is not None and without_id:
            yield f"input[{index}]: of type 'reasoning' was provided by its id, and its following item without"
