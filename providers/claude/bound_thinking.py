"""Leaving out the thinking that a Claude model would reject because something before it has changed.

https://platform.claude.com/docs/en/build-with-claude/preserved-thinking: signed thinking is valid only while the system
prompt, the set of tools and every earlier message are as they were when the model thought. Each block also records the
thinking before it: what is sent of it must be an unbroken run, so that only the beginning may be missing.

Both are checked by fingerprints, which the ``Origin`` of an answer keeps.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from ..schema.content import Opaque, Thinking
from ..schema.messages import Message, Origin, Role
from ..schema.request import WireMemo

_DIGEST_BYTES = 8
_USER, _ASSISTANT, _SYSTEM = b"u", b"a", b"s"
_Parts = Callable[[Message], list[Any]]
_encode = msgspec.json.encode
_canonical = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer whose thinking can be sent, the message *index*.

    *place* is the fingerprint of what precedes it now, *origin* has what preceded it when it was made. *bare* is its
    form without the thinking.
    """

    index: int
    place: str
    origin: Origin | None
    bare: bytes

    @property
    def is_intact(self) -> bool:
        """True if nothing before it has changed, as far as that is known."""
        return self.origin is None or self.origin.prefix in ("", self.place)

    @property
    def previous(self) -> str | None:
        """The place of the answer whose thinking preceded it: ``""`` for none, ``None`` if unknown."""
        return self.origin.previous if self.origin is not None and self.origin.prefix else None


class Context(NamedTuple):
    """What thinking is bound to besides the messages, and how messages are encoded.

    *prompt* is a ``prompt_fingerprint``; *appended* are the system messages, by the index of the message before each.
    """

    prompt: str
    parts: _Parts
    appended: Mapping[int, bytes] = {}


def prompt_fingerprint(system: str | None, tools: Iterable[Mapping[str, Any]]) -> str:
    """The fingerprint that the thinking in a conversation begins with. The order of *tools* does not matter.

    Deferred tools count like the others, although a model that has not found one yet does not mind its change.
    """
    return _digest(b"", _encode([system, *sorted(_canonical(tool).decode() for tool in tools)])).hex()


class BoundThinking:
    """The fingerprints along one session's history. They are kept in its ``WireMemo``: a turn costs what is new in it.

    *provider* is the name that thinking and compacted histories of this API carry.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._prompt = ""
        self._appended: Mapping[int, bytes] = {}
        self._digests: list[bytes] = []  # after each message
        self._answers: list[_Answer] = []

    @classmethod
    def of(cls, memo: WireMemo, provider: str) -> "BoundThinking":
        """The one of *memo*."""
        kept = memo.extension
        if not isinstance(kept, cls) or kept._provider != provider:
            memo.extension = kept = cls(provider)
            memo.unchanged = 0
        return kept

    def valid_forms(
        self, memo: WireMemo, messages: Sequence[Message], forms: list[bytes], context: Context
    ) -> list[bytes]:
        """*forms* of *messages*, just encoded by *memo*, without the thinking that is not valid any more.

        *memo* gets what binds the thinking of the answer to come. The list may be *forms* itself: don't change it.
        """
        self._forget_from(self._first_change(memo.unchanged, context))
        self._prompt, self._appended = context.prompt, context.appended
        for index in range(len(self._digests), len(messages)):
            self._add(index, messages[index], forms[index], context.parts)
        memo.prefix = self._place(len(messages))
        omitted: list[_Answer] = []
        wanted: str | None = None
        for answer in reversed(self._answers):
            if answer.is_intact and wanted in (None, answer.place):
                memo.previous = memo.previous or answer.place
                wanted = answer.previous
            else:
                omitted.append(answer)
        if not omitted:
            return forms
        valid = list(forms)
        for answer in omitted:
            valid[answer.index] = answer.bare
        return valid

    def _first_change(self, unchanged: int, context: Context) -> int:
        if context.prompt != self._prompt:
            return 0
        if context.appended == self._appended:
            return unchanged
        places = self._appended.keys() | context.appended.keys()
        moved = [place for place in places if self._appended.get(place) != context.appended.get(place)]
        return min(unchanged, *moved)

    def _forget_from(self, index: int) -> None:
        del self._digests[index:]
        while self._answers and self._answers[-1].index >= index:
            self._answers.pop()

    def _place(self, index: int) -> str:
        """The fingerprint of what precedes the message *index*."""
        return self._prompt + (self._digests[index - 1].hex() if index else "")

    def _add(self, index: int, message: Message, form: bytes, parts: _Parts) -> None:
        before = self._digests[index - 1] if index else b""
        bare = form
        if message.role is Role.ASSISTANT:
            if any(isinstance(block, Thinking) and block.provider == self._provider for block in message.content):
                content = tuple(block for block in message.content if not isinstance(block, Thinking))
                bare = _encode(parts(msgspec.structs.replace(message, content=content)))[1:-1]
            if bare != form:
                self._answers.append(_Answer(index, self._place(index), message.origin, bare))
        digest = self._digest_of_compacted(message) or before
        if digest is before and bare:
            digest = _digest(before, (_USER if message.role is Role.USER else _ASSISTANT) + bare)
        if (appended := self._appended.get(index)) is not None:
            digest = _digest(digest, _SYSTEM + appended)
        self._digests.append(digest)

    def _digest_of_compacted(self, message: Message) -> bytes | None:
        """The digest of the history that *message* is the provider's own summary of.

        Thinking after it stays valid if it was made after that history, with the same system prompt and tools:
        https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand.
        """
        match message.content:
            case (Opaque(provider=self._provider, type="compaction"), *_) if message.origin is not None:
                prompt, digest = message.origin.prefix[: len(self._prompt)], message.origin.prefix[len(self._prompt) :]
                return bytes.fromhex(digest) if prompt == self._prompt and digest else None
            case _:
                return None


def _digest(before: bytes, data: bytes) -> bytes:
    return blake2b(before + data, digest_size=_DIGEST_BYTES).digest()
