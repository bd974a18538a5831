"""What the model checker knows of the tools that requests offer: those of the settings, or what was found of them."""

from collections.abc import Container, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec
from checkers.conversation.history_changes import was_restored

from rayconteur.providers.schema.content import Text, ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.tools import ProviderTool, Tool
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import DeferTools
from rayconteur.runtime.api.tools.builtins import READ_RESULT, SEARCH_TOOLS
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation

NATIVE_SEARCH = ProviderTool(
    provider="anthropic", definition={"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"}
)


class Settings(NamedTuple):
    """The settings of the *session* and of the running *turn*; *added* turns consist of messages that were added."""

    session: SessionConfig
    turn: SessionConfig
    added: AbstractSet[int]

    def of(self, message: Message) -> SessionConfig:
        """Those under which *message* was written."""
        return self.session if message.turn in self.added else self.turn

    def searched(self, message: Message) -> bool:
        """True if a search of the session's provider has found the tools that *message* uses."""
        return message.turn not in self.added and searches_itself(self.session) and searches_itself(self.turn)


class OfferedLedger:
    """The names of the tools that were *added*, in order: found or used ones, and ``read_result``."""

    def __init__(self) -> None:
        self.added: list[str] = []

    def offered(self, config: SessionConfig) -> SessionConfig:
        """*config* with the tools that requests offer."""
        deferred = deferred_in(config)
        added = [name for name in self.added if name in deferred or (name == READ_RESULT.name and config.tools)]
        if not deferred and not added:
            return config
        visible = [tool for tool in config.tools if tool.name not in deferred]
        search: list[Tool | ProviderTool] = [SEARCH_TOOLS] if deferred else []
        if deferred and searches_itself(config):
            hidden = [tool for name, tool in deferred.items() if name not in added]
            search = [NATIVE_SEARCH, *(msgspec.structs.replace(tool, deferred=True) for tool in hidden)]
        tools = (*visible, *search, *(deferred.get(name, READ_RESULT) for name in added))
        return msgspec.structs.replace(config, tools=tools)

    def note(
        self,
        before: Conversation,
        event: ev.Event,
        after: Conversation,
        settings: Settings,
    ) -> None:
        """*event* has led from *before* to *after*. *settings* are those in force before."""
        if isinstance(event, ev.Received) and isinstance(event.message, msg.ToolResults):
            self._note_results(event.message, after.config)
        for message in () if was_restored(before, after) else after.history:
            if message not in before.history and not settings.searched(message):
                self.add_used([message], settings.of(message))
        if isinstance(event, ev.CompactionEnded) and event.messages is not None:
            used = set(used_tools(event.messages))  # not those in the history: the turn may have failed, and left it
            self.added = [name for name in self.added if name in used or name == READ_RESULT.name]

    def configured(self, before: SessionConfig, config: SessionConfig, history: Sequence[Message]) -> None:
        """The settings have changed from *before* to *config*."""
        if (before.tools, searches_itself(before)) == (config.tools, searches_itself(config)):
            return
        names = {tool.name for tool in config.tools}
        self.added = [name for name in self.added if name in names or name == READ_RESULT.name]
        found = deferred_in(before) if searches_itself(before) and searches_itself(config) else {}
        self.add_used(history, config, found)

    def started(self, session: SessionConfig, turn: SessionConfig, history: Sequence[Message]) -> None:
        """A turn has started with settings of its own."""
        if searches_itself(session) != searches_itself(turn):
            self.add_used(history, turn)

    def add(self, name: str) -> None:
        """The model has found the tool *name*, or may use it."""
        self.added += [] if name in self.added else [name]

    def _note_results(self, message: msg.ToolResults, config: SessionConfig) -> None:
        most = message.max_result_bytes
        for result in message.results:
            size = sum(len(block.text.encode()) for block in result.content if isinstance(block, Text))
            if most is not None and most < size <= config.limits.kept_result_bytes:
                self.add(READ_RESULT.name)

    def add_used(self, messages: Sequence[Message], config: SessionConfig, found: Container[str] = ()) -> None:
        """Requests show the tools that *messages* use, but for those that were *found* by the provider."""
        deferred = deferred_in(config)
        for name in used_tools(messages):
            if name in deferred and name not in found:
                self.add(name)


def searches_itself(config: SessionConfig) -> bool:
    """True if the provider has a search of its own for deferred tools."""
    return bool(config.provider.facts.searches_tools)


def shown(tools: Iterable[Tool | ProviderTool]) -> Iterator[Tool]:
    """*tools* as another provider gets them than one that searches them itself."""
    return (msgspec.structs.replace(tool, deferred=False) for tool in tools if isinstance(tool, Tool))


def deferred_in(config: SessionConfig) -> dict[str, Tool]:
    """The tools that a search finds: all of more than 30."""
    own = [tool for tool in config.tools if isinstance(tool, Tool) and not tool.builtin]
    is_deferred = len(own) > 30 and config.defer_tools is DeferTools.AUTO
    return {tool.name: tool for tool in own if not tool.ends_turn} if is_deferred else {}


def used_tools(messages: Iterable[Message]) -> list[str]:
    """The names of the tools that *messages* use."""
    return [block.name for message in messages for block in message.content if isinstance(block, ToolUse)]
