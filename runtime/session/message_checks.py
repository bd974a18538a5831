"""What is checked of a message before it is in the mailbox: whether the provider of its turn supports what it has."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from ...providers.models import with_model_facts
from ...providers.registry import ProviderConfig
from ...providers.schema.draft import Partial
from ...providers.schema.facts import ModelFacts
from ..api.config import SessionConfig
from ..api.messages import Configure, Continue, MessageKey, Retry, ToLLM, ToolResults, UserMessage
from ..api.request_forms import providers_of
from ..api.settings.changes import TurnSettings, given_settings
from ..api.settings.policies import WhenBusy
from ..api.status import State
from ..core.conversation import Conversation
from ..core.events import Received
from ..core.settings import changed_config
from .requests.credentials import Credentials

_UNKNOWN = ModelFacts()


class CheckedMessage(NamedTuple):
    """A *message* without secrets, and the *providers* that it names, with them.

    *facts* and *source* are those of a model that it names, for ``Received``.
    """

    message: ToLLM
    facts: ModelFacts = _UNKNOWN
    source: str = ""
    providers: tuple[ProviderConfig, ...] = ()

    def received(self, size_bytes: int, partial: Partial, key: MessageKey | None, seq: int) -> Received:
        """The event of its arrival. The other arguments are the fields of ``Received``."""
        return Received(
            message=self.message,
            size_bytes=size_bytes,
            partial=partial,
            facts=self.facts,
            source=self.source,
            key=key,
            seq=seq if key else 0,
        )


def checked_message(
    conversation: Conversation, credentials: Credentials, message: ToLLM, key: MessageKey | None = None
) -> CheckedMessage:
    """*message*, for *conversation*. One that has no effect any more is not checked.

    Raises:
        ConfigError: the provider's client can't be opened, or does not support the settings.
        UnsupportedContent: the provider or its model does not support a block.
    """
    if conversation.state is State.CLOSED or (key and conversation.knows(key)):
        return CheckedMessage(message)
    match message:
        case Configure():
            return _checked_change(conversation, credentials, message)
        case UserMessage(turn_settings=TurnSettings() as settings):
            return _checked_turn(conversation, credentials, message, settings)
        case UserMessage():
            credentials.check_sent(conversation.config.provider, message.all_content)
            if (message.when_busy or conversation.config.when_busy) is WhenBusy.STEER:
                credentials.check_sent(conversation.request_config.provider, message.all_content)
        case ToolResults(results=results):
            credentials.check_results(conversation.request_config, results)
        case Retry() | Continue() if last := conversation.last_settings:
            config = changed_config(conversation.config, last)
            credentials.check_settings(_with_secrets(config, credentials))
        case _:
            pass
    return CheckedMessage(message)


def _checked_turn(
    conversation: Conversation, credentials: Credentials, message: UserMessage, settings: TurnSettings
) -> CheckedMessage:
    """*message*, whose turn has *settings* of its own. A model among them is that of the provider of this moment."""
    config = changed_config(conversation.config_before(message), settings)
    if settings.provider is UNSET:
        config = _with_secrets(config, credentials)
    if settings.model is not UNSET:
        config = msgspec.structs.replace(config, provider=with_model_facts(config.provider))
    credentials.check_settings(config)
    credentials.check_content(config.provider, message.all_content)
    if message.settings is None or (settings.provider is UNSET and settings.model is UNSET):
        return CheckedMessage(message)
    public = msgspec.structs.replace(message.settings, provider=config.provider.public(), model=UNSET)
    message = msgspec.structs.replace(message, settings=public)
    return CheckedMessage(message, source=config.provider.source, providers=(config.provider,))


def _checked_change(conversation: Conversation, credentials: Credentials, change: Configure) -> CheckedMessage:
    """*change*, if the provider that it leads to supports it, and what is running or queued goes together with it."""
    given = providers_of(change)
    config = conversation.config_after(change, _UNKNOWN)
    if change.provider is UNSET:
        config = _with_secrets(config, credentials)
    if change.model is not UNSET:
        config = msgspec.structs.replace(config, provider=with_model_facts(config.provider))
    credentials.check_settings(config)
    if change.next == "request":
        later = conversation.with_queued_changes(config)
        turns = list(conversation.turn_configs(config))
        _check_later(config, turns if later is config else [later, *turns], credentials)
    if change.provider is not UNSET:
        change = msgspec.structs.replace(change, provider=config.provider.public(), model=UNSET)
    if compaction := given_settings(change).get("compaction"):
        credentials.check_compaction(config)
        change = msgspec.structs.replace(change, compaction=compaction.public())
    return CheckedMessage(change, config.provider.facts, config.provider.source, tuple(given))


def _check_later(config: SessionConfig, later: Iterable[SessionConfig], credentials: Credentials) -> None:
    """Raises:
    InvalidConfig: *config* does not go together with what was accepted before, and leads to the configs *later*.
    """
    credentials = credentials.copy()
    credentials.add(config.provider)
    for each in later:
        public = msgspec.structs.replace(each, provider=each.provider.public())
        credentials.check_settings(_with_secrets(public, credentials))


def _with_secrets(config: SessionConfig, credentials: Credentials) -> SessionConfig:
    return msgspec.structs.replace(config, provider=credentials.with_secrets(config.provider))
