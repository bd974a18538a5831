"""Presets: servers that speak like OpenAI, by name. What is known of each is in ``presets.toml``."""

import os
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import msgspec

from .openai.config import ApiName, OpenAI
from .registry import ALIASES, PROVIDERS
from .schema.checks.addresses import http_url
from .schema.checks.shown import short_repr, shown
from .schema.checks.toml_file import TOMLFile
from .schema.errors import InvalidConfig
from .schema.facts import Tokens

PRESETS_VARIABLE = "RAYCONTEUR_PRESETS"
"""The environment variable that names a file with presets of the user's."""


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A server that speaks like OpenAI at *base_url*: with Chat Completions, or with the Responses API as *api*.

    The key is in the environment variable *key_variable*; without one, or if the server *needs_key* not, requests are
    sent all the same. *ability_table* is its name in models.dev, and *price_table* that in genai-prices.
    *context_limits_tokens* are the context windows of models, by their names or patterns of them: they take precedence
    over the tables. *source* is where all of this is from.
    """

    __repr__ = short_repr

    base_url: str
    key_variable: str | None = None
    needs_key: bool = True
    api: ApiName = "chat"
    ability_table: str | None = None
    price_table: str | None = None
    context_limits_tokens: dict[str, Tokens] = {}
    source: str = ""

    def __post_init__(self) -> None:
        http_url(self.base_url, "preset.base_url")

    def config(self, name: str, model: str, **fields: object) -> OpenAI:
        """The config for *model*, made from this preset, which has the *name*. *fields* are those of the config."""
        own = {
            "base_url": self.base_url,
            "api": self.api,
            "preset": name,
            "key_variable": self.key_variable or "",
            "needs_key": self.needs_key and self.key_variable is not None,
        }
        return OpenAI(model=model, **(own | fields))  # type: ignore[arg-type]  # checked by the struct itself

    def context_limit_tokens(self, model: str) -> int | None:
        """The context window of *model*, if the preset knows it."""
        limits = self.context_limits_tokens
        patterns = (limit for pattern, limit in limits.items() if fnmatchcase(model, pattern))
        return limits.get(model) or next(patterns, None)


_NAME = re.compile("[a-z0-9][a-z0-9_-]*")

_added: dict[str, Preset] = {}


def presets() -> Mapping[str, Preset]:
    """All presets by name: those of this package, of the file that ``RAYCONTEUR_PRESETS`` names, and those added.

    Raises:
        InvalidConfig: that file is not valid; the line is named.
    """
    path = os.environ.get(PRESETS_VARIABLE)
    return _built_in() | (_presets_in(path) if path else {}) | _added


def add_presets(presets: Mapping[str, Preset]) -> None:
    """Have this process know *presets*, too, in the place of those of the same name."""
    _added.update(presets)


def presets_of(file: TOMLFile, table: object, *at: str) -> dict[str, Preset]:
    """The presets in *table*, which is *at* a place in *file*.

    Raises:
        InvalidConfig: one is not valid, or has no name that a model's name can begin with; the line is named.
    """
    found = file.convert(table, dict[str, object], *at)
    for name in found:
        if not _NAME.fullmatch(name):
            raise file.problem((*at, name), f"give it a name of small letters, digits, _ and -, not {shown(name)}")
        if name in PROVIDERS or name in ALIASES:
            raise file.problem((*at, name), f"{name} is a provider; give the preset another name")
    return {name: file.convert(value, Preset, *at, name) for name, value in found.items()}


def preset_variables() -> frozenset[str]:
    """The environment variables that may hold the key of a preset."""
    return frozenset(preset.key_variable for preset in presets().values() if preset.key_variable)


@cache
def _built_in() -> dict[str, Preset]:
    return _presets_in(str(Path(__file__).with_name("presets.toml")))


@cache
def _presets_in(path: str) -> dict[str, Preset]:
    try:
        file = TOMLFile(path)
    except InvalidConfig as error:
        raise InvalidConfig(error.field, f"{error.problem} ({PRESETS_VARIABLE} names it)") from None
    return presets_of(file, file.data)
