"""User messages in a row, merged into one: the chat templates of many models require the roles to alternate.

Two of them follow each other where an answer was empty, or where a summary precedes the conversation. Mistral's
templates end with "conversation roles must alternate user/assistant/user/assistant/...", and so do those of others,
which llama.cpp, vLLM and most compatible servers apply:
https://huggingface.co/mistralai/Mistral-7B-Instruct-v0.3/blob/main/tokenizer_config.json. OpenAI's own servers take
them as they are.
"""

from collections.abc import Sequence

from ...schema.messages import Message, Role
from ...schema.request import Request

_OPENING = b'{"role":"user","content":'
_BREAK = rb"\n\n"  # between two texts in one JSON string
_ANSWER, _RESULTS = -1, -2  # where a message does not end with a user message


class Runs:
    """The runs of user messages in a history. Like the encoded messages, they are found once."""

    def __init__(self) -> None:
        self.joins: list[tuple[int, int]] = []
        """The indexes of messages that continue a run, each with that of the run's first message."""
        self.after_results: list[int] = []
        """The indexes of user messages that follow the results of tools."""
        self._last_runs: list[int | None] = []
        """For each message the run that it ends with, by its first message; ``None`` if it is not on the wire."""

    def update(self, messages: Sequence[Message], forms: Sequence[bytes], unchanged: int) -> None:
        """Find the runs in *messages*, encoded as *forms*, of which the first *unchanged* were there before."""
        start = min(unchanged, len(self._last_runs))
        del self._last_runs[start:]
        while self.joins and self.joins[-1][0] >= start:
            del self.joins[-1]
        while self.after_results and self.after_results[-1] >= start:
            del self.after_results[-1]
        last_run = next((run for run in reversed(self._last_runs) if run is not None), _ANSWER)
        for index in range(start, len(forms)):
            form = forms[index]
            if not form:
                self._last_runs.append(None)
                continue
            if messages[index].role is Role.ASSISTANT:
                last_run = _ANSWER
            elif not form.startswith(_OPENING):  # what follows the results of tools is the last of a message's items
                last_run = index if _OPENING in form else _RESULTS
            elif last_run >= 0:
                self.joins.append((index, last_run))
            else:
                if last_run == _RESULTS:
                    self.after_results.append(index)
                last_run = index
            self._last_runs.append(last_run)


def alternating(
    request: Request, forms: Sequence[bytes], text_type: str, answer: bytes | None = None
) -> Sequence[bytes]:
    """*forms*, made of the messages of *request*, with each run of user messages merged into its first one.

    Texts become one text, because many servers take no arrays; with media, *text_type* is the type of a text's part.
    With an *answer*, it is put between the results of tools and a user message.
    """
    memo = request.memo
    runs = memo.extension
    if not isinstance(runs, Runs):
        memo.extension = runs = Runs()
    runs.update(request.messages, forms, memo.unchanged)
    if not (runs.joins or (answer and runs.after_results)):
        return forms
    merged = list(forms)
    for index, first in runs.joins:
        merged[first] = _joined(merged[first], merged[index], text_type.encode())
        merged[index] = b""
    if answer:
        for index in runs.after_results:
            merged[index] = b"%b,%b" % (answer, merged[index])
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
