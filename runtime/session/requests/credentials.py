"""A session's providers with their secrets, which only their clients see."""

import re
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ....compaction.estimate.estimator import new_estimator
from ....providers.registry import ProviderConfig
from ....providers.schema.client import Client
from ....providers.schema.content import Block, ToolResult
from ....providers.schema.errors import ConfigError, InvalidConfig, MissingKey
from ....providers.schema.facts import ModelFacts
from ....providers.text_tools.protocol import check_results, check_settings
from ...api.config import SessionConfig
from ...api.events import Waiting
from ...api.quotas.wait_reason import WaitReason
from ...api.settings.policies import NO_TOOLS, OnMaxSteps
from ...core.compaction_policy import require_room
from ...core.instructions import SendRequest
from ...core.tools.offered import NOTHING_ADDED, deferred_tools, offered
from ...events.outbox import Outbox
from .client_pool import ClientPool
from .quota_gate import QuotaGate

_PLACE = re.compile(r"tools\[(\d+)\]")


class Supplied(msgspec.Struct, frozen=True):
    """The *providers*, with their secrets, of a session that goes on, and those *lacking* whose secrets nobody has."""

    providers: Sequence[ProviderConfig]
    lacking: Sequence[ProviderConfig] = ()

    def require_all(self) -> None:
        """Raises:
        MissingKey: one is lacking; the variable is named.
        """
        for public in self.lacking:
            public.resolved({})


class Credentials:
    """Finds the secrets of a provider config that has none: the core's configs are public."""

    def __init__(self, clients: ClientPool) -> None:
        self._clients = clients
        self.lacking: tuple[ProviderConfig, ...] = ()
        """Providers, without secrets, that the session needs and that nobody has given it the secrets of."""
        self._deferred: tuple[Callable[[], None], ...] = ()  # what begins when some are given
        self._with_secrets: tuple[tuple[ProviderConfig, ProviderConfig], ...] = ()  # by their accounts
        self._leased: tuple[ProviderConfig, ...] = ()
        self._current: ProviderConfig | None = None  # the last one that was used, without secrets
        self._client: Client | None = None  # its client
        self._source = ""  # its source
        self._account = ""  # and its account, once it is asked for

    @classmethod
    def of(cls, supplied: Supplied, clients: ClientPool) -> "Credentials":
        """Those that are *supplied* to a session that goes on."""
        credentials = cls(clients)
        credentials.add(*supplied.providers)
        credentials.lacking = tuple(supplied.lacking)
        return credentials

    def note_lacking(self, needed: Iterable[ProviderConfig]) -> None:
        """Requests to those of *needed* wait whose secrets nobody has given."""
        for public in needed:
            try:
                self.with_secrets(public)
            except MissingKey:
                if not self.lacks(public):
                    self.lacking += (public,)

    def check_settings(self, config: SessionConfig) -> None:
        """Raises:
        ConfigError: the provider's client can't be opened or does not support the settings, or these leave no room for
            a history.
        """
        client = self._clients.client(config.provider)
        sent = config
        if deferred := deferred_tools(config):  # each must fit, but not all of them together
            sent = offered(config, NOTHING_ADDED, deferred)
            for tool in deferred.values():
                _check_tools(client, config, msgspec.structs.replace(config, tools=(tool,), tool_choice=None))
        _check_tools(client, config, sent)
        if config.on_max_steps is OnMaxSteps.ANSWER and config.tools:
            try:
                check_settings(client, msgspec.structs.replace(sent, tool_choice=NO_TOOLS), config.provider.facts)
            except InvalidConfig as error:
                problem = f"the last answer can't be asked for without tools: {error.problem}"
                raise InvalidConfig("config.on_max_steps", problem) from None
        require_room(config, new_estimator(config.provider.name).tokens_of_settings(sent))

    def check_content(self, provider: ProviderConfig, content: Sequence[Block]) -> None:
        """Raises:
        ConfigError: the client of *provider* can't be opened.
        UnsupportedContent: it, or its model, does not support a block of *content*.
        """
        self._clients.client(provider).check_content(content)

    def check_sent(self, public: ProviderConfig, content: Sequence[Block]) -> None:
        """As ``check_content``, for a provider of the session, unless its secrets are lacking."""
        if not self.lacks(public):
            self.client(public).check_content(content)

    def check_results(self, config: SessionConfig, results: Sequence[ToolResult]) -> None:
        """What a provider gets whose secrets are lacking is not checked.

        Raises:
            ConfigError: the provider's client can't be opened.
            UnsupportedContent: it, or its model, does not support a block of *results* in the form in which it gets
                them.
        """
        if self.lacks(config.provider):
            return
        check_results(self.client(config.provider), config, config.provider.facts, results)

    def check_compaction(self, config: SessionConfig) -> None:
        """Raises:
        ConfigError: the client of a provider that the compaction uses can't be opened.
        """
        for provider in config.providers()[1:]:
            self._clients.client(provider)

    def add(self, *providers: ProviderConfig) -> None:
        """Keep the secrets of *providers*. They apply from now on, whatever their models."""
        for provider in providers:
            account = _account(provider.public())
            others = tuple(each for each in self._with_secrets if each[0] != account)
            self._with_secrets = (*others, (account, provider))
            self._current = None
            self.lacking = tuple(each for each in self.lacking if _account(each) != account)
        if providers:
            deferred, self._deferred = self._deferred, ()
            for begin in deferred:
                begin()

    def lacks(self, public: ProviderConfig) -> bool:
        """True if requests to *public* wait for its secrets."""
        return bool(self.lacking) and _account(public) in map(_account, self.lacking)

    def defer(self, send: SendRequest, begin: Callable[[], None], outbox: Outbox) -> bool:
        """True if *send* needs secrets that are lacking: readers are told, and *begin* is called when any are given."""
        if not self.lacks(send.config.provider):
            return False
        self._deferred += (begin,)
        try:
            send.config.provider.resolved({})
        except ConfigError as missing:
            waiting = Waiting(
                turn=send.turn,
                correlation_id=send.correlation_id,
                reason=WaitReason.CREDENTIALS,
                expected_s=None,
                problem=missing.message,
            )
            outbox.put_event(waiting, at=time.time())
        return True

    def variables(self) -> frozenset[str]:
        """The environment variables that the secrets may have come from."""
        return frozenset(name for _, each in self._with_secrets for name in each.credential_variables)

    def copy(self) -> "Credentials":
        """Credentials of another session, with the same secrets."""
        copied = Credentials(self._clients)
        copied._with_secrets = self._with_secrets
        copied.lacking = self.lacking
        return copied

    def with_secrets(self, public: ProviderConfig) -> ProviderConfig:
        """*public* with its secrets.

        Raises:
            MissingKey: nobody has given them.
        """
        account = _account(public)
        known = next((provider for each, provider in self._with_secrets if each == account), None)
        if known is None:
            return public.resolved({})
        return msgspec.structs.replace(known, model=public.model, facts=public.facts)

    def client(self, public: ProviderConfig) -> Client:
        """The client of *public*, which stays open until ``release``.

        Raises:
            ConfigError: it can't be opened.
        """
        self._use(public)
        assert self._client is not None
        return self._client

    def source(self, public: ProviderConfig) -> str:
        """The ``Origin.source`` of what *public* answers.

        Raises:
            ConfigError: its client can't be opened.
        """
        self._use(public)
        return self._source

    @property
    def gate(self) -> QuotaGate | None:
        """What all requests pass, if sessions share limits."""
        return self._clients.gate

    def account(self, public: ProviderConfig) -> str:
        """The ``account`` of *public* with its secrets."""
        self._use(public)
        self._account = self._account or self.with_secrets(public).account
        return self._account

    async def release(self) -> None:
        """Release all clients. None of them may have a request in flight."""
        self._current = self._client = None
        leased, self._leased = self._leased, ()
        for provider in leased:
            await self._clients.release(provider)

    def _use(self, public: ProviderConfig) -> None:
        if self._current is not public:
            secret = self.with_secrets(public)
            self._client, self._source, self._current = self._lease(secret), secret.source, public
            self._account = ""

    def _lease(self, provider: ProviderConfig) -> Client:
        if provider in self._leased:
            return self._clients.client(provider)
        client = self._clients.lease(provider)
        self._leased += (provider,)
        return client


def checked_credentials(config: SessionConfig, clients: ClientPool) -> Credentials:
    """The credentials of a session that is opened with *config*. Raises what the checks of ``Credentials`` do."""
    credentials = Credentials(clients)
    credentials.check_settings(config)
    credentials.check_compaction(config)
    credentials.add(*config.providers())
    return credentials


def known_provider(public: ProviderConfig, known: Iterable[ProviderConfig]) -> ProviderConfig | None:
    """*public* with the secrets that one of the *known* providers has, which may have another model."""
    for each in known:
        same_model = msgspec.structs.replace(each, model=public.model, facts=public.facts)
        if same_model.public() == public:
            return same_model
    return None


def _check_tools(client: Client, config: SessionConfig, some: SessionConfig) -> None:
    """Check *some*, which is *config* with some of its tools. Errors name these by their place in *config*.

    Raises:
        InvalidConfig: the client does not support it.
    """
    try:
        check_settings(client, some, config.provider.facts)
    except InvalidConfig as error:
        found = _PLACE.match(error.field)
        if found is None or some is config:
            raise
        place = config.tools.index(some.tools[int(found[1])])
        raise InvalidConfig(f"tools[{place}]{error.field[found.end() :]}", error.problem) from None


def _account(public: ProviderConfig) -> ProviderConfig:
    """What a provider's secrets belong to: everything but its model, which may change alone."""
    return msgspec.structs.replace(public, model="any", facts=ModelFacts())
