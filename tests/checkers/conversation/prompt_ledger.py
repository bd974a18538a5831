"""Under which settings each turn runs, and under which prompt each answer of a history was given."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

import msgspec
from checkers.conversation.history_changes import omits_sealed, rewound_to_originals, starts_natively, was_restored

from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Prompt
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.settings import changed_config


class PromptLedger:
    """Follows the answers of a conversation, and checks the prompts of each request against them."""

    def __init__(self) -> None:
        self._last_sent: SendRequest | None = None
        self._answered_under: list[Prompt] = []  # for each of the assistant's messages
        self.compacted_under = Prompt()
        """That of all that a compaction leaves: it may have taken away what offered a tool."""

    def update(
        self,
        before: Conversation,
        event: ev.Event,
        after: Conversation,
        base: SessionConfig,
        added: AbstractSet[int] = frozenset(),
    ) -> None:
        """*event* has led from *before* to *after*. The turns in *added* have just been added without a request.

        *base* are the settings of requests outside of a turn.
        """
        answers = sum(message.role is Role.ASSISTANT for message in after.history)
        replaced = isinstance(event, ev.CompactionEnded) and event.messages is not None
        if replaced and starts_natively(after.history):
            self._answered_under = self._answered_under[:1] * answers
        elif replaced:
            self._answered_under = [self.compacted_under] * answers
        elif omits_sealed(before, event):
            self._answered_under = [prompt_of(before.request_config)] * answers
        elif was_restored(before, after) or rewound_to_originals(before, after):
            self._answered_under = [prompt_of(base)] * answers
        else:
            given = [message for message in after.history if message.role is Role.ASSISTANT]
            del self._answered_under[answers - sum(message.turn in added for message in given) :]  # a turn has left
            for message in given[len(self._answered_under) :]:
                self._answered_under.append(self._prompt_of_new(message.turn in added, after, base))
        del self._answered_under[answers:]

    def _prompt_of_new(self, is_added: bool, after: Conversation, base: SessionConfig) -> Prompt:
        if not is_added:
            assert self._last_sent is not None
            return prompt_of(self._last_sent.config)
        if self._answered_under:
            return self._answered_under[-1]
        return next(iter(after.snapshot().prompts), prompt_of(base))

    def check(self, send: SendRequest) -> None:
        """Each answer is sent back under the prompt that it was given under, and the last prompt is the current one."""
        prompts = send.prompts or (prompt_of(send.config),)
        assert len(send.prompts) != 1
        assert msgspec.structs.replace(prompts[-1], start=0) == prompt_of(send.config)
        assert prompts[0].start == 0
        for one, other in pairwise(prompts):
            assert one.start < other.start < len(send.messages)
            assert send.messages[other.start].role is Role.USER
            assert msgspec.structs.replace(one, start=other.start) != other
        answers = [index for index, message in enumerate(send.messages) if message.role is Role.ASSISTANT]
        under = [[prompt for prompt in prompts if prompt.start <= index][-1] for index in answers]
        assert [msgspec.structs.replace(prompt, start=0) for prompt in under] == self._answered_under
        self._last_sent = send


class SettingsLedger:
    """Follows the settings of turns: those of their message, or of the one that they go on from."""

    def __init__(self) -> None:
        self._of_messages: dict[int, TurnSettings | None] = {}  # by turn
        self._last_message = 0  # the turn of the last message that has started one
        self._before_last = 0
        self._running: TurnSettings | None = None
        self.message_turn: int | None = None
        """The turn of the message that the running turn goes on from."""

    def asked(self, turn: int, settings: TurnSettings | None) -> None:
        """A user message with *settings* is to start *turn*."""
        self._of_messages[turn] = settings

    def added(self, turns: Sequence[int]) -> None:
        """Messages that have no settings were added as *turns*."""
        self._last_message = turns[-1]

    def end_aside(self) -> None:
        """The running turn was temporary: the message before is the last one again."""
        self._last_message = self._before_last

    def start(self, turn: int, history: Sequence[Message]) -> None:
        """*turn* has started, with *history*."""
        self._before_last = self._last_message
        if turn in self._of_messages:
            self._last_message = turn
        goes_on = turn == self._last_message or any(self._last_message <= each.turn < turn for each in history)
        self._running = self._of_messages.get(self._last_message) if goes_on else None
        self.message_turn = self._last_message if goes_on else None

    def in_force(self, config: SessionConfig) -> SessionConfig:
        """The settings of the running turn, in a session with *config*."""
        return changed_config(config, self._running) if self._running else config


def prompt_of(config: SessionConfig) -> Prompt:
    return Prompt(system=config.system, tools=config.tools)
