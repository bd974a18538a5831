"""The rules for the body of a request to Google's generateContent, at the Gemini API and at Vertex AI.

They come from the API's reference (https://ai.google.dev/api/generate-content), its guides to function calling and to
thought signatures, and from the errors that it gives. Like every API of Google's it takes ``snake_case`` for
``camelCase``.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, cast

import msgspec
from msgspec import Meta

from validators.forms import Formed

NAME = r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}\Z"
MEDIA_TYPE = r"^[a-z]+/[a-zA-Z0-9.+-]+\Z"
NonEmpty = Annotated[str, Meta(min_length=1)]
_FREE = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels"}
_underscore = re.compile("_([a-z])")


class _Given(Formed, rename="camel", forbid_unknown_fields=True):
    """``Invalid JSON payload received. Unknown name``"""


class _Bytes(_Given):
    forms: ClassVar[Mapping[str, str]] = {"mime_type": MEDIA_TYPE}

    mime_type: str
    data: NonEmpty


class _File(_Given):
    forms: ClassVar[Mapping[str, str]] = {"mime_type": MEDIA_TYPE}

    mime_type: str
    file_uri: NonEmpty


class _Call(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    id: NonEmpty | None = None
    args: dict[str, Any] | None = None


class _ResultPart(_Given):
    inline_data: _Bytes | None = None
    file_data: _File | None = None


class _Result(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    response: dict[str, Any]
    id: NonEmpty | None = None
    parts: tuple[_ResultPart, ...] = ()


class _Part(_Given):
    text: str | None = None
    thought: bool = False
    thought_signature: NonEmpty | None = None
    inline_data: _Bytes | None = None
    file_data: _File | None = None
    function_call: _Call | None = None
    function_response: _Result | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    tool_call: dict[str, Any] | None = None
    tool_response: dict[str, Any] | None = None

    @property
    def kinds(self) -> list[str]:
        """The members of the union that a part is."""
        about = ("thought", "thought_signature")
        return [name for name in self.__struct_fields__ if name not in about and getattr(self, name) is not None]


class _Content(_Given):
    role: Literal["user", "model"]
    parts: Annotated[list[_Part], Meta(min_length=1)]

    @property
    def calls(self) -> list[_Call]:
        return [part.function_call for part in self.parts if part.function_call]

    @property
    def results(self) -> list[_Result]:
        return [part.function_response for part in self.parts if part.function_response]


class _System(_Given):
    parts: Annotated[list[_Part], Meta(min_length=1)]
    role: str | None = None


class _Declaration(_Given):
    forms: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class _Tool(_Given):
    function_declarations: Annotated[list[_Declaration], Meta(min_length=1)] | None = None
    code_execution: dict[str, Any] | None = None
    google_search: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None
    file_search: dict[str, Any] | None = None


class _Calling(_Given):
    mode: Literal["AUTO", "ANY", "NONE", "VALIDATED"]
    allowed_function_names: tuple[str, ...] = ()


class _ToolConfig(_Given):
    function_calling_config: _Calling | None = None
    include_server_side_tool_invocations: bool = False


class _Thinking(_Given):
    include_thoughts: bool = False
    thinking_budget: Annotated[int, Meta(ge=-1)] | None = None
    thinking_level: Literal["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"] | None = None


class _Generation(_Given):
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


class _Body(_Given):
    contents: Annotated[list[_Content], Meta(min_length=1)]
    system_instruction: _System | None = None
    tools: tuple[_Tool, ...] = ()
    tool_config: _ToolConfig | None = None
    generation_config: _Generation | None = None
    safety_settings: list[dict[str, Any]] | None = None
    model_armor_config: dict[str, Any] | None = None
    labels: dict[str, str] | None = None


def violations(body: Mapping[str, Any], *, signs: bool = False) -> list[str]:
    """What the API would refuse in *body*; nothing, if the request is good.

    *signs*: the model is of those that want tool uses of this turn signed, from Gemini 3 on.
    """
    try:
        asked = msgspec.convert(_camel(body), _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    return [
        *_order(asked.contents),
        *_parts(asked.contents),
        *_calls(asked.contents),
        *_tools(asked),
        *_generation(asked.generation_config),
        *(_unsigned(asked.contents) if signs else ()),
    ]


def _camel(value: object) -> object:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value).items()
        given = {_underscore.sub(lambda found: found[1].upper(), name): each for name, each in members}
        return {name: each if name in _FREE else _camel(each) for name, each in given.items()}
    if isinstance(value, list):
        return [_camel(each) for each in cast("list[object]", value)]
    return value


def _order(contents: Sequence[_Content]) -> Iterator[str]:
    if contents[0].role != "user":
        yield "contents: the user speaks first"
    if contents[-1].role != "user":
        yield "contents: single turn or multi-turn requests end with a user role or a function response"


def _parts(contents: Sequence[_Content]) -> Iterator[str]:
    of_model = ("function_call", "executable_code", "code_execution_result", "tool_call", "tool_response")
    for at, content in enumerate(contents):
        for number, part in enumerate(content.parts):
            place = f"contents[{at}].parts[{number}]"
            if len(part.kinds) != 1 and not (part.thought_signature and not part.kinds):
                yield f"{place}: the oneof field 'data' must have one initialized field, not {part.kinds}"
            if content.role == "user" and (
                part.thought or part.thought_signature or set(part.kinds).intersection(of_model)
            ):
                yield f"{place}: this is the model's to say"
            if content.role == "model" and part.function_response:
                yield f"{place}: please ensure that function response turn comes from the user"
            for encoded in (part.thought_signature, part.inline_data.data if part.inline_data else None):
                if encoded and not _decodes(encoded):
                    yield f"{place}: Base64 decoding failed"


def _decodes(encoded: str) -> bool:
    """Google takes both alphabets for bytes, and does without padding."""
    plain = encoded.replace("-", "+").replace("_", "/").rstrip("=")
    return re.fullmatch("[A-Za-z0-9+/]*", plain) is not None and len(plain) % 4 != 1


def _calls(contents: Sequence[_Content]) -> Iterator[str]:
    for at, (before, content) in enumerate(pairwise(contents), start=1):
        calls, results = before.calls, content.results
        if len(results) != len(calls):
            yield (
                f"contents[{at}]: please ensure that the number of function response parts is equal to the number of "
                f"function call parts of the function call turn: {len(results)}, {len(calls)}"
            )
        elif Counter(call.name for call in calls) != Counter(result.name for result in results):
            yield f"contents[{at}]: the names of function calls and responses differ"
        elif Counter(call.id for call in calls) != Counter(result.id for result in results):
            yield f"contents[{at}]: the ids of function calls and responses differ"
    if contents[0].results or contents[-1].calls:
        yield "contents: function calls and their responses come in pairs"


def _tools(asked: _Body) -> Iterator[str]:
    names = [each.name for tool in asked.tools for each in tool.function_declarations or []]
    if len(set(names)) < len(names):
        yield "tools: duplicate function declaration found"
    calling = asked.tool_config.function_calling_config if asked.tool_config else None
    if calling is None:
        return
    if not names:
        yield "toolConfig: function calling config is set without function declarations"
    if calling.allowed_function_names and calling.mode not in ("ANY", "VALIDATED"):
        yield "toolConfig: allowed_function_names should only be set when the mode is ANY or VALIDATED"
    if unknown := set(calling.allowed_function_names) - set(names):
        yield f"toolConfig: {sorted(unknown)} are not declared"


def _generation(config: _Generation | None) -> Iterator[str]:
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
    """The current turn begins with the last content of the user's that is no result only."""
    turns = [at for at, content in enumerate(contents) if content.role == "user" and not content.results]
    for at, content in enumerate(contents):
        first = next((part for part in content.parts if part.function_call), None)
        if first and not first.thought_signature and at > max(turns, default=-1):
            yield f"contents[{at}]: function call is missing a thought_signature in functionCall parts"
