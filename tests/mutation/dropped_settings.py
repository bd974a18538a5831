"""Does each setting take effect? Its test must fail when its value is dropped on the way. Part of ``make mutants``.

    python -m mutation.dropped_settings
    python -m mutation.dropped_settings RetryPolicy       only those with this in their names

``settings.toml`` names a test for each setting, option and limit: one that sees the effect, such as what a server
received, an event, or a refusal. Each test is run twice, in processes of their own: as it is, and with the field read
as its default everywhere, whatever it was set to.
"""

import os
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from mutation.coverage_map import PYTEST

_STARTS_RAY = ("tests/cluster/", "tests/driver/")
"""Tests of options that are read in other processes: these can't be made to drop them."""

TABLE = Path(__file__).parent / "settings.toml"


def settings() -> dict[str, tuple[type[msgspec.Struct], str]]:
    """All settings, options and limits that have a default, by name, such as ``RetryPolicy.max_attempts``.

    Each is with the struct that declares it: one that several structs inherit is listed once.
    """
    return {
        f"{owner.__name__}.{field.name}": (owner, field.name)
        for struct in structs()
        for field in msgspec.structs.fields(struct)
        if not field.required
        for owner in [_owner(struct, field.name)]
    }


def structs() -> Iterator[type[msgspec.Struct]]:
    """The structs that have them."""
    # here, because a process that drops a setting imports these itself
    from rayconteur.compaction.config import AnyStrategy, Layered
    from rayconteur.providers.auth.aws_config import AWSAuth
    from rayconteur.providers.registry import ProviderConfig
    from rayconteur.providers.schema.content import Document, Image
    from rayconteur.providers.schema.facts import ModelFacts
    from rayconteur.providers.schema.request import Reasoning, Settings
    from rayconteur.providers.schema.tools import TextTools, Tool, ToolChoice
    from rayconteur.runtime.api import config, messages, options, placement
    from rayconteur.runtime.api.catalog import labels, retention
    from rayconteur.runtime.api.quotas import rules
    from rayconteur.runtime.api.settings import policies
    from rayconteur.runtime.api.tools.places import ActorMethod, RayTask

    yield from (Settings, Reasoning, config.SessionConfig, policies.RetryPolicy, policies.Limits)
    yield from (options.RuntimeOptions, options.RouterLimits, placement.Packed, labels.Labels, retention.Retention)
    yield from (rules.Quotas, rules.QuotaRule)
    yield from (Layered, *get_args(AnyStrategy), *get_args(ProviderConfig), ModelFacts, Tool, TextTools)
    yield from (messages.UserMessage, messages.ToolResults, messages.ToolUpdate, messages.Approve, messages.Deny)
    yield from (messages.Interrupt, messages.Rewind, messages.Clear, messages.Close)
    yield from (ToolChoice, RayTask, ActorMethod, AWSAuth, Image, Document)


def _owner(struct: type[msgspec.Struct], field: str) -> type[msgspec.Struct]:
    """The struct that declares *field*, which *struct* inherits or declares."""
    bases = (base for base in reversed(struct.__mro__) if issubclass(base, msgspec.Struct))
    return next(base for base in bases if base is not msgspec.Struct and field in base.__struct_fields__)


def table() -> dict[str, str]:
    """The test of each setting."""
    tests: dict[str, dict[str, str]] = tomllib.loads(TABLE.read_text())
    return {f"{struct}.{field}": test for struct, fields in tests.items() for field, test in fields.items()}


def drop(name: str) -> None:
    """From now on, this process reads the setting *name* as its default."""
    owner, field_name = settings()[name]
    [field] = [field for field in msgspec.structs.fields(owner) if field.name == field_name]
    default: Any = field.default if field.default is not msgspec.NODEFAULT else None
    if callable(field.default_factory):
        default = field.default_factory()
    setattr(owner, field_name, property(lambda _: default))


def passes(tests: Sequence[str], dropped: str | None) -> bool:
    """True if *tests* pass in a process that drops a setting."""
    child = os.fork()
    if not child:
        status = 70
        with suppress(BaseException):
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            if dropped:
                drop(dropped)
            status = int(pytest.main([*PYTEST, "-x", *tests]))
        os._exit(status)
    return os.waitpid(child, 0)[1] == 0


@cache
def passes_as_it_is(test: str) -> bool:
    """True if *test* passes in a process that drops nothing: many settings have one test."""
    return passes([test], None)


def main() -> None:
    """Check the settings whose names contain the argument, or all."""
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    unseen = [
        f"{name}: {test}"
        for name, test in table().items()
        if part in name and not test.startswith(_STARTS_RAY) and (not passes_as_it_is(test) or passes([test], name))
    ]
    print("\n".join(unseen) or "the test of each setting fails when the setting is dropped")
    sys.exit(bool(unseen))


if __name__ == "__main__":
    main()
