"""The JSON Schema of a function's parameters, and the way from a tool's input to its arguments."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, cast, get_args, get_origin, get_type_hints

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.errors import InvalidConfig

_MUTABLE = (list, dict, set, bytearray)
"""Defaults that msgspec does not take as they are."""

Arguments = Callable[[dict[str, Any]], dict[str, Any]]


class Parameters(NamedTuple):
    """The *schema* of a function's parameters, and what turns input into *arguments*."""

    schema: dict[str, Any]
    arguments: Arguments


def parameters_of(
    function: Callable[..., Any], descriptions: Mapping[str, str], name: str, without_first: bool
) -> Parameters:
    """The parameters of *function*, the tool *name*: all of them, or *without_first*.

    Raises:
        InvalidConfig: a parameter has no type, or one without a JSON Schema; it is named.
    """
    signature = inspect.signature(function)
    try:
        annotated = function if inspect.isroutine(function) else type(function).__call__  # an object that can be called
        hints = get_type_hints(annotated, include_extras=True)
    except (NameError, TypeError) as error:
        raise InvalidConfig(f"tool.{name}", f"its annotations can't be read: {error}") from None
    parameters = list(signature.parameters.values())[without_first:]
    fields = [_field(parameter, hints, descriptions, name) for parameter in parameters]
    if any(_is_pydantic(kind) for _, kind, _ in fields):
        return _pydantic_parameters(name, fields)
    return _msgspec_parameters(name, fields)


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
    described = any(isinstance(extra, msgspec.Meta) and extra.description for extra in extras)
    text = texts[0] if texts else None if described else description
    kept = [extra for extra in extras if not isinstance(extra, str)]
    for extra in (*kept, *([msgspec.Meta(description=text)] if text else [])):
        inner = Annotated[inner, extra]
    return inner


def _check_type(kind: Any, place: str) -> None:
    try:
        msgspec.json.schema(kind)
        msgspec.json.Decoder(kind)
    except (TypeError, ValueError) as error:
        reason = shown(str(error).partition("\n")[0], quoted=False, limit=200)
        raise InvalidConfig(place, f"the type has no JSON Schema: {reason}") from None


def _msgspec_parameters(name: str, fields: list[Field]) -> Parameters:
    with_defaults = [
        (field, kind) if default is inspect.Parameter.empty else (field, kind, _default(default))
        for field, kind, default in fields
    ]
    struct = msgspec.defstruct(name, with_defaults, kw_only=True, forbid_unknown_fields=True)

    def arguments(given: dict[str, Any]) -> dict[str, Any]:
        decoded = msgspec.convert(given, struct, strict=True)
        return {field: getattr(decoded, field) for field in given}  # the others have the function's own defaults

    schema = _inlined(msgspec.json.schema(struct))
    for field, _, default in fields:
        if isinstance(default, _MUTABLE):
            schema["properties"][field].setdefault("default", msgspec.to_builtins(default))
    return Parameters(schema, arguments)


def _default(default: Any) -> Any:
    """*default*, or what makes it anew where msgspec does not take a mutable value as it is."""
    if isinstance(default, _MUTABLE):
        return msgspec.field(default_factory=lambda: cast(object, default))
    return default


def _pydantic_parameters(name: str, fields: list[Field]) -> Parameters:
    from pydantic import ConfigDict, ValidationError, create_model
    from pydantic import Field as PydanticField

    def field_of(kind: Any, default: Any) -> tuple[Any, Any]:
        description = next((extra.description for extra in get_args(kind)[1:] if isinstance(extra, msgspec.Meta)), None)
        required = default is inspect.Parameter.empty
        return kind, PydanticField(... if required else default, description=description)

    definitions: Any = {field: field_of(kind, default) for field, kind, default in fields}
    model = create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **definitions)

    def arguments(given: dict[str, Any]) -> dict[str, Any]:
        try:
            made = model.model_validate(given)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            problems = (f"{each['msg']} - at `{'.'.join(map(str, each['loc']))}`" for each in found)
            raise msgspec.ValidationError("; ".join(problems)) from None
        return {field: getattr(made, field) for field in given}

    return Parameters(_inlined(model.model_json_schema()), arguments)


def _is_pydantic(kind: Any) -> bool:
    """True if *kind* is a pydantic model, or made of one: a list of them, for instance."""
    return hasattr(kind, "__pydantic_validator__") or any(map(_is_pydantic, get_args(kind)))


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """*schema* without references, which not every provider follows, and without titles. Recursive ones keep them."""
    definitions: dict[str, Any] = schema.get("$defs", {})
    recursive = False

    def written(part: Any, path: tuple[str, ...]) -> Any:
        nonlocal recursive
        if isinstance(part, list):
            return [written(each, path) for each in cast("Sequence[object]", part)]
        if not isinstance(part, dict):
            return part
        node = cast("dict[str, Any]", part)
        if "$ref" in node:
            name = str(node["$ref"]).rpartition("/")[2]
            if name in path:
                recursive = True
                return node
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return {**written(definitions[name], (*path, name)), **rest}
        return {
            key: {name: written(each, path) for name, each in value.items()}
            if key == "properties"
            else written(value, path)
            for key, value in node.items()
            if not (key == "title" and isinstance(value, str)) and key != "$defs"
        }

    top = written({"$ref": schema["$ref"]} if "$ref" in schema else schema, ())
    return schema if recursive else cast("dict[str, Any]", top)
