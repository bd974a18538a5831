"""What the catalog says of one session, and what of that is out of date."""

from collections.abc import Iterable, Iterator

from ....providers.schema.content import Text
from ....providers.schema.messages import Message
from ...api import events as out
from ...api.events import FromLLM
from ...api.status import State
from ...core.conversation import Conversation
from ...journal.catalog.details import CatalogDetails, decode_details, encode_details
from ...journal.catalog.rows import CatalogChange, CatalogRow
from ...journal.catalog.words import words_of
from ...journal.entry import SessionKey
from ...journal.errors import InvalidJournal

_LISTED = (
    *(out.Completed, out.Interrupted, out.Failed, out.Closed, out.Configured),
    *(out.Cleared, out.Rewound, out.MessagesAdded, out.Compacted),
)
"""Events after which the catalog says something else of a session."""

_TURN_CHARS = 64 << 10
"""How much of the text of a turn is found by the search."""

_CHANGE_CHARS = 256 << 10
"""How much text is looked at for one change: that takes some milliseconds. The rest comes with the next."""

_TITLE = 0
"""The title, in the place of a turn."""


class CatalogedSession:
    """The row of the session *key*, and its words if the journal *is_searchable*.

    If another process had the session before, which it *is_resumed* from, its row has to be learned first: it is
    written only if that process has not done so.
    """

    __slots__ = (
        "_at",
        "_conversation",
        "_indexed_turn",
        "_is_due",
        "_is_searchable",
        "_is_stored",
        "_number",
        "_replaces",
        "_title",
        "key",
        "knows_row",
    )

    def __init__(self, key: SessionKey, conversation: Conversation, is_searchable: bool, is_resumed: bool) -> None:
        self.key = key
        self.knows_row = not is_resumed
        self._conversation = conversation
        self._is_searchable = is_searchable
        self._number, self._at = 0, 0.0  # of the last record
        self._is_due = True
        self._is_stored = False
        self._title = ""
        self._indexed_turn = 0
        self._replaces = False

    @property
    def is_ready(self) -> bool:
        """True if its row is out of date, and all records so far are stored: only then the row may be."""
        return self._is_due and self._is_stored

    def note(self, number: int, at: float, events: Iterable[FromLLM]) -> None:
        """The record *number*, of the time *at*, has these *events*. It is not stored yet."""
        self._number, self._at, self._is_stored = number, at, False
        for event in events:
            if isinstance(event, _LISTED):
                self._is_due = True
                if isinstance(event, out.Cleared | out.Rewound):
                    self._index_anew()

    def on_stored(self) -> None:
        """All records so far are stored."""
        self._is_stored = True

    def learn(self, row: CatalogRow | None) -> None:
        """*row* is what the catalog has of it."""
        self.knows_row = True
        if row and row.number >= self._number:
            self._is_due = False
        try:
            details = decode_details(row) if row else CatalogDetails()
        except InvalidJournal:
            self._index_anew()
        else:
            self._title, self._indexed_turn = details.title, details.indexed_turn

    def change(self) -> CatalogChange | None:
        """What to write now, if anything."""
        if not self.is_ready:
            return None
        self._is_due = False
        words = self._new_words() if self._is_searchable else {}
        replaces, self._replaces = self._replaces, False
        return CatalogChange(self._row(), words, replaces)

    def on_failed(self) -> None:
        """The last change may not have been written."""
        self._is_due = True
        self._index_anew()

    def _index_anew(self) -> None:
        self._title, self._indexed_turn, self._replaces = "", 0, True

    def _row(self) -> CatalogRow:
        conversation, labels = self._conversation, self._conversation.config.labels
        provider = conversation.config.provider
        details = CatalogDetails(
            title=labels.title,
            metadata=labels.metadata,
            created_at=conversation.created_at,
            provider=provider.service,
            model=provider.model,
            turns=conversation.turns,
            requests=conversation.requests,
            usage=conversation.usage,
            indexed_turn=self._indexed_turn,
        )
        return CatalogRow(
            self.key,
            self._number,
            self._at,
            conversation.state is State.CLOSED,
            labels.owner,
            labels.project,
            labels.tags,
            conversation.message_count,
            encode_details(details),
        )

    def _new_words(self) -> dict[int, str]:
        """The words of turns that have ended since the last change, and of the title if it is another one."""
        words: dict[int, str] = {}
        if (title := self._conversation.config.labels.title) != self._title:
            words[_TITLE], self._title = _joined(title), title
        size_chars = 0
        for turn, text in self._new_texts().items():
            words[turn] = _joined(text)
            self._indexed_turn = max(self._indexed_turn, turn)
            size_chars += len(text)
            if size_chars >= _CHANGE_CHARS:
                self._is_due = True
                break
        return words

    def _new_texts(self) -> dict[int, str]:
        """The texts of turns that are over, by their numbers, in order: those that are not indexed, and the last one.

        The last answer may have been continued.
        """
        history, running = self._conversation.view(full=True), self._conversation.turn
        first = min(self._indexed_turn + 1, history[-1].turn) if history else 0
        texts: dict[int, list[str]] = {}
        for message in reversed(history):
            if message.turn < first:
                break
            if message.turn != running:
                texts.setdefault(message.turn, []).extend(_text_blocks(message))
        return {turn: " ".join(reversed(texts[turn]))[:_TURN_CHARS] for turn in sorted(texts)}


def _text_blocks(message: Message) -> Iterator[str]:
    """The text in *message*, from its end."""
    return (block.text for block in reversed(message.content) if isinstance(block, Text))


def _joined(text: str) -> str:
    return " ".join(words_of(text))
