"""What a config file says."""

import msgspec

from ....providers.presets import Preset
from ....providers.schema.checks.shown import short_repr, shown
from ....providers.schema.checks.toml_file import did_you_mean
from ....providers.schema.errors import InvalidConfig
from ...api.config import SessionConfig
from ...api.options import RuntimeOptions
from ...api.placement import Dedicated, Placement


class RuntimeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a config file says: the arguments of ``Runtime``, and the configs of *sessions* and *templates* by name.

    *presets* are known to this process from then on.
    """

    __repr__ = short_repr

    address: str | None = None
    placement: Placement = Dedicated()
    warm: int | dict[str, int] = 0
    options: RuntimeOptions = RuntimeOptions()
    sessions: dict[str, SessionConfig] = {}
    templates: dict[str, SessionConfig] = {}
    presets: dict[str, Preset] = {}

    def session(self, name: str) -> SessionConfig:
        """The config of sessions with that name.

        Raises:
            InvalidConfig: there is none; the nearest names are given.
        """
        return _named(self.sessions, name, "sessions")

    def template(self, name: str) -> SessionConfig:
        """The config of the template with that name, for ``Templates.put``.

        Raises:
            InvalidConfig: there is none; the nearest names are given.
        """
        return _named(self.templates, name, "templates")


def _named(configs: dict[str, SessionConfig], name: str, table: str) -> SessionConfig:
    if name not in configs:
        advice = did_you_mean(name, list(configs)) if configs else f"it has no [{table}.NAME]"
        what = "session config" if table == "sessions" else "template"
        raise InvalidConfig(table, f"the config file has no {what} {shown(name)}; {advice}")
    return configs[name]
