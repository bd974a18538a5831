"""Providers from other distributions, by entry points of the group ``rayconteur.providers``."""

import sys
from collections.abc import Collection, Iterator
from os import scandir
from typing import TYPE_CHECKING, Any, TypeGuard

import msgspec

from .schema.config import Config
from .schema.errors import InvalidPlugin
from .schema.provider import Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "rayconteur.providers"
_METADATA_SUFFIXES = (".dist-info", ".egg-info")


def installed_plugins(taken_names: Collection[str]) -> Iterator[Provider[Any]]:
    """The providers of all installed plug-ins, in the order of their names. None of them has one of *taken_names*.

    Raises:
        InvalidPlugin: an entry point can't be imported, is not a usable provider, or its name is taken.
    """
    owners = dict.fromkeys(taken_names, "rayconteur itself")
    for entry_point in _entry_points():
        provider = _load(entry_point)
        for name in (provider.name, *provider.aliases):
            if name in owners:
                raise _invalid(entry_point, f"the name {name!r} is taken by {owners[name]}")
            owners[name] = _distribution(entry_point)
        yield provider


def _entry_points() -> list["EntryPoint"]:
    """The entry points of the group, sorted.

    With 145 distributions it takes 1.2 ms to look for the group in their files. importlib.metadata takes 3 to 12 ms,
    and 50 ms to be imported: only where there is a plug-in.
    """
    if not any(map(_has_plugin, sys.path)):
        return []
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda entry_point: (entry_point.name, _distribution(entry_point)))


def _has_plugin(folder: str) -> bool:
    try:
        with scandir(folder or ".") as entries:
            return any(_names_group(entry.path) for entry in entries if entry.name.endswith(_METADATA_SUFFIXES))
    except OSError:  # a folder of sys.path need not exist
        return False


def _names_group(metadata_folder: str) -> bool:
    try:
        with open(f"{metadata_folder}/entry_points.txt", "rb") as file:
            return GROUP.encode() in file.read()
    except OSError:  # most distributions have no entry points
        return False


def _load(entry_point: "EntryPoint") -> Provider[Any]:
    try:
        named: object = entry_point.load()
    except Exception as error:  # a plug-in's module may raise anything while it is imported
        hint = "a plug-in imports from rayconteur.providers, because rayconteur itself is not yet loaded at this point"
        import_problem = f"it can't be imported: {type(error).__name__}: {error} ({hint})"
        raise _invalid(entry_point, import_problem) from error
    if not _is_provider(named):
        raise _invalid(entry_point, f"it names a {type(named).__name__}, not a rayconteur.providers.Provider")
    if problem := _alias_problem(named.aliases) or _config_problem(named.config, entry_point.name):
        raise _invalid(entry_point, problem)
    return named


def _is_provider(value: object) -> TypeGuard[Provider[Any]]:
    return isinstance(value, Provider)


def _alias_problem(aliases: object) -> str | None:
    """Why a provider can't have *aliases*, or ``None``. A string would be read as many names of one letter."""
    return None if isinstance(aliases, tuple) else f"its aliases, {aliases!r}, are not a tuple of names"


def _config_problem(config: object, name: str) -> str | None:
    """Why *config* can't be the config of the provider *name*, or ``None``."""
    if not isinstance(config, type) or not issubclass(config, Config):
        return f"its config, {config!r}, is not a struct derived from rayconteur.providers.Config"
    options = config.__struct_config__
    if options.tag_field != Config.__struct_config__.tag_field or not isinstance(options.tag, str):
        return (
            f"its config, {config.__name__}, is not tagged as Config is; leave out tag and tag_field, or give a string"
        )
    if options.tag != name:
        return (
            f"the tag of its config {config.__name__} is {options.tag!r}; it must be the entry point's name, {name!r}"
        )
    if not options.frozen:
        return f"its config, {config.__name__}, must be frozen"
    try:
        msgspec.msgpack.Decoder(config)
    except Exception as error:  # TypeError from msgspec, or whatever evaluating an annotation raises
        return f"msgspec can't decode its config {config.__name__}: {error}"
    return _secrets_problem(config)


def _secrets_problem(config: type[Config]) -> str | None:
    """Why *config* can't be stored without its secrets, or ``None``: ``public`` puts None in the place of each."""
    types = {field.name: field.type for field in msgspec.structs.fields(config)}
    for secret in config.secret_fields():
        if secret not in types:
            return f"secrets of its config {config.__name__} has {secret!r}, which is not a field"
        try:
            msgspec.convert(None, types[secret])
        except msgspec.ValidationError:
            return f"the secret {secret!r} of its config {config.__name__} must accept None: declare it as str | None"
    return None


def _invalid(entry_point: "EntryPoint", problem: str) -> InvalidPlugin:
    return InvalidPlugin(f"{entry_point.name} = {entry_point.value}", _distribution(entry_point), problem)


def _distribution(entry_point: "EntryPoint") -> str:
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else "an unknown distribution"
