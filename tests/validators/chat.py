"""The rules for the body of a Chat Completions request, OpenAI's own or to a deployment of Azure OpenAI.

They come from OpenAI's API reference and from the errors that its API gives; the names of fields are those of its
SDK's parameter types. Where it is lenient (a system message anywhere, empty text), this is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from validators.forms import Formed

NAME = r"^[a-zA-Z0-9_-]{1,64}\Z"
NonEmpty = Annotated[str, Meta(min_length=1)]
Id = Annotated[str, Meta(min_length=1, max_length=40)]
"""``Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40``"""


class _Given(Formed, kw_only=True, forbid_unknown_fields=True):
    """``Unrecognized request argument supplied``"""


class _Text(_Given, tag_field="type", tag="text"):
    text: NonEmpty


class _ImageUrl(_Given):
    forms: ClassVar[Mapping[str, str]] = {"url": "^(https?://|data:image/)"}

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class _Image(_Given, tag_field="type", tag="image_url"):
    image_url: _ImageUrl


class _FileData(_Given):
    forms: ClassVar[Mapping[str, str]] = {"file_data": "^data:"}

    file_data: str | None = None
    filename: NonEmpty | None = None
    file_id: NonEmpty | None = None


class _File(_Given, tag_field="type", tag="file"):
    file: _FileData


class _Sound(_Given):
    data: NonEmpty
    format: Literal["wav", "mp3"]


class _Audio(_Given, tag_field="type", tag="input_audio"):
    input_audio: _Sound


class _Refusal(_Given, tag_field="type", tag="refusal"):
    refusal: NonEmpty


class _Function(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    arguments: str


class _ToolCall(_Given):
    id: Id
    type: Literal["function"]
    function: _Function


class _System(_Given, tag_field="role", tag="system"):
    content: NonEmpty | Annotated[list[_Text], Meta(min_length=1)]
    name: NonEmpty | None = None


class _Developer(_Given, tag_field="role", tag="developer"):
    content: NonEmpty | Annotated[list[_Text], Meta(min_length=1)]
    name: NonEmpty | None = None


class _User(_Given, tag_field="role", tag="user"):
    content: NonEmpty | Annotated[list[_Text | _Image | _File | _Audio], Meta(min_length=1)]
    name: NonEmpty | None = None


class _Assistant(_Given, tag_field="role", tag="assistant"):
    content: str | Annotated[list[_Text | _Refusal], Meta(min_length=1)] | None = None
    refusal: NonEmpty | None = None
    tool_calls: Annotated[list[_ToolCall], Meta(min_length=1)] | None = None
    name: NonEmpty | None = None


class _Tool(_Given, tag_field="role", tag="tool"):
    tool_call_id: Id
    content: str | Annotated[list[_Text], Meta(min_length=1)]


_Message = _System | _Developer | _User | _Assistant | _Tool


class _Offer(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _OfferedTool(_Given):
    type: Literal["function"]
    function: _Offer


class _Named(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str


class _OneTool(_Given):
    type: Literal["function"]
    function: _Named


class _StreamOptions(_Given):
    include_usage: bool = False


class _Body(_Given):
    messages: Annotated[list[_Message], Meta(min_length=1)]
    model: NonEmpty | None = None
    tools: Annotated[list[_OfferedTool], Meta(min_length=1, max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | _OneTool | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: NonEmpty | Annotated[list[NonEmpty], Meta(min_length=1, max_length=4)] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    response_format: dict[str, Any] | None = None
    seed: int | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    n: Annotated[int, Meta(ge=1)] | None = None
    user: str | None = None


def violations(body: Mapping[str, object], *, model_in_path: bool = False) -> list[str]:
    """What the API would refuse in *body*; nothing, if the request is good.

    *model_in_path*: the deployment in the address names the model, as with Azure.
    """
    try:
        asked = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    found = [*_order(asked.messages), *_tool_calls(asked.messages), *_tools(asked)]
    if asked.model is None and not model_in_path:
        found.append("you must provide a model parameter")
    if asked.max_tokens and asked.max_completion_tokens:
        found.append("max_tokens and max_completion_tokens cannot both be set")
    if asked.stream_options and not asked.stream:
        found.append("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    return found


def _order(messages: Sequence[_Message]) -> Iterator[str]:
    talk = [message for message in messages if not isinstance(message, _System | _Developer)]
    if any(isinstance(message, _System | _Developer) for message in messages[len(messages) - len(talk) :]):
        yield "messages: the system's words come first"
    if not talk or not isinstance(talk[0], _User):
        yield "messages: the user speaks first"
    for at, message in enumerate(messages):
        if isinstance(message, _Assistant) and not (message.content or message.tool_calls or message.refusal):
            yield f"messages[{at}]: an assistant message needs content or tool_calls"


def _tool_calls(messages: Sequence[_Message]) -> Iterator[str]:
    seen: set[str] = set()
    open_ids: set[str] = set()
    for at, message in enumerate(messages):
        if isinstance(message, _Tool):
            if message.tool_call_id not in open_ids:
                yield f"messages[{at}]: a tool message must answer a tool call right before it"
            open_ids.discard(message.tool_call_id)
            continue
        if open_ids:
            yield f"messages[{at}]: these tool_call_ids did not have response messages: {sorted(open_ids)}"
        calls = message.tool_calls or [] if isinstance(message, _Assistant) else []
        open_ids = {call.id for call in calls}
        if len(seen | open_ids) < len(seen) + len(calls):
            yield f"messages[{at}]: the ids of tool calls must differ"
        seen |= open_ids
    if open_ids:
        yield f"messages: these tool_call_ids did not have response messages: {sorted(open_ids)}"


def _tools(asked: _Body) -> Iterator[str]:
    names = [tool.function.name for tool in asked.tools or []]
    if len(set(names)) < len(names):
        yield "tools: the names of tools must differ"
    if asked.tool_choice is not None and not names:
        yield "'tool_choice' is only allowed when 'tools' are specified."
    if asked.parallel_tool_calls is not None and not names:
        yield "'parallel_tool_calls' is only allowed when 'tools' are specified."
    if isinstance(asked.tool_choice, _OneTool) and asked.tool_choice.function.name not in names:
        yield f"tool_choice: there is no tool {asked.tool_choice.function.name!r}"
