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
    """What a config file says: the arguments of ``Runtime``, and the configs of *sessions* by name.

    *presets* are known to this process from then on.
    """

    __repr__ = short_repr

    address: str | None = None
    placement: Placement = Dedicated()
    warm: int | dict[str, int] = 0
    options: RuntimeOptions = RuntimeOptions()
    sessions: dict[str, SessionConfig] = {}
    presets: dict[str, Preset] = {}

    def session(self, name: str) -> SessionConfig:
        """The config of sessions with that name.

        Raises:
            InvalidConfig: there is none; the nearest names are given.
        """
        if name not in self.sessions:
            advice = did_you_mean(name, list(self.sessions)) if self.sessions else "it has no [sessions.NAME]"
            raise InvalidConfig("sessions", f"the config file has no session config {shown(name)}; {advice}")
        return self.sessions[name]
