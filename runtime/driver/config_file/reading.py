"""Reads a config file: TOML, with the names of models, variables of the environment, and no secrets."""

import os
from collections.abc import Mapping
from os import PathLike
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from ....providers.model_names import model
from ....providers.presets import add_presets, presets_of
from ....providers.schema.checks.shown import shown
from ....providers.schema.checks.toml_file import Place, TOMLFile
from ....providers.schema.config import Config
from ....providers.schema.errors import InvalidConfig, UnknownProvider
from ...api.config import SessionConfig
from ...api.options import RuntimeOptions
from .runtime_config import RuntimeConfig

CONFIG_VARIABLE = "RAYCONTEUR_CONFIG"
"""The environment variable that names the config file."""

_SECRET = "secrets are not in this file: leave it out, and set the environment variable of the provider"


def load_config(path: str | PathLike[str] | None = None) -> RuntimeConfig:
    """The config in the TOML file at *path*, or in the one that ``RAYCONTEUR_CONFIG`` names.

    Its tables are the fields of ``RuntimeConfig``; a session's ``provider`` may be a name such as
    ``"anthropic:claude-sonnet-5-5"``. A text that is just ``"${NAME}"`` is the value of that environment variable.

    Raises:
        InvalidConfig: it can't be read, has a key or a value that is not valid, a secret, or a variable that is not
            set; the file and the line are named.
    """
    path = path or os.environ.get(CONFIG_VARIABLE)
    if not path:
        raise InvalidConfig("config", f"give the path of a config file, or set {CONFIG_VARIABLE}")
    return _ConfigFile(TOMLFile(path), os.environ).read()


class _ConfigFile:
    """The config in *file*, with variables from *environ*."""

    def __init__(self, file: TOMLFile, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ
        self._from_variables: set[Place] = set()

    def read(self) -> RuntimeConfig:
        data = cast("dict[str, object]", self._with_variables(self._file.data, ()))
        found = presets_of(self._file, data.pop("presets", {}), "presets")
        add_presets(found)
        sessions, templates = self._sessions(data, "sessions"), self._sessions(data, "templates")
        config = self._file.convert(data, RuntimeConfig)
        self._check_journal(config.options)
        return msgspec.structs.replace(config, presets=found, sessions=sessions, templates=templates)

    def _sessions(self, data: dict[str, object], key: str) -> dict[str, SessionConfig]:
        """The configs by name that *data* has under *key*, and has no more."""
        tables = self._file.convert(data.pop(key, {}), dict[str, dict[str, object]], key)
        return {name: self._session((key, name), table) for name, table in tables.items()}

    def _session(self, at: tuple[str, str], table: dict[str, object]) -> SessionConfig:
        config = self._file.convert(table | self._named_provider(table, at), SessionConfig, *at)
        for number, provider in enumerate(config.providers()):
            self._check_secrets(provider, (*at, "compaction" if number else "provider"))
        return config

    def _named_provider(self, table: Mapping[str, object], at: Place) -> dict[str, object]:
        """The provider that *table* gives by its name, if it does, as a table."""
        name = table.get("provider")
        if not isinstance(name, str):
            return {}
        try:
            return {"provider": msgspec.to_builtins(model(name))}
        except (UnknownProvider, InvalidConfig) as error:
            raise self._file.problem((*at, "provider"), error.message) from None

    def _check_secrets(self, provider: Config, at: Place) -> None:
        """Raises:
        InvalidConfig: *provider*, which is *at* a place, has a secret that is not from a variable.
        """
        public = provider.public()
        for field in provider.__struct_fields__:
            place = (*at, field)
            if getattr(provider, field) != getattr(public, field) and place not in self._from_variables:
                raise self._file.problem(place, _SECRET)

    def _check_journal(self, options: RuntimeOptions) -> None:
        """Raises:
        InvalidConfig: the address of the journal has a password, and is not from a variable.
        """
        place = ("options", "journal", "url")
        url = urlsplit(getattr(options.journal, "url", ""))
        if (url.password or "password" in parse_qs(url.query)) and place not in self._from_variables:
            raise self._file.problem(
                place, 'secrets are not in this file: write url = "${NAME}", and set that environment variable'
            )

    def _with_variables(self, value: object, at: Place) -> Any:
        """*value*, which is *at* a place, with the values of the variables that it names."""
        match value:
            case dict():
                table = cast("dict[str, object]", value)
                return {key: self._with_variables(each, (*at, key)) for key, each in table.items()}
            case list():
                items = cast("list[object]", value)
                return [self._with_variables(each, (*at, number)) for number, each in enumerate(items)]
            case str() if value.startswith("${") and value.endswith("}"):
                name = value[2:-1]
                if name not in self._environ:
                    raise self._file.problem(at, f"the environment variable {shown(name, quoted=False)} is not set")
                self._from_variables.add(at)
                return self._environ[name]
            case _:
                return value
