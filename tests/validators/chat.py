"""The rules for the body of a Chat Completions request, to OpenAI or to a deployment of Azure OpenAI.

They come from OpenAI's API reference and from its errors; the names of fields are those of its SDK's parameter types.
They are stricter than the API where it is lenient (a system message anywhere, empty text).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from validators.openai.models import Asked, problems
from validators.patterns import PatternChecked

NAME = r"^[a-zA-Z0-9_-]{1,64}\Z"
NonEmpty = Annotated[str, Meta(min_length=1)]
Id = Annotated[str, Meta(min_length=1, max_length=40)]
"""``Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40``"""


class _Strict(PatternChecked, kw_only=True, forbid_unknown_fields=True):
    """``Unrecognized request argument supplied``"""


class _Text(_Strict, tag_field="type", tag="text"):
    text: NonEmpty


class _ImageUrl(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"url": "^(https?://|data:image/)"}

    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class _Image(_Strict, tag_field="type", tag="image_url"):
    image_url: _ImageUrl


class _FileData(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"file_data": "^data:"}

    file_data: str | None = None
    filename: NonEmpty | None = None
    file_id: NonEmpty | None = None


class _File(_Strict, tag_field="type", tag="file"):
    file: _FileData


class _AudioData(_Strict):
    data: NonEmpty
    format: Literal["wav", "mp3"]


class _Audio(_Strict, tag_field="type", tag="input_audio"):
    input_audio: _AudioData


class _Refusal(_Strict, tag_field="type", tag="refusal"):
    refusal: NonEmpty


class _Function(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    arguments: str


class _FunctionCall(_Strict, tag_field="type", tag="function"):
    id: Id
    function: _Function


class _Custom(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    input: str


class _CustomCall(_Strict, tag_field="type", tag="custom"):
    id: Id
    custom: _Custom


class _System(_Strict, tag_field="role", tag="system"):
    content: NonEmpty | Annotated[list[_Text], Meta(min_length=1)]
    name: NonEmpty | None = None


class _Developer(_Strict, tag_field="role", tag="developer"):
    content: NonEmpty | Annotated[list[_Text], Meta(min_length=1)]
    name: NonEmpty | None = None


class _User(_Strict, tag_field="role", tag="user"):
    content: NonEmpty | Annotated[list[_Text | _Image | _File | _Audio], Meta(min_length=1)]
    name: NonEmpty | None = None


class _Assistant(_Strict, tag_field="role", tag="assistant"):
    content: str | Annotated[list[_Text | _Refusal], Meta(min_length=1)] | None = None
    refusal: NonEmpty | None = None
    tool_calls: Annotated[list[_FunctionCall | _CustomCall], Meta(min_length=1)] | None = None
    name: NonEmpty | None = None


class _Tool(_Strict, tag_field="role", tag="tool"):
    tool_call_id: Id
    content: str | Annotated[list[_Text], Meta(min_length=1)]


_Message = _System | _Developer | _User | _Assistant | _Tool


class _FunctionDeclaration(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _DeclaredFunction(_Strict, tag_field="type", tag="function"):
    function: _FunctionDeclaration

    @property
    def name(self) -> str:
        return self.function.name


class _CustomDeclaration(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None


class _DeclaredCustom(_Strict, tag_field="type", tag="custom"):
    custom: _CustomDeclaration

    @property
    def name(self) -> str:
        return self.custom.name


class _FunctionName(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str


class _OneTool(_Strict, tag_field="type", tag="function"):
    function: _FunctionName


class _OneCustomTool(_Strict, tag_field="type", tag="custom"):
    custom: _FunctionName


class _Allowed(_Strict):
    mode: Literal["auto", "required"]
    tools: Annotated[list[_OneTool | _OneCustomTool], Meta(min_length=1)]


class _AllowedTools(_Strict, tag_field="type", tag="allowed_tools"):
    allowed_tools: _Allowed


class _CacheOptions(_Strict):
    mode: Literal["implicit", "explicit"] | None = None
    ttl: Literal["30m"] | None = None


class _StreamOptions(_Strict):
    include_usage: bool = False


class _Body(_Strict):
    messages: Annotated[list[_Message], Meta(min_length=1)]
    model: NonEmpty | None = None
    tools: Annotated[list[_DeclaredFunction | _DeclaredCustom], Meta(min_length=1, max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | _OneTool | _OneCustomTool | _AllowedTools | None = None
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
    safety_identifier: Annotated[str, Meta(max_length=128)] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: _CacheOptions | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    store: bool | None = None
    metadata: Annotated[dict[str, Annotated[str, Meta(max_length=512)]], Meta(max_length=16)] | None = None
    logit_bias: dict[str, int] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


def violations(
    body: Mapping[str, object], *, model_in_path: bool = False, deployed_model: str | None = None
) -> list[str]:
    """The reasons for which the API would reject *body*; empty if it is valid.

    If *model_in_path*, the deployment in the URL names the model, as at Azure. A deployment is of *deployed_model*.
    """
    try:
        request = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    broken = [*_order(request.messages), *_tool_calls(request.messages), *_tools(request)]
    if request.model is None and not model_in_path:
        broken.append("you must provide a model parameter")
    if request.max_tokens and request.max_completion_tokens:
        broken.append("max_tokens and max_completion_tokens cannot both be set")
    if request.stream_options and not request.stream:
        broken.append("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if request.metadata and not request.store:
        broken.append("The 'metadata' parameter is only allowed when 'store' is enabled.")
    return [*broken, *problems(deployed_model or request.model, _asked(request))]


def _asked(request: _Body) -> Asked:
    return Asked(
        chat=True,
        effort=request.reasoning_effort,
        tools=bool(request.tools),
        temperature=request.temperature,
        top_p=request.top_p,
        stop=bool(request.stop),
        penalties=bool(request.frequency_penalty or request.presence_penalty or request.logit_bias),
        verbosity=request.verbosity,
        cache_options=request.prompt_cache_options is not None,
        deferred=False,
        pro=False,
        encrypted=False,
    )


def _order(messages: Sequence[_Message]) -> Iterator[str]:
    dialogue = [message for message in messages if not isinstance(message, _System | _Developer)]
    if any(isinstance(message, _System | _Developer) for message in messages[len(messages) - len(dialogue) :]):
        yield "messages: system messages must come first"
    if not dialogue or not isinstance(dialogue[0], _User):
        yield "messages: the first message must be the user's"
    for index, message in enumerate(messages):
        if isinstance(message, _Assistant) and not (message.content or message.tool_calls or message.refusal):
            yield f"messages[{index}]: an assistant message needs content or tool_calls"


def _tool_calls(messages: Sequence[_Message]) -> Iterator[str]:
    seen: set[str] = set()
    open_ids: set[str] = set()
    for index, message in enumerate(messages):
        if isinstance(message, _Tool):
            if message.tool_call_id not in open_ids:
                yield f"messages[{index}]: a tool message must answer a tool call right before it"
            open_ids.discard(message.tool_call_id)
            continue
        if open_ids:
            yield f"messages[{index}]: these tool_call_ids did not have response messages: {sorted(open_ids)}"
        calls = message.tool_calls or [] if isinstance(message, _Assistant) else []
        open_ids = {call.id for call in calls}
        if len(seen | open_ids) < len(seen) + len(calls):
            yield f"messages[{index}]: the ids of tool calls must differ"
        seen |= open_ids
    if open_ids:
        yield f"messages: these tool_call_ids did not have response messages: {sorted(open_ids)}"


def _tools(request: _Body) -> Iterator[str]:
    names = [tool.name for tool in request.tools or []]
    if len(set(names)) < len(names):
        yield "tools: the names of tools must differ"
    if request.tool_choice is not None and not names:
        yield "'tool_choice' is only allowed when 'tools' are specified."
    if request.parallel_tool_calls is not None and not names:
        yield "'parallel_tool_calls' is only allowed when 'tools' are specified."
    match request.tool_choice:
        case _AllowedTools(allowed_tools=allowed):
            chosen = allowed.tools
        case _OneTool() | _OneCustomTool() as one:
            chosen = [one]
        case _:
            chosen = []
    for tool in chosen:
        name = tool.function.name if isinstance(tool, _OneTool) else tool.custom.name
        if name not in names:
            yield f"tool_choice: there is no tool {name!r}"
