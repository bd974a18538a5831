"""Forms of Google's requests that mean the same."""

import re
from typing import Any

from recorded_requests.json_values import JSON, json_array, json_object

_underscore = re.compile(r"_([a-z])")
_VERBATIM = {
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "labels",
}
"""Members whose values have names of the caller's own."""


def camel_case(value: Any) -> Any:
    """*value* with the names of members in lowerCamelCase.

    JSON parsers for protocol buffers accept these and the names with underscores:
    https://protobuf.dev/programming-guides/json/.
    """
    if (array := json_array(value)) is not None:
        return list(map(camel_case, array))
    if (members := json_object(value)) is None:
        return value
    renamed: JSON = {_underscore.sub(lambda found: found[1].upper(), name): item for name, item in members.items()}
    return {name: item if name in _VERBATIM else camel_case(item) for name, item in renamed.items()}


def json_schema(schema: Any) -> Any:
    """Google's own form of a *schema* as JSON Schema: types in lower case, and null as one of them.

    https://ai.google.dev/api/caching#Schema
    """
    if (array := json_array(schema)) is not None:
        return list(map(json_schema, array))
    if (members := json_object(schema)) is None:
        return schema
    mapped: JSON = {name: json_schema(item) for name, item in members.items()}
    if isinstance(kind := mapped.get("type"), str):
        mapped["type"] = kind.lower()
        if mapped.pop("nullable", None):
            mapped["type"] = [kind.lower(), "null"]
    return mapped
