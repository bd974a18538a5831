"""The JSON Schemas of types, in the part of the language that all providers hold a model to."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

_FORMATS = ("date-time", "date", "time")
"""Those that all providers know."""

_LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "format",
    "contentEncoding",
)
"""What some providers reject. It goes into the description, and the answer is checked for it."""

_TYPES: dict[type[object], str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


class NotPortable(Exception):
    """A schema that can't be written in the common part: of an open object, a tuple, anything, or a recursive type."""


def portable_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* in the common part: without references, with closed objects whose properties are all required.

    That is what Anthropic, OpenAI's strict mode, Google, Cohere and AWS have in common:
    https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations,
    https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas,
    https://ai.google.dev/gemini-api/docs/structured-output#json_schema_support,
    https://docs.cohere.com/docs/structured-outputs and
    https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html.

    Raises:
        NotPortable: there is no such form.
    """
    return _Writer(cast("Mapping[str, Any]", schema.get("$defs", {}))).written(schema)


class _Writer:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._path: list[str] = []  # the definitions that are being written

    def written(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """*part* in the common part of the language."""
        if "$ref" in part:
            return self._referred(part)
        for name in ("allOf", "anyOf", "oneOf"):
            if name in part:
                return _described(self._union(name, part[name]), part)
        if "const" in part or "enum" in part:
            return _described(_enumeration(part.get("enum", [part.get("const")])), part)
        match part.get("type"):
            case list():
                choices = [{**part, "type": kind} for kind in cast("list[str]", part["type"])]
                return self._union("anyOf", choices)
            case "object":
                return _described(self._object(part), part)
            case "array" if part.get("items") and "prefixItems" not in part:
                return _described({"type": "array", "items": self.written(part["items"])}, part)
            case "string" | "integer" | "number" | "boolean" | "null" as kind:
                return _described({"type": kind}, part)
            case _:
                raise NotPortable

    def _referred(self, part: Mapping[str, Any]) -> dict[str, Any]:
        name = str(part["$ref"]).rpartition("/")[2]
        if name in self._path:
            raise NotPortable
        self._path.append(name)
        written = self.written(self._definitions[name])
        self._path.pop()
        return written | ({"description": part["description"]} if "description" in part else {})

    def _union(self, name: str, choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        if len(choices) == 1:
            return self.written(choices[0])
        if name == "allOf":
            raise NotPortable
        return {"anyOf": [self.written(choice) for choice in choices]}

    def _object(self, part: Mapping[str, Any]) -> dict[str, Any]:
        properties = part.get("properties")
        if not properties or part.get("additionalProperties") not in (None, False):
            raise NotPortable
        return {
            "type": "object",
            "properties": {name: self.written(of) for name, of in properties.items()},
            "required": list(properties),
            "additionalProperties": False,
        }


def _enumeration(values: Sequence[Any]) -> dict[str, Any]:
    kinds: set[type[object]] = {type(value) for value in values}
    if len(kinds) == 1 and (kind := _TYPES.get(kinds.pop())):
        return {"type": kind, "enum": list(values)}
    if kinds - _TYPES.keys() - {type(None)}:
        raise NotPortable
    return {"enum": list(values)}


def _described(written: dict[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """*written* with the description of *part*, and its limits in words."""
    if part.get("format") in _FORMATS:
        written["format"] = part["format"]
    limits = ", ".join(f"{name}: {part[name]}" for name in _LIMITS if name in part and name not in written)
    if text := "; ".join(filter(None, (part.get("description"), limits))):
        written["description"] = text
    return written
