"""User messages in a row, merged into one: the chat templates of many models require the roles to alternate.

Two of them follow each other where an answer was empty, or where a summary precedes the conversation. Mistral's
templates end with "conversation roles must alternate user/assistant/user/assistant/...", and so do those of others,
which llama.cpp, vLLM and most compatible servers apply:
https://huggingface.co/mistralai/Mistral-7B-Instruct-v0.3/blob/main/tokenizer_config.json. OpenAI's own servers take
them as they are.
"""

from collections.abc import Sequence

from ...schema.messages import Message, Role
from ...schema.request import WireMemo

_OPENING = b'{"role":"user","content":'
_BREAK = rb"\n\n"  # between two texts in one JSON string
_NOT_USERS = -1


class Runs:
    """The runs of user messages in a history. Like the encoded messages, they are found once."""

    def __init__(self) -> None:
        self.joins: list[tuple[int, int]] = []
        """The indexes of messages that continue a run, each with that of the run's first message."""
        self._last_runs: list[int | None] = []
        """For each message the run that it ends with, by its first message; ``None`` if it is not on the wire."""

    def update(self, messages: Sequence[Message], forms: Sequence[bytes], unchanged: int) -> None:
        """Find the runs in *messages*, encoded as *forms*, of which the first *unchanged* were there before."""
        start = min(unchanged, len(self._last_runs))
        del self._last_runs[start:]
        while self.joins and self.joins[-1][0] >= start:
            del self.joins[-1]
        last_run = next((run for run in reversed(self._last_runs) if run is not None), _NOT_USERS)
        for index in range(start, len(forms)):
            form = forms[index]
            if not form:
                self._last_runs.append(None)
                continue
            is_user = messages[index].role is Role.USER
            if is_user and last_run != _NOT_USERS and form.startswith(_OPENING):
                self.joins.append((index, last_run))
            else:  # what follows tool results in a message is the last of its items
                last_run = index if is_user and _OPENING in form else _NOT_USERS
            self._last_runs.append(last_run)


def alternating(memo: WireMemo, messages: Sequence[Message], forms: Sequence[bytes], text_type: str) -> Sequence[bytes]:
    """*forms*, which *memo* has just made of *messages*, with each run of user messages merged into its first one.

    Texts become one text, because many servers take no arrays; with media, *text_type* is the type of a text's part.
    """
    runs = memo.extension
    if not isinstance(runs, Runs):
        memo.extension = runs = Runs()
    runs.update(messages, forms, memo.unchanged)
    if not runs.joins:
        return forms
    merged = list(forms)
    for index, first in runs.joins:
        merged[first] = _joined(merged[first], merged[index], text_type.encode())
        merged[index] = b""
    return merged


def _joined(before: bytes, after: bytes, text_type: bytes) -> bytes:
    """*before*, which ends with a user message, with the content of *after*, which is one, at its end."""
    # A quotation mark in a text has a backslash before it, so this is where the message begins.
    start = before.rfind(_OPENING) + len(_OPENING)
    head, contents = before[:start], (before[start:-1], after[len(_OPENING) : -1])
    if all(content.startswith(b'"') for content in contents):
        return b"%b%b%b%b}" % (head, contents[0][:-1], _BREAK, contents[1][1:])
    parts = (
        b'{"type":"%b","text":%b}' % (text_type, content) if content.startswith(b'"') else content[1:-1]
        for content in contents
    )
    return b"%b[%b]}" % (head, b",".join(parts))
