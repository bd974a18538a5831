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
from ..wire.cache_points import SystemPrompt, system_text

_DIGEST_BYTES = 8
_USER, _ASSISTANT, _SYSTEM = b"u", b"a", b"s"
_Object = Mapping[str, Any]
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


def prompt_fingerprint(system: SystemPrompt, tools: Iterable[_Object]) -> str:
    """The fingerprint that the thinking in a conversation begins with. The order of *tools* does not matter.

    Deferred tools count like the others, although a model that has not found one yet does not mind its change.
    """
    text = None if system is None else system_text(system)
    return _digest(b"", [_encode([text, *sorted(_canonical(tool).decode() for tool in tools)])]).hex()


class BoundThinking:
    """The fingerprints along one session's history. They are kept in its ``WireMemo``: a turn costs what is new in it.

    *provider* is the name that thinking and compacted histories of this API carry.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._prompt = ""
        self._prompt_of: tuple[object, object] | None = None  # the system prompt and the tools of ``_known_prompt``
        self._known_prompt = ""
        self._appended: Mapping[int, bytes] = {}
        self._checkpoints: list[tuple[int, bytes]] = []  # each message of the assistant, and the digest up to its end
        self._answers: list[_Answer] = []

    @classmethod
    def of(cls, memo: WireMemo, provider: str) -> "BoundThinking":
        """The one of *memo*."""
        kept = memo.extension
        if not isinstance(kept, cls) or kept._provider != provider:
            memo.extension = kept = cls(provider)
            memo.unchanged = 0
        return kept

    def prompt(self, system: SystemPrompt, tools: Sequence[object], define: Callable[[], Iterable[_Object]]) -> str:
        """The ``prompt_fingerprint`` of *system* and of *tools*, which *define* returns in the API's form.

        It is the one of the last request while both are the same objects.
        """
        known = self._prompt_of
        if known is None or known[0] is not system or known[1] is not tools:
            self._prompt_of, self._known_prompt = (system, tools), prompt_fingerprint(system, define())
        return self._known_prompt

    def valid_forms(
        self, memo: WireMemo, messages: Sequence[Message], forms: list[bytes], context: Context
    ) -> list[bytes]:
        """*forms* of *messages*, just encoded by *memo*, without the thinking that is not valid any more.

        *memo* gets what binds the thinking of the answer to come. The list may be *forms* itself: don't change it.
        """
        start, before = self._return_to(self._first_change(memo.unchanged, context))
        self._prompt, self._appended = context.prompt, context.appended
        memo.prefix = self._extend(messages, forms, context.parts, start, before)
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

    def _return_to(self, index: int) -> tuple[int, bytes]:
        """Forget what depends on the message *index*. Returns where to continue, and the digest up to there."""
        while self._checkpoints and self._checkpoints[-1][0] >= index:
            self._checkpoints.pop()
        last, before = self._checkpoints[-1] if self._checkpoints else (-1, b"")
        while self._answers and self._answers[-1].index > last:
            self._answers.pop()
        return last + 1, before

    def _extend(
        self, messages: Sequence[Message], forms: Sequence[bytes], parts: _Parts, start: int, before: bytes
    ) -> str:
        """Add the messages from *start* on, with the digest *before* them. Returns the fingerprint of everything."""
        pieces: list[bytes] = []  # of user and system messages since the last checkpoint
        appended = self._appended
        for index in range(start, len(messages)):
            message, form = messages[index], forms[index]
            if message.role is Role.USER:
                pieces += _USER, form
            else:
                bare = form
                if Thinking in map(type, message.content):
                    bare = self._without_thinking(message, form, parts)
                    if bare != form:
                        self._answers.append(_Answer(index, self._place(before, pieces), message.origin, bare))
                before = self._digest_of_compacted(message) or _digest(before, [*pieces, _ASSISTANT, bare])
                self._checkpoints.append((index, before))
                pieces = []
            if appended and index in appended:
                pieces += _SYSTEM, appended[index]
        return self._place(before, pieces)

    def _place(self, before: bytes, pieces: Sequence[bytes]) -> str:
        """The fingerprint of what precedes a message: the prompt, the digest *before* and the *pieces* after it."""
        return self._prompt + (_digest(before, pieces) if pieces else before).hex()

    def _without_thinking(self, message: Message, form: bytes, parts: _Parts) -> bytes:
        if not any(isinstance(block, Thinking) and block.provider == self._provider for block in message.content):
            return form
        content = tuple(block for block in message.content if not isinstance(block, Thinking))
        return _encode(parts(msgspec.structs.replace(message, content=content)))[1:-1]

    def _digest_of_compacted(self, message: Message) -> bytes | None:
        """The digest of the history that *message* is the provider's own summary of.

        Thinking after it stays valid if it was made after that history, with the same system prompt and tools:
        https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand.
        """
        first = message.content[0] if message.content else None
        if type(first) is not Opaque or message.origin is None:
            return None
        if (first.provider, first.type) != (self._provider, "compaction"):
            return None
        prompt, digest = message.origin.prefix[: len(self._prompt)], message.origin.prefix[len(self._prompt) :]
        return bytes.fromhex(digest) if prompt == self._prompt and digest else None


def _digest(before: bytes, pieces: Iterable[bytes]) -> bytes:
    return blake2b(b"".join((before, *pieces)), digest_size=_DIGEST_BYTES).digest()
