"""Templates: configs that sessions follow, in versions."""

import re
from typing import cast

import msgspec

from ....providers.schema.checks.field_checks import check_fields
from ....providers.schema.checks.shown import ReadableStruct, shown
from ....providers.schema.errors import InvalidConfig
from ..config import SessionConfig
from ..messages import Configure
from .followed_template import TemplateName
from .where import in_share

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*")

MOST_VERSIONS = 20
"""How many versions of a template are kept."""


class Template(ReadableStruct, frozen=True):
    """In place of a ``SessionConfig``: sessions that are spawned with it follow the template of that *name*.

    When the template changes, their settings do, from their next turns on; except for *overrides*, settings that these
    sessions have of their own, and those that are changed for a session later.

    Raises:
        InvalidConfig: the name is none, or *overrides* is no ``Configure``.
    """

    name: TemplateName
    overrides: Configure | None = None

    def __post_init__(self) -> None:
        check_fields(self, "template", unchecked=("overrides",))
        if not _NAME.fullmatch(self.name):
            problem = f"{shown(self.name)} is no name: use letters, digits and . _ : @ -, a letter or digit first"
            raise InvalidConfig("template.name", problem)
        if not isinstance(cast(object, self.overrides), Configure | None):
            raise InvalidConfig("template.overrides", f"give a Configure, not a {type(self.overrides).__name__}")


class TemplateVersion(ReadableStruct, frozen=True):
    """The version *number* of a template: its *config*, without secrets, stored *at* a time, in Unix seconds."""

    number: int
    at: float
    config: SessionConfig


class StoredTemplate(ReadableStruct, frozen=True, kw_only=True):
    """The template *name*, with its last *versions*.

    Sessions have the version *stable*, and a *share* of them, by their ids, the version *canary*, if there is one.
    *revision* grows with each change to any template of the namespace.
    """

    name: TemplateName
    versions: tuple[TemplateVersion, ...]
    stable: int
    canary: int | None = None
    share: float = 0.0
    revision: int = 0

    def version(self, number: int) -> TemplateVersion:
        """The version of that number.

        Raises:
            InvalidConfig: it is not there, or not any more.
        """
        for version in self.versions:
            if version.number == number:
                return version
        kept = ", ".join(str(version.number) for version in self.versions)
        raise InvalidConfig("version", f"the template {shown(self.name)} has no version {number}; there are {kept}")

    def version_for(self, session_id: str) -> TemplateVersion:
        """The version that a session has to have."""
        if self.canary is not None and in_share(session_id, self.share):
            return self.version(self.canary)
        return self.version(self.stable)

    def used(self, number: int, share: float) -> "StoredTemplate":
        """With the version *number* for all sessions, or as the canary for a *share* of them."""
        self.version(number)
        if share < 1:
            return msgspec.structs.replace(self, canary=number, share=share)
        return msgspec.structs.replace(self, stable=number, canary=None, share=0.0)

    def with_version(self, config: SessionConfig, at: float) -> "StoredTemplate":
        """With *config* as another version, which is not used yet. Of those that are not, the oldest are dropped."""
        number = self.versions[-1].number + 1
        used = {self.stable, self.canary}
        unused = [version.number for version in self.versions if version.number not in used]
        dropped = set(unused[: max(0, len(self.versions) + 1 - MOST_VERSIONS)])
        kept = (version for version in self.versions if version.number not in dropped)
        return msgspec.structs.replace(self, versions=(*kept, TemplateVersion(number, at, config)))

    def change_for(self, session_id: str, config: SessionConfig) -> Configure | None:
        """What a session with *config* has to change from its next turn on; ``None`` if nothing.

        It is a ``Configure`` with all settings that the session does not override, and that differ.
        """
        followed = config.template
        if followed is None or followed.name != self.name:
            return None
        version = self.version_for(session_id)
        if followed.version == version.number:
            return None
        settings = {
            name: getattr(version.config, name)
            for name in version.config.__struct_fields__
            if name != "template" and name not in followed.overrides
        }
        public = version.config.public()
        differing = {name: each for name, each in settings.items() if getattr(public, name) != getattr(config, name)}
        followed = msgspec.structs.replace(followed, version=version.number)
        return Configure(**differing, template=followed, next="turn")


class TemplateBook(msgspec.Struct, frozen=True):
    """The templates of a namespace by their names. *revision* grows with each change."""

    revision: int = 0
    templates: dict[str, StoredTemplate] = {}

    def template(self, name: str) -> StoredTemplate:
        """The template of that name.

        Raises:
            InvalidConfig: there is none.
        """
        if name not in self.templates:
            known = ", ".join(sorted(self.templates)) or "none"
            raise InvalidConfig("template", f"the namespace has no template {shown(name)}; there are {known}")
        return self.templates[name]

    def put(self, template: StoredTemplate) -> "TemplateBook":
        """With *template*, in place of the one of its name."""
        template = msgspec.structs.replace(template, revision=self.revision + 1)
        return TemplateBook(self.revision + 1, self.templates | {template.name: template})

    def without(self, name: str) -> "TemplateBook":
        """Without the template of that name. Raises as ``template``."""
        self.template(name)
        return TemplateBook(self.revision + 1, {key: each for key, each in self.templates.items() if key != name})
