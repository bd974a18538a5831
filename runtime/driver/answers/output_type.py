"""Types of answers: the schema that the model is asked to fit, and the value that an answer's text is."""

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, Generic, TypeVar, cast, get_args

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import Text
from ....providers.schema.errors import InvalidConfig
from ...api.messages import UserMessage
from ...tools.portable_schemas import NotPortable, portable_schema

T = TypeVar("T")

_FENCE = "```"


class Misfit(Exception):
    """A text that is no value of the type. The message says where, and why."""


class _Wrapped(msgspec.Struct):
    """An object around a value that is none itself: providers take schemas of objects only."""

    value: msgspec.Raw


class OutputType(Generic[T]):
    """A type of answers: a msgspec Struct, a dataclass, a pydantic model, or any other type that msgspec decodes.

    *schema* is for the provider; ``None`` if there is no form of it that all providers take.

    Raises:
        InvalidConfig: there is no JSON Schema of the type.
    """

    def __init__(self, kind: type[T]) -> None:
        full, self._decode = _pydantic(kind) if _has_pydantic(kind) else _msgspec(kind)
        self._wraps = not _is_object(full)
        if self._wraps:
            value = {name: part for name, part in full.items() if name != "$defs"}
            definitions = {"$defs": full["$defs"]} if "$defs" in full else {}
            full = {"type": "object", "properties": {"value": value}, "required": ["value"], **definitions}
        self._text = msgspec.json.encode(full).decode()
        try:
            self.schema: dict[str, Any] | None = portable_schema(full)
        except NotPortable:
            self.schema = None

    def value(self, text: str) -> T:
        """The value that an answer's *text* is.

        Raises:
            Misfit: it is none.
        """
        data = _without_fence(text).encode()
        try:
            return self._decode(msgspec.json.decode(data, type=_Wrapped).value if self._wraps else data)
        except msgspec.DecodeError as error:
            raise Misfit(str(error)) from None

    def asked_for_in(self, message: UserMessage) -> UserMessage:
        """*message*, with the schema in words instead of for the provider."""
        request = f"Answer with a JSON object that fits this JSON Schema, and with nothing else:\n{self._text}"
        return msgspec.structs.replace(message, content=(*message.content, Text(request)), output_schema=None)

    def correction(self, problem: str) -> UserMessage:
        """What the model is told about an answer that has the *problem*."""
        return UserMessage.of(
            f"Your answer does not fit the JSON Schema: {problem}. Answer again, with a JSON object that fits it, and "
            f"with nothing else. The JSON Schema:\n{self._text}"
        )


def output_type_of(kind: type[T]) -> OutputType[T]:
    """The output type *kind*.

    Raises:
        InvalidConfig: there is no JSON Schema of it.
    """
    try:
        hash(kind)
    except TypeError:
        problem = f"give a type, such as a msgspec Struct, not a {type(kind).__name__}"
        raise InvalidConfig("output_type", problem) from None
    return cast("OutputType[T]", _output_type(cast("Hashable", kind)))


@cache
def _output_type(kind: Hashable) -> OutputType[Any]:
    return OutputType(cast("type[Any]", kind))


def _has_pydantic(kind: object) -> bool:
    """True if *kind* is a pydantic model, or made of one: a list of them, for instance."""
    return hasattr(kind, "__pydantic_validator__") or any(map(_has_pydantic, get_args(kind)))


def _msgspec(kind: type[T]) -> tuple[dict[str, Any], Callable[[bytes | msgspec.Raw], T]]:
    try:
        return msgspec.json.schema(kind), msgspec.json.Decoder(kind).decode
    except (TypeError, ValueError) as error:
        name = shown(getattr(kind, "__name__", None) or repr(kind), quoted=False)
        reason = shown(str(error).partition("\n")[0], quoted=False, limit=200)
        problem = f"give a msgspec Struct, a dataclass or a pydantic model; {name} has no JSON Schema: {reason}"
        raise InvalidConfig("output_type", problem) from None


def _pydantic(kind: type[T]) -> tuple[dict[str, Any], Callable[[bytes | msgspec.Raw], T]]:
    from pydantic import TypeAdapter, ValidationError  # which the program has imported: *kind* comes from it

    adapter = TypeAdapter(kind)

    def decode(data: bytes | msgspec.Raw) -> T:
        try:
            return adapter.validate_json(bytes(data))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise Misfit("; ".join(f"{each['msg']} - at `{_path(each['loc'])}`" for each in found)) from None

    return adapter.json_schema(), decode


def _path(location: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _is_object(schema: dict[str, Any]) -> bool:
    """True if *schema* is of an object, possibly by a reference."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _is_object(cast("dict[str, dict[str, Any]]", schema["$defs"])[name])
    return schema.get("type") == "object"


def _without_fence(text: str) -> str:
    """*text* without a code fence around all of it, which models like to add."""
    text = text.strip()
    if not (text.startswith(_FENCE) and text.endswith(_FENCE) and "\n" in text):
        return text
    return text.partition("\n")[2].removesuffix(_FENCE)
