"""What the model checker knows of the tools that requests offer: those of the settings, or what was found of them."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from checkers.conversation.history_changes import was_restored

from rayconteur.providers.schema.content import Text, ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.tools import Tool
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import DeferTools
from rayconteur.runtime.api.tools.builtins import READ_RESULT, SEARCH_TOOLS
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation


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
        shown = [tool for tool in config.tools if tool.name not in deferred]
        search = [SEARCH_TOOLS] if deferred else []
        tools = (*shown, *search, *(deferred.get(name, READ_RESULT) for name in added))
        return msgspec.structs.replace(config, tools=tools)

    def note(
        self,
        before: Conversation,
        event: ev.Event,
        after: Conversation,
        config_of: Callable[[Message], SessionConfig],
    ) -> None:
        """*event* has led from *before* to *after*. *config_of* tells under which settings a message was written."""
        if isinstance(event, ev.Received) and isinstance(event.message, msg.ToolResults):
            self._note_results(event.message, after.config)
        for message in () if was_restored(before, after) else after.history:
            if message not in before.history:
                self._add_used([message], config_of(message))
        if isinstance(event, ev.CompactionEnded) and event.messages is not None:
            used = set(used_tools(event.messages))  # not those in the history: the turn may have failed, and left it
            self.added = [name for name in self.added if name in used or name == READ_RESULT.name]

    def configured(self, config: SessionConfig, history: Sequence[Message]) -> None:
        """The tools have changed to those of *config*."""
        names = {tool.name for tool in config.tools}
        self.added = [name for name in self.added if name in names or name == READ_RESULT.name]
        self._add_used(history, config)

    def add(self, name: str) -> None:
        """The model has found the tool *name*, or may use it."""
        self.added += [] if name in self.added else [name]

    def _note_results(self, message: msg.ToolResults, config: SessionConfig) -> None:
        most = message.max_result_bytes
        for result in message.results:
            size = sum(len(block.text.encode()) for block in result.content if isinstance(block, Text))
            if most is not None and most < size <= config.limits.kept_result_bytes:
                self.add(READ_RESULT.name)

    def _add_used(self, messages: Sequence[Message], config: SessionConfig) -> None:
        deferred = deferred_in(config)
        for name in used_tools(messages):
            if name in deferred:
                self.add(name)


def deferred_in(config: SessionConfig) -> dict[str, Tool]:
    """The tools that a search finds: all of more than 30."""
    own = [tool for tool in config.tools if isinstance(tool, Tool) and not tool.builtin]
    is_deferred = len(own) > 30 and config.defer_tools is DeferTools.AUTO
    return {tool.name: tool for tool in own if not tool.ends_turn} if is_deferred else {}


def used_tools(messages: Iterable[Message]) -> list[str]:
    """The names of the tools that *messages* use."""
    return [block.name for message in messages for block in message.content if isinstance(block, ToolUse)]
