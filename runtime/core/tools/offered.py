"""The tools that requests offer: those of the settings, or some of them, and what the session adds to them."""

from collections.abc import Iterable

import msgspec

from ....compaction.estimate.sizes import settings_sizes
from ....providers.models import context_limit_tokens
from ....providers.registry import tool_search
from ....providers.schema.content import Text, ToolResult, ToolUse
from ....providers.schema.messages import Message
from ....providers.schema.tools import ProviderTool, Tool, ToolChoice
from ....providers.text_tools.protocol import uses_text
from ...api.config import SessionConfig
from ...api.settings.policies import DeferTools
from ...api.tools.builtins import READ_RESULT, SEARCH_TOOLS

MAX_TOOLS = 30
"""More tools than these are deferred."""

MAX_WINDOW_SHARE = 0.1
"""Tools are deferred, too, whose definitions take more of the context window."""

MIN_TOOLS = 10
"""With fewer tools, a search saves nothing."""

_SEARCH_TYPE = "tool_search"
"""How the type of a provider's own search begins."""


class OfferedTools(msgspec.Struct, frozen=True, omit_defaults=True):
    """The names of tools that a session has *added* to what its requests offer at first, in that order.

    Those are tools that were deferred, and have been found or used, and ``READ_RESULT``. None is added in between: so
    the definitions before it stay in the provider's cache. What a search of the provider's own finds is not among them:
    it stands in the history.
    """

    added: tuple[str, ...] = ()

    def adding(self, names: Iterable[str]) -> "OfferedTools":
        """These, and *names* after them."""
        added = tuple(dict.fromkeys((*self.added, *names)))
        return self if added == self.added else OfferedTools(added)

    def without_others(self, names: Iterable[str]) -> "OfferedTools":
        """Those that are among *names*, and ``READ_RESULT``."""
        kept = {*names, READ_RESULT.name}
        added = tuple(name for name in self.added if name in kept)
        return self if added == self.added else OfferedTools(added)


NOTHING_ADDED = OfferedTools()


def offered(config: SessionConfig, tools: OfferedTools, deferred: dict[str, Tool]) -> SessionConfig:
    """*config* with the tools that its requests offer.

    Those of *deferred* are only among them if they were added, unless the provider searches them itself: then they are
    there from the start, marked as deferred.
    """
    may_be_added: dict[str, Tool] = dict(deferred)
    if config.tools and all(tool.name != READ_RESULT.name for tool in config.tools):
        may_be_added[READ_RESULT.name] = READ_RESULT
    added = tuple(may_be_added[name] for name in tools.added if name in may_be_added)
    if not deferred and not added:
        return config
    shown = tuple(tool for tool in config.tools if tool.name not in deferred)
    choice = config.tool_choice
    if READ_RESULT in added and choice is not None and choice.allowed:
        choice = msgspec.structs.replace(choice, allowed=(*choice.allowed, READ_RESULT.name))
    search, marked = _search_in(config, tools, deferred)
    names = {tool.name for tool in shown}
    searches = (search,) if search and search.name not in names else ()
    return msgspec.structs.replace(config, tools=(*shown, *searches, *marked, *added), tool_choice=choice)


def native_search(config: SessionConfig) -> ProviderTool | None:
    """The tool by which the provider itself searches the deferred tools of *config*, if it has one.

    Where the model has to use a tool, it would find one by such a search and still not use it: that is left to our own.
    """
    choice = config.tool_choice or ToolChoice()
    if choice.mode == "required" or uses_text(config, config.provider.facts):
        return None
    search = tool_search(config.provider, config)
    if search is None or any(isinstance(tool, Tool) and tool.name == search.name for tool in config.tools):
        return None
    given = (tool for tool in config.tools if isinstance(tool, ProviderTool))
    return next((tool for tool in given if str(tool.definition.get("type")).startswith(_SEARCH_TYPE)), search)


def deferred_tools(config: SessionConfig) -> dict[str, Tool]:
    """The tools of *config*, by name, whose definitions requests do not hold before they are found.

    Those of the provider, built-in ones, those that end a turn, and what the tool choice names are always there. A
    session that defers tools by a search of its provider, or marks some to be deferred, is left to do so.
    """
    own = [tool for tool in config.tools if isinstance(tool, Tool) and not tool.builtin]
    if config.defer_tools is DeferTools.NEVER or len(own) < MIN_TOOLS or any(tool.deferred for tool in own):
        return {}
    if len(own) <= MAX_TOOLS and not _is_large(config):
        return {}
    choice = config.tool_choice
    named = {choice.name, *choice.allowed} if choice else set[str | None]()
    return {tool.name: tool for tool in own if not tool.ends_turn and tool.name not in named}


def _search_in(
    config: SessionConfig, tools: OfferedTools, deferred: dict[str, Tool]
) -> tuple[Tool | ProviderTool | None, Iterable[Tool]]:
    """What searches *deferred*, and those of them that the provider is sent without showing them to the model."""
    if not deferred:
        return None, ()
    search = native_search(config)
    if search is None:
        return SEARCH_TOOLS, ()
    hidden = (tool for name, tool in deferred.items() if name not in tools.added)
    return search, (msgspec.structs.replace(tool, deferred=True) for tool in hidden)


def used_tools(messages: Iterable[Message]) -> Iterable[str]:
    """The names of the tools that are used in *messages*, in order."""
    return (block.name for message in messages for block in message.content if isinstance(block, ToolUse))


def leaves_out_result(message: Message) -> bool:
    """True if a result in *message* has its summary, or what a compaction wrote, in the place of its content."""
    return any(
        isinstance(block, ToolResult)
        and block.compact_summary is not None
        and block.content == (Text(block.compact_summary),)
        for block in message.content
    )


def _is_large(config: SessionConfig) -> bool:
    """True if the definitions take more of the context window than they should, by our own count.

    What is learned of the window, and from reported figures, does not count: the definitions would come and go.
    """
    provider = config.provider
    without = msgspec.structs.replace(config, tools=(), tool_choice=None)
    tokens = sum(settings_sizes(config, provider.name)) - sum(settings_sizes(without, provider.name))
    return tokens > MAX_WINDOW_SHARE * context_limit_tokens(provider.facts)
