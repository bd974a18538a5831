"""The templates of a namespace: configs that sessions follow."""

import asyncio
import builtins
import time
from collections.abc import Callable, Iterable

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.config import SessionConfig
from ...api.fleet.followed_template import FollowedTemplate
from ...api.fleet.templates import StoredTemplate, Template, TemplateBook, TemplateVersion
from ...api.fleet.where import FleetResult, Where, checked_share
from ...api.options import RuntimeOptions
from ...cluster.registry.session_registry import SessionRegistry
from ...core.settings import changed_config
from ...session.fleet.orders import FleetOrder
from ..calls.preparation import prepared_config

_EVERY = Where(every=True)
_FEW = 100


class Templates:
    """The templates of the namespace: ``put`` one, spawn sessions that follow it, and change it for all of them.

    A change holds for a session from its next turn on: for those that are running at once, for those that only the
    journal has when they come back. What a session has changed itself stays as it is. Templates are kept while the
    namespace is there, and in its journal, if it has one.
    """

    def __init__(self, registry: SessionRegistry, options: RuntimeOptions) -> None:
        self._registry = registry
        self._options = options

    def __repr__(self) -> str:
        return f"Templates(namespace={shown(self._options.namespace)})"

    async def put(self, name: str, config: SessionConfig, share: float = 1.0) -> FleetResult:
        """Store *config* as the next version of the template *name*, and ``use`` it. One that is there is used again.

        Returns what that did to the sessions that run: those in ``unreachable`` get it when ``apply`` is called.

        Raises:
            ConfigError: *config* or the name is invalid, or a key or an SDK is missing; or it is the first version, and
                for a *share* only.
            DirectoryUnreachable, JournalUnavailable: it may be stored or not: repeat the call.
        """
        Template(name)
        share = checked_share(share)
        prepared = await prepared_config(config, self._options)
        stored = msgspec.msgpack.encode(msgspec.structs.replace(prepared.public(), template=None))
        public = msgspec.msgpack.decode(stored, type=SessionConfig)  # as it compares with one that was stored

        def put(book: TemplateBook) -> TemplateBook:
            template = book.templates.get(name)
            if template is None:
                if share < 1:
                    raise InvalidConfig("share", f"the first version of {shown(name)} is for all sessions")
                first = TemplateVersion(1, time.time(), public)
                return book.put(StoredTemplate(name=name, versions=(first,), stable=1))
            alike = [version.number for version in template.versions if version.config == public]
            template = template if alike else template.with_version(public, time.time())
            return book.put(template.used(alike[-1] if alike else template.versions[-1].number, share))

        return await self._change(name, put)

    async def use(self, name: str, version: int, share: float = 1.0) -> FleetResult:
        """Have all sessions follow that *version* of a template, or a *share* of them, 0 to 1: a canary.

        The share is by their ids: a larger one has the sessions of a smaller one, and more. The version before, for
        all, undoes it.

        Raises:
            InvalidConfig: there is no such template, or no such version any more.
        """
        share = checked_share(share)
        return await self._change(name, lambda book: book.put(book.template(name).used(version, share)))

    async def apply(self, name: str) -> FleetResult:
        """Change the settings of running sessions that do not follow the template *name* yet, as after a failure."""
        return await self._tell(await self.get(name), _EVERY)

    async def get(self, name: str) -> StoredTemplate:
        """The template of that name.

        Raises:
            InvalidConfig: there is none; those that there are, are named.
        """
        return (await self._registry.templates.book()).template(name)

    async def list(self) -> builtins.list[StoredTemplate]:
        """All templates, by their names."""
        book = await self._registry.templates.book()
        return [book.templates[name] for name in sorted(book.templates)]

    async def delete(self, name: str) -> None:
        """Delete a template. The sessions that follow it keep the settings that they have.

        Raises:
            InvalidConfig: there is none of that name.
        """
        await self._registry.templates.change(lambda book: book.without(name))

    async def config(self, template: Template) -> SessionConfig:
        """The config of new sessions that follow *template*, in its stable version.

        Raises:
            InvalidConfig: there is no template of that name.
        """
        stored = await self.get(template.name)
        followed = FollowedTemplate(name=stored.name, version=stored.stable)
        config = msgspec.structs.replace(stored.version(stored.stable).config, template=followed)
        return changed_config(config, template.overrides) if template.overrides else config

    async def catch_up(self, followed: FollowedTemplate, session_ids: Iterable[str]) -> None:
        """Have new sessions that are for the canary follow it; and all of them, if the template has just changed."""
        template = (await self._registry.templates.book()).templates.get(followed.name)
        if template is None:
            return
        late = tuple(each for each in session_ids if template.version_for(each).number != followed.version)
        if late:
            await self._tell(template, Where(ids=late) if len(late) <= _FEW else _EVERY)

    async def _change(self, name: str, change: Callable[[TemplateBook], TemplateBook]) -> FleetResult:
        book = await self._registry.templates.change(change)
        return await self._tell(book.templates[name], _EVERY)

    async def _tell(self, template: StoredTemplate, where: Where) -> FleetResult:
        used = {template.stable, template.canary}
        versions = [version for version in template.versions if version.number in used]
        configs = await asyncio.gather(*(prepared_config(version.config, self._options) for version in versions))
        prepared = tuple(
            msgspec.structs.replace(version, config=config) for version, config in zip(versions, configs, strict=True)
        )
        template = msgspec.structs.replace(template, versions=prepared)
        return await self._registry.fleet.tell(FleetOrder(where, template=template))
