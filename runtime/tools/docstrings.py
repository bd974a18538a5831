"""What a function's docstring says of the function and of its parameters."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple


class Descriptions(NamedTuple):
    """The description of a *function*, and those of its *parameters* by name."""

    function: str
    parameters: dict[str, str]


def descriptions(function: Callable[..., Any]) -> Descriptions:
    """The descriptions in the docstring of *function*: in the style of Google, NumPy, reST or epydoc."""
    docstring = inspect.getdoc(function)
    if not docstring:
        return Descriptions("", {})
    import docstring_parser  # here: only programs with such tools need it

    parsed = docstring_parser.parse(docstring)
    text = (parsed.description or "").strip()
    parameters = {each.arg_name: " ".join((each.description or "").split()) for each in parsed.params}
    return Descriptions(text, {name: text for name, text in parameters.items() if text})
