"""Functions as bytes, with what of a program another process can't import.

Ray's pickle ships the functions and classes of a main module by value, but structs and dataclasses lose their fields on
the way, and constraints of types can't be pickled.
"""

import dataclasses
import inspect
import io
import sys
from collections.abc import Callable
from typing import Any, cast

import msgspec
from ray import cloudpickle

from ...api.tools.function_tool import FunctionTool

_META = (
    *("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz"),
    *("title", "description", "examples", "extra_json_schema", "extra"),
)
_CONFIG = (
    *("frozen", "eq", "order", "array_like", "gc", "repr_omit_defaults", "omit_defaults", "forbid_unknown_fields"),
    *("weakref", "dict", "cache_hash", "tag", "tag_field"),
)
_SENTINELS = {
    id(getattr(dataclasses, name)): name
    for name in ("MISSING", "KW_ONLY", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR", "_HAS_DEFAULT_FACTORY")
}
"""What ``dataclasses`` compares by identity."""

_StructType = type(msgspec.Struct)
_Pickler: Any = cast(Any, cloudpickle).CloudPickler  # which has no types

loads: Callable[[bytes], Any] = cast(Any, cloudpickle).loads


def dumps(value: object) -> bytes:
    """*value*, pickled. It may raise any error for a value that can't be."""
    file = io.BytesIO()
    _ToolPickler(file).dump(value)
    return file.getvalue()


class _ToolPickler(_Pickler):  # type: ignore[misc]
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, FunctionTool):  # of a tool that calls another one, or itself
            return _same, (obj.run.function,)
        if isinstance(obj, msgspec.Meta):
            given = {name: value for name in _META if (value := getattr(obj, name)) is not None}
            return _keyword_call, (msgspec.Meta, given)
        if id(obj) in _SENTINELS:
            return getattr, (dataclasses, _SENTINELS[id(obj)])
        if isinstance(obj, _StructType) and not _is_importable(obj):
            return _reduced_struct(obj)
        return cast(Any, super().reducer_override(obj))


def _is_importable(struct: Any) -> bool:
    found: Any = None if struct.__module__ == "__main__" else sys.modules.get(struct.__module__)
    for name in struct.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is struct


def _reduced_struct(struct: Any) -> tuple[Any, ...]:
    """What makes *struct* again: the names of its fields first, then types and methods, which may refer to it."""
    annotations = inspect.get_annotations(struct)
    fields = [field for field in msgspec.structs.fields(struct) if field.name in annotations]
    defaults = [(field.name, field.default, field.default_factory) for field in fields]
    config = struct.__struct_config__
    keyword_only = {
        each.name for each in inspect.signature(struct).parameters.values() if each.kind is each.KEYWORD_ONLY
    }
    options = {name: getattr(config, name) for name in _CONFIG} | {
        "module": struct.__module__,
        "bases": struct.__bases__,
        "kw_only": any(field.name in keyword_only for field in fields),
        "rename": {field.name: field.encode_name for field in fields},
    }
    added = {"__post_init__", "__doc__", "__str__", "__repr__", "__rich_repr__"}
    members = {
        name: value
        for name, value in struct.__dict__.items()
        if name not in annotations and (name in added or not name.startswith("__"))
    }
    members["__annotations__"] = {field.name: field.type for field in fields}
    members["__qualname__"] = struct.__qualname__
    return _made_struct, (struct.__name__, defaults, options), members, None, None, _set_members


def _made_struct(name: str, defaults: list[tuple[str, Any, Any]], options: dict[str, Any]) -> Any:
    field: Any = msgspec.field  # whose overloads take one of both
    fields = [(each, Any, field(default=default, default_factory=factory)) for each, default, factory in defaults]
    return msgspec.defstruct(name, fields, **options)


def _set_members(struct: Any, members: dict[str, Any]) -> None:
    for name, value in members.items():
        setattr(struct, name, value)


def _keyword_call(kind: Any, arguments: dict[str, Any]) -> Any:
    return kind(**arguments)


def _same(value: object) -> object:
    return value
