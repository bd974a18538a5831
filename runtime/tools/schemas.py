"""The JSON Schema of a function's parameters, and the way from a tool's input to its arguments."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.errors import InvalidConfig

_VALUES = ("default", "const", "enum", "examples")
"""Keywords of a schema whose values are no schemas."""


def parameters_of(
    function: Callable[..., Any], descriptions: Mapping[str, str], name: str, without_first: bool
) -> "Parameters":
    """The parameters of *function*, the tool *name*: all of them, or *without_first*.

    Raises:
        InvalidConfig: a parameter has no type, or one without a JSON Schema; it is named.
    """
    signature = inspect.signature(function)
    try:
        hints = _hints(function)
    except (NameError, TypeError) as error:
        raise InvalidConfig(f"tool.{name}", f"its annotations can't be read: {error}") from None
    parameters = list(signature.parameters.values())[without_first:]
    return Parameters(name, [_field(parameter, hints, descriptions, name) for parameter in parameters])


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of the parameters. That of the result may be one that only type checkers import."""
    written = written_function(function)
    annotated: Any = written if inspect.isroutine(written) else type(written).__call__  # an object that can be called
    names = getattr(inspect.unwrap(annotated), "__globals__", None)

    def parameters() -> None: ...

    parameters.__annotations__ = {
        name: kind for name, kind in getattr(annotated, "__annotations__", {}).items() if name != "return"
    }
    return get_type_hints(parameters, globalns=names, include_extras=True)


def written_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that has the name, the annotations and the docstring: that of a ``functools.partial``."""
    while isinstance(function, partial):
        function = cast("partial[object]", function).func
    return function


Field = tuple[str, Any, Any]
"""The name of a parameter, its type, and its default: ``inspect.Parameter.empty`` if it has none."""


def _field(parameter: inspect.Parameter, hints: Mapping[str, Any], descriptions: Mapping[str, str], name: str) -> Field:
    place = f"tool.{name}.{parameter.name}"
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise InvalidConfig(place, "a tool gets its input by keyword: give each parameter a name and a type of its own")
    if parameter.name not in hints:
        raise InvalidConfig(place, "annotate the parameter with its type, such as str")
    kind = _described(hints[parameter.name], descriptions.get(parameter.name))
    if not _is_pydantic(kind):
        _check_type(kind, place)
    return parameter.name, kind, parameter.default


def _described(kind: Any, description: str | None) -> Any:
    """*kind* with its description: that of its annotation, such as ``Annotated[str, "a town"]``, or *description*."""
    if get_origin(kind) is not Annotated:
        return Annotated[kind, msgspec.Meta(description=description)] if description else kind
    inner, *extras = get_args(kind)
    texts = [extra for extra in extras if isinstance(extra, str)]
    described = any(getattr(extra, "description", None) for extra in extras)
    text = texts[0] if texts else None if described else description
    kept = [extra for extra in extras if not isinstance(extra, str)]
    for extra in (*kept, *([msgspec.Meta(description=text)] if text else [])):
        inner = Annotated[inner, extra]
    return inner


def _check_type(kind: Any, place: str) -> None:
    try:
        _schema(kind, place)
        msgspec.json.Decoder(kind)
    except (TypeError, ValueError) as error:
        reason = shown(str(error).partition("\n")[0], quoted=False, limit=200)
        raise InvalidConfig(place, f"the type has no JSON Schema: {reason}") from None


def _schema(kind: Any, place: str) -> dict[str, Any]:
    try:
        return msgspec.json.schema(kind)
    except KeyError as error:  # of a map by name and module
        name = getattr(error.args[0], "__name__", error.args[0])
        raise InvalidConfig(place, f"two of its types are called {name}, and in the same module: rename one") from None


class Parameters:
    """The parameters of the tool *name*: their *schema*, and called with its input, the function's arguments.

    They can be pickled where the types of *fields* can. Input that does not fit raises
    ``msgspec.ValidationError``.
    """

    def __init__(self, name: str, fields: list[Field]) -> None:
        self._name, self._fields = name, fields
        self._adapters = {
            field: _Adapter(kind, f"tool.{name}.{field}") for field, kind, _ in fields if _is_pydantic(kind)
        }
        optional = msgspec.field(
            default_factory=lambda: None
        )  # never used: what is not given has the function's default
        typed = [(field, Any if field in self._adapters else kind, default) for field, kind, default in fields]
        members = [
            (field, kind) if default is inspect.Parameter.empty else (field, kind, optional)
            for field, kind, default in typed
        ]
        self._struct = msgspec.defstruct("Input", members, kw_only=True, forbid_unknown_fields=True)

    def __call__(self, given: dict[str, Any]) -> dict[str, Any]:
        decoded = msgspec.convert(given, self._struct, strict=True, str_keys=True)
        values = {field: getattr(decoded, field) for field in given}
        adapters = self._adapters
        return {field: adapters[field].value(values[field]) if field in adapters else values[field] for field in given}

    def __reduce__(self) -> tuple[Any, ...]:
        empty = inspect.Parameter.empty
        return Parameters, (
            self._name,
            [(name, kind, each if each is empty else None) for name, kind, each in self._fields],
        )

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the input."""
        schema = _inlined(_schema(self._struct, f"tool.{self._name}"))
        for field, _, default in self._fields:
            if field in self._adapters:
                part = dict(self._adapters[field].schema)
                own, others = part.pop("$defs", {}), schema.setdefault("$defs", {})
                if alike := sorted(name for name in own.keys() & others if own[name] != others[name]):
                    place = f"tool.{self._name}.{field}"
                    raise InvalidConfig(place, f"another recursive type is called {alike[0]}, too: rename one")
                others |= own
                schema["properties"][field] = part
            if default is not inspect.Parameter.empty:
                schema["properties"][field].pop("default", None)
                schema["properties"][field].update(_default(default))
        if not schema.get("$defs", True):
            del schema["$defs"]
        return schema


def _default(default: object) -> dict[str, object]:
    """The keyword for *default*, if JSON has it: the model needs to know it, but the function has it anyway."""
    try:
        plain = msgspec.to_builtins(default, enc_hook=_plain, str_keys=True)
        text = json.dumps(plain, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return {}
    return {"default": json.loads(text)}


def _plain(value: Any) -> object:
    if hasattr(value, "__pydantic_serializer__"):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


class _Adapter:
    """The *schema* of a type that pydantic knows, and its values.

    Raises:
        InvalidConfig: pydantic has no schema of *kind*, the type of the parameter *place*.
    """

    def __init__(self, kind: Any, place: str) -> None:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError

        extras = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
        told = next((extra.description for extra in extras if isinstance(extra, msgspec.Meta)), None)
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(kind)
            self.schema = _inlined(self._adapter.json_schema())
        except (PydanticUserError, TypeError) as error:
            reason = shown(str(error).partition("\n")[0], quoted=False, limit=200)
            raise InvalidConfig(place, f"the type has no JSON Schema: {reason}") from None
        if told:
            self.schema["description"] = told
        self._field = place.rpartition(".")[2]

    def value(self, given: object) -> object:
        """The value of what is *given*.

        Raises:
            msgspec.ValidationError: it does not fit.
        """
        from pydantic import ValidationError

        try:
            return self._adapter.validate_python(given)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            problems = (f"{each['msg']} - at `{'.'.join(map(str, (self._field, *each['loc'])))}`" for each in found)
            raise msgspec.ValidationError("; ".join(problems)) from None


def _is_pydantic(kind: Any) -> bool:
    """True if *kind* is a pydantic model, made of one (a list of them, for instance), or has pydantic's limits."""
    package = type(kind).__module__.partition(".")[0]  # of what annotates a type
    is_its_own = hasattr(kind, "__pydantic_validator__") or package in ("pydantic", "annotated_types")
    return is_its_own or any(map(_is_pydantic, get_args(kind)))


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """*schema* without titles and references, which not every provider follows; those of recursive types stay."""
    definitions: dict[str, Any] = schema.get("$defs", {})
    recursive: dict[str, Any] = {}

    def written(part: Any, path: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [written(each, path) for each in cast("Sequence[object]", part)]
        if not isinstance(part, dict):
            return part
        node = cast("dict[str, Any]", part)
        if "$ref" in node:
            name = str(node["$ref"]).rpartition("/")[2]
            if name in path:
                recursive.setdefault(name)
                return node
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return {**written(definitions[name], (*path, name)), **rest}
        return {
            key: value
            if key in _VALUES
            else {name: written(each, path) for name, each in value.items()}
            if key == "properties"
            else written(value, path)
            for key, value in node.items()
            if key not in ("$defs", "discriminator") and not (key == "title" and isinstance(value, str))
        }

    top = cast("dict[str, Any]", written({key: value for key, value in schema.items() if key != "$defs"}, ()))
    while missing := [name for name, definition in recursive.items() if definition is None]:
        recursive[missing[0]] = written(definitions[missing[0]], (missing[0],))
    return {**top, "$defs": recursive} if recursive else top
