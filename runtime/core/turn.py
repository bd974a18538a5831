"""The turn that runs, and how it tells of itself."""

from dataclasses import dataclass

from ...providers.schema.draft import Answer
from ...providers.schema.usage import NONE_YET, Usage
from ..api import messages as say
from . import events as ev
from .context_meter import Fill
from .tool_batch import Batch

REFUSED_BATCHES = 3
"""So many times in a row a model may ask for tools without one valid input; then its turn fails."""

NO_VALID_INPUT = ev.Failure(
    code="malformed_tool_input",
    message=f"the model wrote no valid tool input {REFUSED_BATCHES} times in a row; the history holds the last errors",
    retryable=True,
)


@dataclass(slots=True)
class Turn:
    """The turn that runs. *fill_before* is the context window's before it, unless that history was shortened."""

    number: int
    fill_before: Fill | None
    requests: int = 0
    attempt: int = 0  # at the answer that is wanted now
    refused_batches: int = 0  # in a row
    overflowed: bool = False  # once, which led to a compaction
    usage: Usage = NONE_YET
    batch: Batch | None = None

    def completed(self, answer: Answer) -> say.Completed:
        """Its end with *answer*."""
        return say.Completed(
            turn=self.number,
            stop_reason=answer.stop_reason,
            raw_stop_reason=answer.raw_stop_reason,
            usage=self.usage,
            requests=self.requests,
        )

    def failed(self, failure: ev.Failure, partial_text: str = "") -> say.Failed:
        """Its end without an answer."""
        return say.Failed(
            turn=self.number,
            code=failure.code,
            message=failure.message,
            retryable=failure.retryable,
            partial_text=partial_text,
        )

    def retrying(self, failure: ev.Failure, delay_s: float) -> say.Retrying:
        """It goes on after a pause."""
        return say.Retrying(
            turn=self.number, attempt=self.attempt, delay_s=delay_s, code=failure.code, message=failure.message
        )

    def tool_batch(self, batch: Batch) -> say.ToolBatch:
        """It waits for the results of *batch*."""
        return say.ToolBatch(turn=self.number, uses=batch.open, refused=batch.refused)
