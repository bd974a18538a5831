"""The rules for the body of a request to Google's generateContent, at the Gemini API and at Vertex AI.

They come from the API's reference (https://ai.google.dev/api/generate-content), its guides to function calling and to
thought signatures, and from its errors. Like all of Google's APIs it accepts ``snake_case`` for ``camelCase``.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, cast

import msgspec
from msgspec import Meta

from validators.google_models import model_violations, signs_calls
from validators.patterns import PatternChecked

NAME = r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}\Z"
MEDIA_TYPE = r"^[a-z]+/[a-zA-Z0-9.+-]+\Z"
RESULT_TYPES = {"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}
NonEmpty = Annotated[str, Meta(min_length=1)]
_FREE_FORM = {
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "labels",
}
_underscore = re.compile("_([a-z])")


class _Strict(PatternChecked, rename="camel", forbid_unknown_fields=True):
    """``Invalid JSON payload received. Unknown name``"""


class _InlineData(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"mime_type": MEDIA_TYPE}

    mime_type: str
    data: NonEmpty


class _File(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"mime_type": MEDIA_TYPE}

    mime_type: str
    file_uri: NonEmpty


class _Call(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    id: NonEmpty | None = None
    args: dict[str, Any] | None = None


class _Resolution(_Strict):
    level: Literal[
        "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH", "MEDIA_RESOLUTION_ULTRA_HIGH"
    ]


class _ResultPart(_Strict):
    inline_data: _InlineData | None = None
    file_data: _File | None = None
    media_resolution: _Resolution | None = None


class _Result(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    response: dict[str, Any]
    id: NonEmpty | None = None
    parts: tuple[_ResultPart, ...] = ()


class _Part(_Strict):
    text: str | None = None
    thought: bool = False
    thought_signature: NonEmpty | None = None
    inline_data: _InlineData | None = None
    file_data: _File | None = None
    function_call: _Call | None = None
    function_response: _Result | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    tool_call: dict[str, Any] | None = None
    tool_response: dict[str, Any] | None = None
    media_resolution: _Resolution | None = None

    @property
    def kinds(self) -> list[str]:
        """The members of the union that are set."""
        attributes = ("thought", "thought_signature", "media_resolution")
        return [name for name in self.__struct_fields__ if name not in attributes and getattr(self, name) is not None]


class _Content(_Strict):
    role: Literal["user", "model"]
    parts: Annotated[list[_Part], Meta(min_length=1)]

    @property
    def calls(self) -> list[_Call]:
        return [part.function_call for part in self.parts if part.function_call]

    @property
    def results(self) -> list[_Result]:
        return [part.function_response for part in self.parts if part.function_response]


class _System(_Strict):
    parts: Annotated[list[_Part], Meta(min_length=1)]
    role: str | None = None


class _Declaration(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class _Tool(_Strict):
    function_declarations: Annotated[list[_Declaration], Meta(min_length=1)] | None = None
    code_execution: dict[str, Any] | None = None
    google_search: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None
    file_search: dict[str, Any] | None = None
    google_maps: dict[str, Any] | None = None
    computer_use: dict[str, Any] | None = None
    enterprise_web_search: dict[str, Any] | None = None


class _CallingConfig(_Strict):
    mode: Literal["AUTO", "ANY", "NONE", "VALIDATED"]
    allowed_function_names: tuple[str, ...] = ()
    stream_function_call_arguments: bool = False


class _ToolConfig(_Strict):
    function_calling_config: _CallingConfig | None = None
    include_server_side_tool_invocations: bool = False


class _Thinking(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"thinking_level": r"^(?i:MINIMAL|LOW|MEDIUM|HIGH|XHIGH)\Z"}

    include_thoughts: bool = False
    thinking_budget: Annotated[int, Meta(ge=-1)] | None = None
    thinking_level: str | None = None


class _GenerationConfig(_Strict):
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[float, Meta(ge=1)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    seed: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)] | None = None
    stop_sequences: Annotated[list[NonEmpty], Meta(max_length=5)] | None = None
    response_mime_type: NonEmpty | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    response_modalities: list[str] | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    thinking_config: _Thinking | None = None
    media_resolution: Literal["MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"] | None = None


class _SafetySetting(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"category": r"^HARM_CATEGORY_[A-Z_]+\Z"}

    category: str
    threshold: Literal["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"]
    method: Literal["SEVERITY", "PROBABILITY"] | None = None


class _Body(_Strict):
    contents: Annotated[list[_Content], Meta(min_length=1)]
    system_instruction: _System | None = None
    tools: tuple[_Tool, ...] = ()
    tool_config: _ToolConfig | None = None
    generation_config: _GenerationConfig | None = None
    safety_settings: list[_SafetySetting] | None = None
    model_armor_config: dict[str, Any] | None = None
    labels: dict[str, str] | None = None
    cached_content: NonEmpty | None = None
    service_tier: Literal["standard", "flex", "priority"] | None = None


def violations(
    body: Mapping[str, Any], *, needs_signatures: bool = False, model: str = "", vertex: bool = False
) -> list[str]:
    """The reasons for which the API would reject *body*; empty if it is valid.

    If *needs_signatures*, the model rejects unsigned tool uses of the current turn. With *model*, its own rules are
    checked, this one among them, at the Gemini API or, with *vertex*, at Vertex AI.
    """
    renamed = cast("dict[str, Any]", _camel(body))
    try:
        request = msgspec.convert(renamed, _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    return [
        *_order(request.contents),
        *_parts(request.contents),
        *_calls(request.contents),
        *_results(request.contents),
        *_tools(request),
        *_cached(request),
        *_generation(request.generation_config),
        *(_unsigned(request.contents) if needs_signatures or signs_calls(model) else ()),
        *(model_violations(renamed, model, vertex) if model else ()),
    ]


def _camel(value: object) -> object:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value).items()
        renamed = {_underscore.sub(lambda match: match[1].upper(), name): member for name, member in members}
        return {name: member if name in _FREE_FORM else _camel(member) for name, member in renamed.items()}
    if isinstance(value, list):
        return [_camel(item) for item in cast("list[object]", value)]
    return value


def _order(contents: Sequence[_Content]) -> Iterator[str]:
    if contents[0].role != "user":
        yield "contents: the first content must be the user's"
    if contents[-1].role != "user":
        yield "contents: single turn or multi-turn requests end with a user role or a function response"


def _parts(contents: Sequence[_Content]) -> Iterator[str]:
    model_only = ("function_call", "executable_code", "code_execution_result", "tool_call", "tool_response")
    for index, content in enumerate(contents):
        for number, part in enumerate(content.parts):
            place = f"contents[{index}].parts[{number}]"
            if len(part.kinds) != 1 and not (part.thought_signature and not part.kinds):
                yield f"{place}: the oneof field 'data' must have one initialized field, not {part.kinds}"
            if content.role == "user" and (
                part.thought or part.thought_signature or set(part.kinds).intersection(model_only)
            ):
                yield f"{place}: only the model may send this"
            if content.role == "model" and part.function_response:
                yield f"{place}: please ensure that function response turn comes from the user"
            for encoded in (part.thought_signature, part.inline_data.data if part.inline_data else None):
                if encoded and not _is_base64(encoded):
                    yield f"{place}: Base64 decoding failed"


def _is_base64(encoded: str) -> bool:
    """True if Google decodes *encoded*: it accepts both base64 alphabets, and needs no padding."""
    plain = encoded.replace("-", "+").replace("_", "/").rstrip("=")
    return re.fullmatch("[A-Za-z0-9+/]*", plain) is not None and len(plain) % 4 != 1


def _calls(contents: Sequence[_Content]) -> Iterator[str]:
    for index, (before, content) in enumerate(pairwise(contents), start=1):
        calls, results = before.calls, content.results
        if len(results) != len(calls):
            yield (
                f"contents[{index}]: please ensure that the number of function response parts is equal to the number "
                f"of function call parts of the function call turn: {len(results)}, {len(calls)}"
            )
        elif Counter(call.name for call in calls) != Counter(result.name for result in results):
            yield f"contents[{index}]: the names of function calls and responses differ"
        elif Counter(call.id for call in calls) != Counter(result.id for result in results):
            yield f"contents[{index}]: the ids of function calls and responses differ"
    if contents[0].results or contents[-1].calls:
        yield "contents: function calls and their responses come in pairs"


def _results(contents: Sequence[_Content]) -> Iterator[str]:
    for index, content in enumerate(contents):
        for result in content.results:
            # Parts have no display names here, which alone may be referred to.
            if '"$ref":' in msgspec.json.encode(result.response).decode():
                yield f"contents[{index}]: $ref in the function response does not match any part"
            for part in result.parts:
                media = part.inline_data or part.file_data
                if media is None or media.mime_type not in RESULT_TYPES:
                    yield f"contents[{index}]: unsupported media in a function response: {media}"


def _cached(request: _Body) -> Iterator[str]:
    if request.cached_content is not None and (request.system_instruction or request.tools or request.tool_config):
        yield "tool config, tools and system instruction should not be set in the request when using cached content"


def _tools(request: _Body) -> Iterator[str]:
    names = [declared.name for tool in request.tools for declared in tool.function_declarations or []]
    if len(names) > 512:
        yield "tools: at most 512 function declarations can be specified"
    if len(set(names)) < len(names):
        yield "tools: duplicate function declaration found"
    calling = request.tool_config.function_calling_config if request.tool_config else None
    if calling is None:
        return
    if not names:
        yield "toolConfig: function calling config is set without function declarations"
    if calling.allowed_function_names and calling.mode not in ("ANY", "VALIDATED"):
        yield "toolConfig: allowed_function_names should only be set when the mode is ANY or VALIDATED"
    if unknown := set(calling.allowed_function_names) - set(names):
        yield f"toolConfig: {sorted(unknown)} are not declared"


def _generation(config: _GenerationConfig | None) -> Iterator[str]:
    if config is None:
        return
    if config.response_json_schema is not None and config.response_schema is not None:
        yield "generationConfig: only one of response_schema and response_json_schema may be set"
    has_schema = config.response_json_schema is not None or config.response_schema is not None
    if has_schema and config.response_mime_type != "application/json":
        yield "generationConfig: a response schema needs the response mime type application/json"
    thinking = config.thinking_config
    if thinking and thinking.thinking_budget is not None and thinking.thinking_level is not None:
        yield "generationConfig: thinking_budget and thinking_level are not supported together"


def _unsigned(contents: Sequence[_Content]) -> Iterator[str]:
    """The unsigned tool uses of the current turn, which starts with the last user content without results."""
    turn_starts = [index for index, content in enumerate(contents) if content.role == "user" and not content.results]
    for index, content in enumerate(contents):
        first = next((part for part in content.parts if part.function_call), None)
        if first and not first.thought_signature and index > max(turn_starts, default=-1):
            yield f"contents[{index}]: function call is missing a thought_signature in functionCall parts"
