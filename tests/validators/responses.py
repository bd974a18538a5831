"""The rules for the body of a request to the Responses API, OpenAI's own or Azure's.

They come from OpenAI's API reference, from its SDK's parameter types and from the errors that its API gives. Of the
items that an answer may have, those are known that a client sends back by their content; tools that OpenAI runs itself
are let pass as they came. Where the API is lenient (empty text, roles in any order), this is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from validators.forms import Formed

NAME = r"^[a-zA-Z0-9_-]{1,64}\Z"
NonEmpty = Annotated[str, Meta(min_length=1)]
CallId = Annotated[str, Meta(min_length=1, max_length=64)]
"""``Invalid 'input[2].call_id': string too long. Expected a string with maximum length 64``"""

INSTRUCTIVE = ("system", "developer")


class _Given(Formed, kw_only=True, forbid_unknown_fields=True):
    """``Unknown parameter``"""


class _InputText(_Given, tag_field="type", tag="input_text"):
    text: NonEmpty


class _InputImage(_Given, tag_field="type", tag="input_image"):
    forms: ClassVar[Mapping[str, str]] = {"image_url": "^(https?://|data:image/[a-z.+-]+;base64,)"}

    image_url: str | None = None
    file_id: NonEmpty | None = None
    detail: Literal["low", "high", "auto", "original"] | None = None


class _InputFile(_Given, tag_field="type", tag="input_file"):
    forms: ClassVar[Mapping[str, str]] = {"file_data": "^data:[a-z]+/[^;,]+;base64,", "file_url": "^https?://"}

    file_data: str | None = None
    file_url: str | None = None
    file_id: NonEmpty | None = None
    filename: NonEmpty | None = None
    detail: Literal["low", "high", "auto"] | None = None


class _OutputText(_Given, tag_field="type", tag="output_text"):
    text: NonEmpty
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None


class _OutputRefusal(_Given, tag_field="type", tag="refusal"):
    refusal: NonEmpty


_Input = _InputText | _InputImage | _InputFile
_Part = _InputText | _InputImage | _InputFile | _OutputText | _OutputRefusal


class _Message(_Given):
    """With ``role`` and content; ``type`` may be left out."""

    forms: ClassVar[Mapping[str, str]] = {"id": "^msg_"}

    role: Literal["user", "assistant", "system", "developer"]
    content: NonEmpty | Annotated[list[_Part], Meta(min_length=1)]
    type: Literal["message"] = "message"
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class _FunctionCall(_Given, tag_field="type", tag="function_call"):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME, "id": "^fc_"}

    call_id: CallId
    name: str
    arguments: str
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    namespace: NonEmpty | None = None


class _FunctionCallOutput(_Given, tag_field="type", tag="function_call_output"):
    call_id: CallId
    output: str | Annotated[list[_Input], Meta(min_length=1)]
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


class _Summary(_Given):
    type: Literal["summary_text"]
    text: NonEmpty


class _Reasoning(_Given, tag_field="type", tag="reasoning"):
    """Nothing is stored, so it must hold what it is: *encrypted_content*; its *content* in the clear is refused."""

    forms: ClassVar[Mapping[str, str]] = {"id": "^rs_"}

    summary: list[_Summary]
    encrypted_content: NonEmpty
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


_Item = _FunctionCall | _FunctionCallOutput | _Reasoning
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


class _FunctionTool(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    type: Literal["function"]
    name: str
    parameters: dict[str, Any] | None
    strict: bool | None = None
    description: str | None = None
    defer_loading: bool | None = None


class _OneTool(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    type: Literal["function"]
    name: str


class _SchemaFormat(_Given, tag_field="type", tag="json_schema"):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    schema: dict[str, Any]
    strict: bool | None = None
    description: str | None = None


class _ObjectFormat(_Given, tag_field="type", tag="json_object"):
    pass


class _TextFormat(_Given, tag_field="type", tag="text"):
    pass


class _Text(_Given):
    format: _SchemaFormat | _ObjectFormat | _TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class _Reason(_Given):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None


class _Body(_Given):
    model: NonEmpty
    input: NonEmpty | Annotated[list[dict[str, Any]], Meta(min_length=1)]
    instructions: str | None = None
    include: list[NonEmpty] | None = None
    store: bool | None = None
    stream: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=16)] | None = None
    tools: list[_FunctionTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _OneTool | None = None
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    reasoning: _Reason | None = None
    text: _Text | None = None
    user: str | None = None
    service_tier: str | None = None


def violations(body: Mapping[str, object]) -> list[str]:
    """What the API would refuse in *body*; nothing, if the request is good."""
    try:
        asked = msgspec.convert(body, _Body)
        items = [] if isinstance(asked.input, str) else [_item(item) for item in asked.input]
    except msgspec.ValidationError as error:
        return [str(error)]
    return [*_order(items), *_parts(items), *_calls(items), *_tools(asked), *_thinking(asked, items)]


def _item(item: Mapping[str, Any]) -> _Message | _Item | None:
    """The item; ``None`` where it is one that OpenAI made by itself."""
    if item.get("type", "message") == "message":
        return msgspec.convert(item, _Message)
    if item["type"] in RUN_BY_OPENAI:
        return None
    made: _Item = msgspec.convert(item, _Item)
    return made


def _order(items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    talk = [item for item in items if not (isinstance(item, _Message) and item.role in INSTRUCTIVE)]
    if items and not (talk and _may_open(talk[0])):
        yield "input: the user speaks first"
    for at, item in enumerate(items):
        follows = items[at + 1] if at + 1 < len(items) else None
        own = isinstance(follows, _FunctionCall | _Reasoning) or (
            isinstance(follows, _Message) and follows.role == "assistant"
        )
        if isinstance(item, _Reasoning) and not (own or (follows is None and at + 1 < len(items))):
            yield f"input[{at}]: of type 'reasoning' was provided without its required following item"


def _may_open(item: _Message | _Item | None) -> bool:
    """Whether a talk may begin with *item*: the user's words, or what OpenAI made of a longer talk."""
    return item is None or (isinstance(item, _Message) and item.role == "user")


def _parts(items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    for at, item in enumerate(items):
        parts = (
            item.content if isinstance(item, _Message) else item.output if isinstance(item, _FunctionCallOutput) else ""
        )
        for part in parts if isinstance(parts, list) else ():
            said_by_model = isinstance(part, _OutputText | _OutputRefusal)
            if isinstance(item, _Message) and said_by_model is not (item.role == "assistant"):
                yield f"input[{at}].content: Invalid value: {type(part).__name__} of {item.role}"
            if isinstance(part, _InputImage) and (part.image_url is None) is (part.file_id is None):
                yield f"input[{at}].content: an image is an image_url or a file_id"
            if isinstance(part, _InputFile):
                yield from _file(at, part)


def _file(at: int, part: _InputFile) -> Iterator[str]:
    if sum(given is not None for given in (part.file_data, part.file_url, part.file_id)) != 1:
        yield f"input[{at}].content: a file is file_data, file_url or a file_id"
    if part.filename is not None and part.file_data is None:
        yield f"input[{at}].content: Mutually exclusive parameters: a filename goes with file_data"


def _calls(items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    called: set[str] = set()
    unanswered: set[str] = set()
    for at, item in enumerate(items):
        match item:
            case _FunctionCall(call_id=call_id):
                if call_id in called:
                    yield f"input[{at}]: Duplicate call_id {call_id!r}"
                called.add(call_id)
                unanswered.add(call_id)
            case _FunctionCallOutput(call_id=call_id):
                if call_id not in unanswered:
                    yield f"input[{at}]: No tool call found for function call output with call_id {call_id}."
                unanswered.discard(call_id)
            case _Message(role="user") if unanswered:
                yield f"input[{at}]: No tool output found for function call {min(unanswered)}."
            case _:
                pass
    if unanswered:
        yield f"No tool output found for function call {min(unanswered)}."


def _tools(asked: _Body) -> Iterator[str]:
    names = [tool.name for tool in asked.tools or []]
    if len(set(names)) < len(names):
        yield "tools: the names of tools must differ"
    if asked.tool_choice is not None and asked.tool_choice != "auto" and not names:
        yield "Tool choice must not be specified when no tools are specified."
    if isinstance(asked.tool_choice, _OneTool) and asked.tool_choice.name not in names:
        yield f"Tool choice '{asked.tool_choice.name}' not found in 'tools' parameter."


def _thinking(asked: _Body, items: Sequence[_Message | _Item | None]) -> Iterator[str]:
    """What follows thinking is looked for by its id where the thinking has one, and nothing is stored to look in."""
    if asked.store is not False:
        return
    for at, item in enumerate(items):
        follows = items[at + 1] if at + 1 < len(items) else None
        unnamed = isinstance(follows, _Message | _FunctionCall) and follows.id is None
        if isinstance(item, _Reasoning) and item.id is not None and unnamed:
            yield f"input[{at}]: of type 'reasoning' was provided by its id, and its following item without"
