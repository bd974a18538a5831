"""The configuration of a session."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

import msgspec
from msgspec import Meta, UnsetType

from ...compaction.config import Compaction, Layered
from ...compaction.strategies.custom import CompactionStrategy
from ...compaction.strategy import CompactionSettings
from ...providers.model_names import model
from ...providers.models import with_model_facts
from ...providers.registry import PROVIDERS, ProviderConfig, with_request_forms
from ...providers.schema.checks.field_checks import check_fields
from ...providers.schema.checks.shown import shown
from ...providers.schema.content import Text
from ...providers.schema.errors import InvalidConfig, UnknownProvider
from ...providers.schema.request import Positive, PositiveSeconds, Settings
from ...providers.schema.tools import Approval, ProviderTool, Tool, ToolStart, is_object
from ...providers.wire.cache_points import check_system
from .catalog.labels import Labels
from .fleet.followed_template import FollowedTemplate
from .settings.policies import DeferTools, Limits, OnCrash, OnInterrupt, OnMaxSteps, OnRefusal, RetryPolicy, WhenBusy
from .tools.approval_policy import ApprovalPolicy
from .tools.builtins import RESERVED_NAMES
from .tools.function_tool import NeedsApproval, check_tools
from .validation import validated_provider

if TYPE_CHECKING:

    class ProviderField:
        """A field that takes a provider's name, too, and has its config."""

        def __get__(self, instance: object, owner: object = None) -> ProviderConfig: ...

        def __set__(self, instance: object, value: ProviderConfig | str) -> None: ...


class SessionSettings(Settings, frozen=True, kw_only=True, omit_defaults=True):
    """Every setting of a session except its provider. ``Configure`` can change each of them.

    *compaction* keeps the history within the model's context window; with ``None`` only ``Compact`` compacts it. With
    *compact_eagerly*, a compaction may start early while the session is idle.

    *discard_refused* removes a turn from the history whose message the provider rejects for good (an image that it
    can't read, a message longer than the context window), or that the model or a content filter refused: what stays is
    sent, and often rejected, again. *auto_continue* is how often in a turn an answer is continued that was cut off by
    the output limit or paused by the provider. After *max_steps* answers with tool uses, a turn ends when it has their
    results, or as *on_max_steps* says. Of the tools of one answer, at most *max_parallel_tools* run at a time, whoever
    runs them; with 1 they run in the model's order, each when all before it have their results. *approve* is whether
    uses of tools that do not say so themselves wait for ``Approve``, or a function that the session asks about each of
    them; *approval_timeout_s* is how long they wait at most, in seconds; so long, too, questions wait for the user. A
    tool use that may run and that nobody answers, or says anything of, for *results_timeout_s* seconds gets an error
    result. *defer_tools* is whether the model has to search for tools when there are many, *start_tools* whether those
    that do not say so themselves start while the answer is still streamed. *passivate_after_s* is how long a session
    with a journal is idle, in seconds, before it leaves memory; by default, what the options of the runtime say.
    *labels* are how the session is listed. *template* is the template that the session follows, if any: ``spawn`` sets
    it, and a ``Configure`` with ``None`` ends it.
    """

    compaction: Compaction | None = Layered()
    compact_eagerly: bool = False
    when_busy: WhenBusy = WhenBusy.QUEUE
    on_interrupt: OnInterrupt = OnInterrupt.DISCARD
    on_refusal: OnRefusal = OnRefusal.KEEP
    on_crash: OnCrash = OnCrash.RETRY
    discard_refused: bool = False
    auto_continue: Annotated[int, Meta(ge=0)] = 0
    max_steps: Positive = 25
    on_max_steps: OnMaxSteps = OnMaxSteps.END
    max_parallel_tools: Positive | None = None
    if TYPE_CHECKING:
        approve: Approval | ApprovalPolicy | NeedsApproval = Approval.NEVER
    else:
        approve: Approval | ApprovalPolicy = Approval.NEVER
    approval_timeout_s: PositiveSeconds | None = None
    results_timeout_s: PositiveSeconds | None = 3_600.0
    defer_tools: DeferTools = DeferTools.AUTO
    start_tools: ToolStart = ToolStart.COMPLETE
    retry: RetryPolicy = RetryPolicy()
    limits: Limits = Limits()
    passivate_after_s: PositiveSeconds | None = None
    labels: Labels = Labels()
    template: FollowedTemplate | None = None


def check_settings(settings: Settings, name: str) -> None:
    """Check *settings* as far as that takes no provider; *name* is what errors call them.

    Raises:
        InvalidConfig: a field is invalid, or two tools have the same name.
    """
    check_system(settings.system, f"{name}.system")
    if isinstance(settings.system, list):
        msgspec.structs.force_setattr(settings, "system", tuple(cast("list[Text]", settings.system)))
    if callable(approve := getattr(settings, "approve", None)):
        msgspec.structs.force_setattr(settings, "approve", ApprovalPolicy(cast(NeedsApproval, approve)))
    check_fields(settings, name, unchecked=("provider", "compaction", "tools"))  # a provider is checked elsewhere
    check_tools(settings.tools, f"{name}.tools")
    if "compaction" in settings.__struct_fields__:
        _check_compaction(cast(SessionSettings, settings).compaction, f"{name}.compaction")
    check_output_schema(settings.output_schema, f"{name}.output_schema")
    for tool in settings.tools or ():
        if isinstance(tool, Tool) and tool.name in RESERVED_NAMES and not tool.builtin:
            raise InvalidConfig(f"{name}.tools", f"{tool.name} is a built-in tool; give your own another name")
    names = Counter(tool.name for tool in settings.tools or () if isinstance(tool, Tool))
    if twice := [each for each, count in names.items() if count > 1]:
        builtins = {tool.name for tool in settings.tools or () if isinstance(tool, Tool) and tool.builtin}
        if twice[0] in builtins:
            raise InvalidConfig(f"{name}.tools", f"{twice[0]} is a built-in tool; give your own another name")
        raise InvalidConfig(f"{name}.tools", f"more than one tool has the name {shown(twice[0])}; give each its own")


def check_output_schema(schema: object, field: str) -> None:
    """Raises:
    InvalidConfig: *schema*, if one is given, is not that of an object; *field* is named.
    """
    if isinstance(schema, dict) and not is_object(cast(dict[str, Any], schema)):
        raise InvalidConfig(field, "the answer must be an object: give a schema of type 'object'")


def check_tool_names(settings: Settings, provider: ProviderConfig | UnsetType, name: str) -> None:
    """Check the names of tools, as far as *settings* and their *provider* are given; errors call the settings *name*.

    Raises:
        InvalidConfig: the provider does not take a tool's name, or there is no tool that the choice names.
    """
    tools, choice = cast("tuple[Tool | ProviderTool, ...] | UnsetType", settings.tools), settings.tool_choice
    if isinstance(tools, UnsetType):
        return
    vendor = None if isinstance(provider, UnsetType) else PROVIDERS.get(provider.name)
    names = vendor.tool_names(provider) if vendor and tools else None
    for number, tool in enumerate(tools):
        if vendor and names and isinstance(tool, Tool) and not names.fits(tool.name):
            problem = f"{vendor.name} takes {names.form}, not {shown(tool.name)}"
            raise InvalidConfig(f"{name}.tools[{number}].name", problem)
    if not choice:
        return
    known = {tool.name for tool in tools}
    for field, wanted in (("name", (choice.name,) if choice.name else ()), ("allowed", choice.allowed)):
        if unknown := [each for each in wanted if each not in known]:
            raise InvalidConfig(f"{name}.tool_choice.{field}", f"there is no tool {shown(unknown[0])} in tools")


def _check_compaction(compaction: object, name: str) -> None:
    """Raises:
    InvalidConfig: *compaction* is no strategy.
    """
    if isinstance(compaction, type):
        raise InvalidConfig(name, f"give an instance, such as {compaction.__name__}(), not the class")
    if not isinstance(compaction, CompactionSettings | CompactionStrategy | UnsetType | None):
        raise InvalidConfig(
            name, f"give a strategy of rayconteur.compaction or your own, or None, not a {type(compaction).__name__}"
        )


def provider_config(provider: ProviderConfig | str) -> ProviderConfig:
    """*provider*, or the config that its name stands for, such as ``anthropic:claude-sonnet-5-5``.

    Raises:
        UnknownProvider, InvalidConfig: it is neither.
    """
    if not isinstance(provider, str):
        return validated_provider(provider)
    try:
        return model(provider)
    except UnknownProvider as unknown:
        configs = ", ".join(each.config.__name__ for each in PROVIDERS.values())
        raise UnknownProvider(f"{unknown.message}, or give one of the configs {configs}") from None


class SessionConfig(SessionSettings, frozen=True, kw_only=True, omit_defaults=True):
    """A session: its provider and model, and its settings.

    *provider* is a config, or a name such as ``"anthropic:claude-sonnet-5-5"``, which ``rayconteur.model`` turns into
    one.

    Raises:
        InvalidConfig, UnknownProvider: a field is invalid; it is named. What only the provider's own rules tell is
            found by ``spawn``.
    """

    if TYPE_CHECKING:
        provider: ProviderField
    else:
        provider: ProviderConfig

    def __post_init__(self) -> None:
        provider: ProviderConfig | str = self.provider
        if isinstance(provider, str):
            msgspec.structs.force_setattr(self, "provider", provider_config(provider))
        else:
            provider_config(provider)
        check_settings(self, "config")
        check_tool_names(self, self.provider, "config")

    def resolved(self, environ: Mapping[str, str]) -> Self:
        """This config with the credentials of its providers, and with what is known about its model.

        Raises:
            ConfigError: a credential is missing or a field is invalid; the message names the variable or the field.
        """
        return msgspec.structs.replace(
            self,
            provider=with_model_facts(self.provider.resolved(environ)),
            compaction=self.compaction and self.compaction.resolved(environ),
        )

    def with_request_forms(self) -> Self:
        """This config, resolved, with the request forms of its providers, whose SDKs make them here.

        Importing an SDK takes up to 2.5 s: call it off the event loop.

        Raises:
            ConfigError: an SDK is missing or has changed, or a field is invalid; the message names it.
        """
        return msgspec.structs.replace(
            self,
            provider=with_request_forms(self.provider),
            compaction=self.compaction and self.compaction.with_providers(with_request_forms),
        )

    def public(self) -> Self:
        """This config without secrets: safe for records, events and logs."""
        return msgspec.structs.replace(
            self, provider=self.provider.public(), compaction=self.compaction and self.compaction.public()
        )

    def providers(self) -> list[ProviderConfig]:
        """The session's own provider, and those that get requests of its compaction."""
        return [self.provider, *(self.compaction.providers() if self.compaction else ())]
