"""Which messages stay in a history, and which leave it."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from checkers.conversation.history_changes import starts_natively, was_restored, without_origins
from checkers.conversation.temporary_content import has_temporary, without_temporary
from msgspec import UNSET

from rayconteur.compaction.estimate.estimator import new_estimator
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.usage import estimated
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.changes.continuation import answer_text, is_prompt
from rayconteur.runtime.core.context_meter import Fill
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.phases import Requesting

Messages = tuple[Message, ...]
NOT_FILLED = Fill()


@dataclass(frozen=True)
class BeforeTurn:
    """What the model knows of the conversation before the running turn."""

    history: tuple[Message, ...] = ()
    fill: Fill = NOT_FILLED
    counted: int = 0
    sent: int = 0
    recounted: bool = False
    continues: bool = False

    def with_settings(self, old: SessionConfig, new: SessionConfig) -> "BeforeTurn":
        """The same after a change of the settings: the fill has the new ones in it."""
        if old.provider.name != new.provider.name:
            return replace(self, recounted=True)
        count, messages, before = self.fill.count, self.fill.messages, self.fill.settings_tokens
        after = new_estimator(new.provider.name).counted_settings(new)
        if (old.system, old.tools) == (new.system, new.tools) or not messages or count.tokens is None:
            return self
        if before is UNSET or before == after:
            return self
        return replace(self, fill=Fill(estimated(max(0, count.tokens + after - before)), messages, after))


class Originals:
    """The messages that a native summary at the front of the history stands for."""

    def __init__(self) -> None:
        self._messages: Messages = ()

    def update(self, before: Conversation, event: ev.Event) -> None:
        """*event* came when the conversation was as *before*."""
        if not isinstance(event, ev.CompactionEnded) or event.messages is None:
            return
        if starts_natively(event.messages) and event.messages[:1] != before.history[:1]:
            replaced = before.history[: before.message_count - len(event.messages) + 1]
            self._messages = (*self._messages, *replaced[1:]) if starts_natively(replaced) else replaced

    def check_restored(self, old: Messages, new: Messages, gone: Iterable[int]) -> None:
        """The summary at the front of *old* has been replaced; the turns in *gone* have left.

        Messages that were removed before may be back, too, and others were appended.
        """
        if is_prompt(old[-1]) and new[-1:] != old[-1:]:
            old = old[:-1]  # the turn failed
        expected = without_origins(message for message in (*self._messages, *old[1:]) if message.turn not in gone)
        held = without_origins(new)
        places = range(len(held) - len(expected) + 1)
        assert any(held[at : at + len(expected)] == expected for at in places), (
            "the original messages did not come back"
        )


def check_kept(before: Conversation, new: Messages) -> None:
    """The history of *before* is at the beginning of *new*; an answer that is continued may be longer there."""
    old = before.history
    if old and is_prompt(old[-1]) and new[len(old) - 1 : len(old)] != old[-1:]:
        old = old[:-1]
    phase = before.phase
    if isinstance(phase, Requesting) and phase.turn.continuing and old and old[-1].role is Role.ASSISTANT:
        old, cut = old[:-1], old[-1]
        assert len(new) > len(old), "the answer that is continued did not stay"
        assert answer_text(new[len(old)].content).startswith(answer_text(cut.content))
    assert without_origins(new[: len(old)]) == without_origins(old), "completed messages did not stay"


def check_discarded(before_turn: BeforeTurn, now: BeforeTurn) -> None:
    """The history is *now* what it was before the turn, and so is the fill of the context window.

    An answer that the turn has continued leaves with it.
    """
    recounted = before_turn.recounted or now.recounted or has_temporary(before_turn.history)
    before_turn = replace(before_turn, history=without_temporary(before_turn.history))
    if before_turn.continues and len(now.history) < len(before_turn.history):
        assert now.history == before_turn.history[:-1], "more than the continued answer left the history"
        return
    assert now.history == before_turn.history, "the history is not what it was before the turn"
    if not recounted:
        assert now.fill == before_turn.fill, "the context is not what it was before the turn"


def check_rewound(
    before: Conversation, after: Conversation, emitted: Sequence[out.FromLLM], gone: AbstractSet[int]
) -> None:
    """No message of the turns that left is in either history, and all other messages are there.

    *gone* are turns that have left before.
    """
    left = {turn for event in emitted if isinstance(event, out.Rewound) for turn in event.turns}
    assert not any(message.turn in left for message in after.full_history), "a message of a removed turn stayed"
    assert not any(message.turn in left for message in after.history), "requests hold a message of a removed turn"
    ended = {event.turn for event in emitted if isinstance(event, out.Completed | out.Failed | out.Interrupted)}
    stay = [message for message in before.full_history if message.turn not in left | ended | gone]
    assert without_origins(after.full_history[: len(stay)]) == without_origins(stay), "another message left"
    stay = [message for message in before.history if message.turn not in left | ended | gone]
    if not was_restored(before, after):
        assert without_origins(after.history[: len(stay)]) == without_origins(stay), "requests lost another message"


def check_refused(before_turn: BeforeTurn, now: BeforeTurn) -> None:
    """The turn has left the history, and at most the turn whose answer it requested again."""
    left = len(now.history)
    assert without_temporary(before_turn.history)[:left] == now.history, "something else than the turn left the history"
    gone = before_turn.history[left:]
    assert sum(message.starts_turn for message in gone) <= 1, "more than one failed turn left"
    assert before_turn.continues or len({message.turn for message in gone}) <= 1, "more than one failed turn left"
