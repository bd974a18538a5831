"""What a program knows of its sessions, in files of its own: they survive it, and the runtime has no part in them."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

import rayconteur as rc
from rayconteur.runtime import ProcessLost

ENDS = rc.Completed | rc.Failed | rc.Interrupted
CHUNKS = rc.TextChunk | rc.ToolInputChunk | rc.StreamStarted

GIVEN_UP = "not_recovered"
"""The code of a turn whose process was lost too often."""


class Sent(msgspec.Struct, frozen=True, tag=True):
    """*text* is about to be sent."""

    text: str


class Acknowledged(msgspec.Struct, frozen=True, tag=True):
    """*text* has a receipt: it is *turn*."""

    text: str
    turn: int


class Answered(msgspec.Struct, frozen=True, tag=True):
    """``result_of(tool_use_id)`` has a receipt."""

    tool_use_id: str


class Seen(msgspec.Struct, frozen=True, tag=True):
    """Event *seq*, with this content, was read. It ends a *turn* as *end* says, if it does."""

    seq: int
    digest: str
    turn: int = 0
    end: str = ""
    is_chunk: bool = False


Line = Sent | Acknowledged | Answered | Seen
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def result_of(tool_use_id: str) -> str:
    """What the program says is the result of a tool use."""
    return f"the result of {tool_use_id}"


class Book:
    """The book of session *session_id*, in a file of *folder*; what is there is read first."""

    def __init__(self, folder: Path, session_id: str) -> None:
        self.session_id = session_id
        self.path = folder / f"{session_id}.jsonl"
        self.sent: set[str] = set()
        self.acknowledged: dict[str, int] = {}
        self.answered: set[str] = set()
        self.seen: dict[int, Seen] = {}
        if self.path.exists():
            for line in self.path.read_bytes().split(b"\n")[:-1]:  # the last one may be cut off
                self._note(_decode(line))
        self._file = self.path.open("ab", buffering=0)

    def close(self) -> None:
        """Nothing more is known of the session."""
        self._file.close()
        self.path.unlink()

    def add(self, line: Line) -> None:
        """Write a line, then know it."""
        self._file.write(_encode(line) + b"\n")
        self._note(line)

    def see(self, event: rc.FromLLM) -> None:
        """An event was read: no number is ever that of another one."""
        seen = Seen(
            event.seq,
            hashlib.blake2b(msgspec.msgpack.encode(event), digest_size=8).hexdigest(),
            getattr(event, "turn", 0) if isinstance(event, ENDS) else 0,
            getattr(event, "code", type(event).__name__) if isinstance(event, ENDS) else "",
            isinstance(event, CHUNKS),
        )
        before = self.seen.get(event.seq)
        if before is None:
            self.add(seen)
        assert before in (None, seen), f"{self.session_id}: event {event.seq} was {before}, and is now {event}"

    @property
    def ends(self) -> dict[int, str]:
        """How the turns have ended that have."""
        return {seen.turn: seen.end for seen in self.seen.values() if seen.turn}

    def _note(self, line: Line) -> None:
        match line:
            case Sent(text=text):
                self.sent.add(text)
            case Acknowledged(text=text, turn=turn):
                self.acknowledged[text] = turn
            case Answered(tool_use_id=use):
                self.answered.add(use)
            case Seen(seq=seq):
                self.seen[seq] = line


class Order:
    """Checks that the events of one reader are gapless: what does not come is ``Missed``, and only chunks are."""

    def __init__(self, book: Book, after: int) -> None:
        self._book = book
        self.last = after

    def take(self, event: rc.FromLLM) -> bool:
        """True if it is an event of the session, which is noted."""
        match event:
            case ProcessLost():
                return False
            case rc.Missed(first=first, last=last):
                assert first == self.last + 1, f"{self._book.session_id}: after {self.last} came {event}"
                read = self._book.seen.values()  # fewer than the numbers, which jump where nobody knows the last one
                lost = [seen for seen in read if first <= seen.seq <= last and not seen.is_chunk]
                assert not lost, f"{self._book.session_id}: {event} although these were read: {lost}"
                self.last = last
                return False
            case _:
                assert event.seq == self.last + 1, f"{self._book.session_id}: after {self.last} came {event}"
                self.last = event.seq
                self._book.see(event)
                return True


def check(book: Book, events: Iterable[rc.FromLLM], history: Iterable[rc.Message]) -> Counter[str]:
    """Compare *book* with all *events* that the journal has of its session, and its *history*. Returns how turns ended.

    Every acknowledged message was handled once, and nothing else was; every turn ended once; the numbers are gapless;
    each tool use has a result, the acknowledged one if there is one.
    """
    order = Order(book, 0)
    ends: Counter[int] = Counter()
    for event in events:
        if order.take(event) and isinstance(event, ENDS):
            ends[event.turn] += 1
    assert set(ends.values()) <= {1}, f"{book.session_id}: turns ended several times: {ends}"
    turns = set(book.acknowledged.values())
    assert ends.keys() == turns, f"{book.session_id}: these turns ended: {ends}; these are acknowledged: {turns}"
    unseen = sorted(seq for seq, seen in book.seen.items() if seq > order.last and not seen.is_chunk)
    assert not unseen, f"{book.session_id}: {unseen} were read, and are not stored"
    _check_history(book, list(history))
    return Counter(book.ends.values())


def _check_history(book: Book, history: list[rc.Message]) -> None:
    asked: Counter[str] = Counter()
    open_uses: set[str] = set()
    for message in history:
        for block in message.content:
            match block:
                case rc.Text(text=text) if message.role == "user":
                    assert not open_uses, f"{book.session_id}: {open_uses} have no results"
                    asked[text] += 1
                case rc.ToolUse(id=use):
                    open_uses.add(use)
                case rc.ToolResult(tool_use_id=use, content=content):
                    assert use in open_uses, f"{book.session_id}: {use} has two results, or was not used"
                    open_uses.remove(use)
                    is_kept = use not in book.answered or content == (rc.Text(result_of(use)),)
                    assert is_kept, f"{book.session_id}: {use} was answered, and now has the result {content}"
                case _:
                    pass
    assert not open_uses, f"{book.session_id}: {open_uses} have no results"
    twice = [text for text, count in asked.items() if count > 1]
    assert not twice, f"{book.session_id}: handled twice: {twice}"
    assert asked.keys() <= book.sent, f"{book.session_id}: never sent: {asked.keys() - book.sent}"
    lost = [text for text, turn in book.acknowledged.items() if book.ends.get(turn) == "Completed" and not asked[text]]
    assert not lost, f"{book.session_id}: acknowledged, completed, and not in the history: {lost}"
