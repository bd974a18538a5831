"""Input in error messages, and structs in a line, cut to a length that can be read."""

import msgspec

_SHOWN_CHARS = 100
_FIELD_CHARS = 300


def shown(value: object, quoted: bool = True, limit: int = _SHOWN_CHARS) -> str:
    """*value*, at most about *limit* characters of it: its ``repr``, or with *quoted* off its text."""
    if isinstance(value, str) and len(value) > limit:
        beginning = value[:limit]
        return f"{repr(beginning) if quoted else beginning}... ({len(value):,} characters)"
    text = repr(value) if quoted else str(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def short_name(name: str) -> str:
    """*name*, of a model for instance, at most about 100 characters of it."""
    return shown(name, quoted=False)


def short_repr(self: msgspec.Struct) -> str:
    """A struct in one line: the fields that differ from their defaults, each cut to a readable length."""
    fields = [
        f"{field.name}={brief(value)}"
        for field in msgspec.structs.fields(self)
        if not field.name.startswith("_")
        and (value := getattr(self, field.name)) is not field.default
        and value != field.default
        and (field.default_factory is msgspec.NODEFAULT or value != field.default_factory())
    ]
    return f"{type(self).__name__}({', '.join(fields)})"


def brief(value: object) -> str:
    """The ``repr`` of *value* of a field, cut to a readable length."""
    return (
        f"<{len(value):,} bytes>"
        if isinstance(value, bytes) and len(value) > _SHOWN_CHARS
        else shown(value, limit=_FIELD_CHARS)
    )


class ReadableStruct(msgspec.Struct, frozen=True, gc=False):
    """The base of structs whose ``repr`` is ``short_repr``."""

    __repr__ = short_repr
