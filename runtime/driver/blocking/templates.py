"""The templates of the blocking API."""

import builtins

from ...api.config import SessionConfig
from ...api.fleet.templates import StoredTemplate
from ...api.fleet.where import FleetResult
from ..templates import templates
from .background_loop import BackgroundLoop


class Templates:
    """``rayconteur.runtime.Templates``, whose calls wait."""

    def __init__(self, loop: BackgroundLoop, wrapped: templates.Templates) -> None:
        self._loop = loop
        self._templates = wrapped

    def __repr__(self) -> str:
        return repr(self._templates)

    def put(self, name: str, config: SessionConfig, share: float = 1.0) -> FleetResult:
        """Store *config* as the next version of a template, and use it, for all its sessions or a *share* of them."""
        return self._loop.run(self._templates.put(name, config, share))

    def use(self, name: str, version: int, share: float = 1.0) -> FleetResult:
        """Have all sessions follow that *version* of a template, or a *share* of them."""
        return self._loop.run(self._templates.use(name, version, share))

    def apply(self, name: str) -> FleetResult:
        """Change the settings of running sessions that do not follow the template *name* yet."""
        return self._loop.run(self._templates.apply(name))

    def get(self, name: str) -> StoredTemplate:
        """The template of that name."""
        return self._loop.run(self._templates.get(name))

    def list(self) -> builtins.list[StoredTemplate]:
        """All templates, by their names."""
        return self._loop.run(self._templates.list())

    def delete(self, name: str) -> None:
        """Delete a template. The sessions that follow it keep the settings that they have."""
        self._loop.run(self._templates.delete(name))
