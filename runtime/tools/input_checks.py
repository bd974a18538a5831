"""Checks the input of hand-written tools against their JSON Schemas."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError, exceptions
from jsonschema.validators import validator_for
from referencing import Registry

from ...providers.schema.checks.shown import shown
from ...providers.schema.content import ToolUse
from .runs import InvalidInput

log = logging.getLogger(__name__)

_best_match = cast(Callable[[Iterator[ValidationError]], ValidationError | None], cast(Any, exceptions).best_match)

_NOTHING_ELSE = Registry[Any]()
"""No schema refers to anything outside of itself: nothing is read from a network."""


def check_input(schema: Mapping[str, Any], use: ToolUse) -> None:
    """Check that the input of *use* fits *schema*: of the draft that it names, or of 2020-12.

    A schema that can't be evaluated, because it is not a valid one, is not enforced: a log line says so.

    Raises:
        InvalidInput: it does not fit.
    """
    try:
        validator = validator_for(schema, default=Draft202012Validator)(schema, registry=_NOTHING_ELSE)
        mismatch = _best_match(validator.iter_errors(use.input))
    except Exception as error:  # schemas come from anywhere, and validators raise whatever they stumble over
        log.warning(
            "the schema of the tool %s can't be evaluated (%s): its input is not checked",
            shown(use.name),
            type(error).__name__,
        )
        return
    if mismatch is not None:
        raise InvalidInput(shown(f"{mismatch.message} - at `{mismatch.json_path}`", quoted=False, limit=500))
