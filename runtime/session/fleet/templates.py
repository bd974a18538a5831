"""The templates that a host knows: sessions that come back there, after they have changed, catch up with them."""

import logging
from collections.abc import Iterable, Sequence

import msgspec

from ....providers.registry import ProviderConfig
from ....providers.schema.errors import RayconteurError
from ...api.config import SessionConfig
from ...api.fleet.templates import StoredTemplate, TemplateBook
from ...api.messages import Configure
from ...api.request_forms import providers_of
from ...api.settings.changes import given_settings
from ..requests.credentials import known_provider
from ..session import Session

log = logging.getLogger(__name__)

_encode = msgspec.msgpack.encode


class KnownTemplates:
    """The templates that this process has been told of, which may happen late, or again: the latest revision counts."""

    def __init__(self) -> None:
        self._by_name: dict[str, StoredTemplate] = {}

    def learn(self, templates: Iterable[StoredTemplate]) -> None:
        """Sessions that come back from now on follow these."""
        for template in templates:
            known = self._by_name.get(template.name)
            if known is None or known.revision < template.revision:
                self._by_name[template.name] = template

    def learn_all(self, book: TemplateBook) -> None:
        """As ``learn``, for all templates that there are: others have been deleted."""
        for name, known in tuple(self._by_name.items()):
            if name not in book.templates and known.revision < book.revision:
                del self._by_name[name]
        self.learn(book.templates.values())

    def providers_for(self, session_id: str, config: SessionConfig) -> list[ProviderConfig]:
        """The providers, without secrets, that a session with *config* needs to catch up."""
        change = self._change_for(session_id, config)
        return [provider.public() for provider in providers_of(change)] if change else []

    def catch_up(self, session: Session, providers: Sequence[ProviderConfig]) -> None:
        """Change the settings of *session* from its next turn on, if its template has changed. It has come back here.

        The secrets are those of *providers*. If it does not accept the settings, it keeps its own, and that is logged.
        """
        change = self._change_for(session.id, session.conversation.config)
        if change is None or session.ended:
            return
        change = _with_secrets(change, providers)
        try:
            session.tell(change, len(_encode(change)))
        except RayconteurError as error:
            log.warning("session %s can't follow its template: %s", session.id, error, extra={"session": session.id})

    def _change_for(self, session_id: str, config: SessionConfig) -> Configure | None:
        template = self._by_name.get(config.template.name) if config.template else None
        return template.change_for(session_id, config) if template else None


def _with_secrets(change: Configure, known: Sequence[ProviderConfig]) -> Configure:
    """*change* with the secrets that *known* providers have."""

    def secret(provider: ProviderConfig) -> ProviderConfig:
        return known_provider(provider.public(), known) or provider

    given = given_settings(change)
    if provider := given.get("provider"):
        change = msgspec.structs.replace(change, provider=secret(provider))
    if compaction := given.get("compaction"):
        change = msgspec.structs.replace(change, compaction=compaction.with_providers(secret))
    return change
