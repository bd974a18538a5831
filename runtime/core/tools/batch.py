"""The tool uses of one answer, and their results."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import Block, Text, ToolResult, ToolUse
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.messages import Message
from ....providers.schema.stop_reasons import StopReason
from ....providers.schema.usage import NONE_YET, Usage
from ...api.errors import (
    ApprovalNeeded,
    EmptyMessage,
    MissingToolResults,
    NoApprovalNeeded,
    NoQuestion,
    QuestionAnswered,
    ToolResultError,
    ToolUseAnswered,
    UnknownToolUse,
)
from ...api.messages import AnswerQuestion, Approve, Deny, ToolResults, ToolUpdate
from ...api.tools.approval_policy import ApprovalPolicy

INTERRUPTED = "This tool use was interrupted before it had a result."
MALFORMED = "The input of this tool use is not a JSON object, and nothing was run. Ask again with valid JSON."
NO_MORE = "Nothing was run: this turn may use no more tools."
NOBODY_ANSWERED = "This tool use had no result in time; what became of it is not known."
NOBODY_REPLIED = "The user did not answer the question in time."
NOBODY_APPROVED = "Nobody approved this tool use in time, and nothing was run."
DENIED = "The user denied this tool use, and nothing was run"
CUT_OFF = "and nothing was run. Ask again with a shorter input, or in several tool uses."
_LIMITS = {
    StopReason.MAX_TOKENS: "The output limit (max_output_tokens) cut off the input of this tool use",
    StopReason.CONTEXT_FULL: "The context window was full before the input of this tool use was complete",
}


class ToolBatch(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The tool *uses* of one answer, and the *results* so far by tool use id.

    A use with malformed input has its error result from the start. *unapproved* are the ids of those that wait for
    approval, *undecided* of those of which the session's *policy* has not said yet whether they need it, *decided* of
    those that have it, *edited* of those whose input somebody changed with it, *started* of those that run, *questions*
    of those that were put to the user. *timer* and *approval_timer* are the numbers of the timers that limit the wait.
    *stop_reason* is that of the answer, *usage* that of its request. *early* are the ids of those that were emitted
    before the answer was complete, *held* of those that wait until others have ended.
    """

    uses: tuple[ToolUse, ...]
    results: dict[str, ToolResult]
    unapproved: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    stop_reason: StopReason = StopReason.TOOL_USE
    usage: Usage = NONE_YET
    timer: int = 0
    approval_timer: int = 0
    early: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    policy: ApprovalPolicy | None = None

    @classmethod
    def of(
        cls, content: Iterable[Block], stop_reason: StopReason = StopReason.TOOL_USE, usage: Usage = NONE_YET
    ) -> Self:
        """The batch of the tool uses in an answer's *content*."""
        uses = tuple(block for block in content if isinstance(block, ToolUse))
        refused = {use.id: _error_result(use, _problem(use)) for use in uses if use.malformed is not None}
        return cls(uses, refused, stop_reason=stop_reason, usage=usage)

    @property
    def refused(self) -> tuple[ToolUse, ...]:
        """The tool uses without valid input."""
        return tuple(use for use in self.uses if use.malformed is not None)

    @property
    def open(self) -> tuple[ToolUse, ...]:
        """The tool uses without a result."""
        return tuple(use for use in self.uses if use.id not in self.results)

    @property
    def approved(self) -> tuple[ToolUse, ...]:
        """The tool uses without a result that may run."""
        waiting = {*self.unapproved, *self.undecided, *self.questions}
        return tuple(use for use in self.open if use.id not in waiting)

    @property
    def given(self) -> tuple[ToolUse, ...]:
        """The tool uses without a result that were given to those who run them."""
        return tuple(use for use in self.approved if use.id not in self.held)

    @property
    def waiting(self) -> tuple[ToolUse, ...]:
        """The tool uses that wait for approval."""
        return tuple(use for use in self.uses if use.id in self.unapproved)

    @property
    def asked(self) -> tuple[ToolUse, ...]:
        """The tool uses that wait for the user's answer."""
        return tuple(use for use in self.open if use.id in self.questions)

    def with_errors(self, uses: Iterable[ToolUse], text: str) -> Self:
        """This batch with error results of the same *text* for *uses*."""
        errors = {use.id: _error_result(use, text) for use in uses}
        left = tuple(each for each in self.unapproved if each not in errors)
        return msgspec.structs.replace(self, results=self.results | errors, unapproved=left)

    def with_question(self, tool_use_id: str) -> Self:
        """This batch with a use that waits for the user's answer."""
        return msgspec.structs.replace(self, questions=(*self.questions, tool_use_id))

    def with_answer(self, message: AnswerQuestion) -> Self:
        """This batch with the answer of *message* to a question.

        Raises:
            NoQuestion: the use asks nothing, or is not in this batch.
            QuestionAnswered: it has its result.
            EmptyMessage: the answer has no text.
        """
        use_id = message.tool_use_id
        if use_id not in self.questions:
            waiting = _ids(self.asked)
            raise NoQuestion(f"tool use {shown(use_id)} asks the user nothing; open questions: {waiting}")
        if use_id in self.results:
            raise QuestionAnswered(f"the question of tool use {shown(use_id)} is not open any more")
        if not message.text.strip():
            raise EmptyMessage("the answer has no text")
        return self.with_text(next(use for use in self.uses if use.id == use_id), message.text)

    def with_text(self, use: ToolUse, text: str) -> Self:
        """This batch with *text* as the result of *use*."""
        result = ToolResult(tool_use_id=use.id, content=(Text(text),))
        return msgspec.structs.replace(self, results=self.results | {use.id: result})

    def refused_as_too_many(self) -> Self:
        """This batch with error results: the turn has had as many steps as it may have."""
        return msgspec.structs.replace(self, results={use.id: _error_result(use, NO_MORE) for use in self.uses})

    def name_of(self, tool_use_id: str) -> str:
        """The name of the tool that is used."""
        return next(use.name for use in self.uses if use.id == tool_use_id)

    def with_update(self, message: ToolUpdate) -> Self:
        """This batch with the uses as started that *message* names.

        Raises:
            UnknownToolUse, ToolUseAnswered, ApprovalNeeded: a use is none of those that may run.
        """
        self._require_approved((*message.started, *message.progress))
        return self.with_started((*message.started, *message.progress))

    def with_started(self, ids: Iterable[str]) -> Self:
        """This batch with the uses *ids* as started."""
        return msgspec.structs.replace(self, started=tuple(dict.fromkeys((*self.started, *ids))))

    def with_held(self, ids: Iterable[str]) -> Self:
        """This batch with the uses *ids*, which may run, held until they are given out."""
        return msgspec.structs.replace(self, held=(*self.held, *ids))

    def with_unapproved(self, ids: Sequence[str]) -> Self:
        """This batch with the uses *ids* waiting for approval.

        Raises:
            UnknownToolUse, ToolUseAnswered, ApprovalNeeded: a use is none of those that may run.
            NoApprovalNeeded: one has been approved.
        """
        self._require_approved(ids)
        if decided := [each for each in ids if each in self.decided]:
            raise NoApprovalNeeded(f"tool use {shown(decided[0])} has been approved")
        return msgspec.structs.replace(self, unapproved=(*self.unapproved, *dict.fromkeys(ids)))

    def with_undecided(self, ids: Iterable[str], policy: ApprovalPolicy) -> Self:
        """This batch with the uses *ids*, none of which runs before *policy* has said which of them need approval."""
        return msgspec.structs.replace(self, undecided=tuple(ids), policy=policy)

    def with_decision(self, needing: Iterable[str]) -> Self:
        """This batch, of whose undecided uses those *needing* approval wait for it, and the others may run."""
        unapproved = (*self.unapproved, *(each for each in self.undecided if each in needing))
        return msgspec.structs.replace(self, unapproved=unapproved, undecided=(), policy=None)

    def with_approval(self, message: Approve) -> Self:
        """This batch with the uses approved that *message* names: ``approved`` has them, with the input given there.

        Raises:
            UnknownToolUse: a use is not in this batch, or is not approved but has a changed input.
            InvalidConfig: a changed input has no JSON.
            NoApprovalNeeded: a use does not wait for approval; or none does.
        """
        ids = self._decided(message.tool_use_ids)
        if unmatched := message.inputs.keys() - set(ids):
            raise UnknownToolUse(f"inputs has {shown(min(unmatched))}, which this message does not approve")
        inputs = {each: _as_json(each, given) for each, given in message.inputs.items()}
        uses = tuple(
            msgspec.structs.replace(use, input=inputs[use.id]) if use.id in inputs else use for use in self.uses
        )
        left = tuple(each for each in self.unapproved if each not in ids)
        decided, edited = (*self.decided, *ids), (*self.edited, *message.inputs)
        return msgspec.structs.replace(self, uses=uses, unapproved=left, decided=decided, edited=edited)

    def with_denial(self, message: Deny) -> Self:
        """This batch with error results for the uses that *message* names.

        Raises:
            UnknownToolUse: a use is not in this batch.
            NoApprovalNeeded: a use does not wait for approval; or none does.
        """
        ids = self._decided(message.tool_use_ids)
        reason = f": {message.reason}" if message.reason else ""
        results = {use.id: _error_result(use, f"{DENIED}{reason}") for use in self.uses if use.id in ids}
        left = tuple(each for each in self.unapproved if each not in ids)
        return msgspec.structs.replace(self, results=self.results | results, unapproved=left)

    def _decided(self, ids: tuple[str, ...]) -> tuple[str, ...]:
        """The uses that an approval or a denial of *ids* decides."""
        for each in ids:
            if each not in self.unapproved:
                self._require_known(each)
                raise NoApprovalNeeded(f"tool use {shown(each)} does not wait for approval")
        if not (ids or self.unapproved):
            raise NoApprovalNeeded("no tool use waits for approval")
        return ids or self.unapproved

    def _require_known(self, tool_use_id: str) -> None:
        if all(use.id != tool_use_id for use in self.uses):
            raise UnknownToolUse(f"no tool use {shown(tool_use_id)} is open; open tool uses: {_ids(self.open)}")

    def _require_approved(self, ids: Iterable[str]) -> None:
        for each in ids:
            self._require_known(each)
            if each in self.results:
                raise ToolUseAnswered(f"tool use {shown(each)} has a result already; open tool uses: {_ids(self.open)}")
            if each in self.unapproved:
                raise ApprovalNeeded(f"tool use {shown(each)} waits for approval; send Approve or Deny first")
            if each in self.undecided:
                problem = (
                    "it is being decided whether it needs approval: a ToolBatch or an ApprovalRequested will have it"
                )
                raise ApprovalNeeded(f"tool use {shown(each)} does not run yet: {problem}")
            if each in self.held:
                raise UnknownToolUse(f"tool use {shown(each)} waits until others have ended: a ToolBatch will have it")
            if each in self.questions:
                raise UnknownToolUse(f"tool use {shown(each)} is a question to the user; send AnswerQuestion")

    def with_results(self, message: ToolResults) -> Self:
        """This batch with the results of *message*: with all of them.

        Raises:
            EmptyMessage: there are none.
            UnknownToolUse, ToolUseAnswered: a result is for a tool use that is not in this batch, or has its result.
            ApprovalNeeded: one is for a tool use that waits for approval.
            MissingToolResults: they are the last ones, but leave a tool use open.
        """
        results, summaries = message.results, message.compact_summaries
        if not results and not message.last:
            raise EmptyMessage(f"the message has no tool result; open tool uses: {_ids(self.open)}")
        self._require_approved(result.tool_use_id for result in results)
        answered = {result.tool_use_id: _with_summary(result, summaries) for result in results}
        if len(answered) < len(results):
            raise ToolUseAnswered(
                f"the message has more than one result for a tool use; open tool uses: {_ids(self.open)}"
            )
        for name, given in (("compact_summaries", summaries), ("durations_s", message.durations_s)):
            if unmatched := given.keys() - answered.keys():
                raise UnknownToolUse(f"{name} has {shown(min(unmatched))}, but this message has no result for it")
        merged = self.results | answered
        missing = tuple(use for use in self.uses if use.id not in merged)
        if message.last and missing:
            raise MissingToolResults(f"results are missing for {_ids(missing)}; send them too, or send without 'last'")
        return msgspec.structs.replace(self, results=merged)

    def result_blocks(self) -> tuple[ToolResult, ...]:
        """One result for each tool use, in order. A use that is still open gets the error that it was interrupted."""
        return tuple(self._result_of(use) for use in self.uses)

    def _result_of(self, use: ToolUse) -> ToolResult:
        result = self.results.get(use.id) or _error_result(use, INTERRUPTED)
        if use.id not in self.edited:
            return result
        edited = msgspec.json.encode(use.input).decode()
        note = Text(f"[Before the tool ran, the user changed its input to {edited}]")
        return msgspec.structs.replace(result, content=(note, *result.content))


def unexpected_tool_message(ids: Iterable[str], history: Iterable[Message]) -> ToolResultError:
    """The error for a message about tool uses *ids* that arrives while no tool use of *history* is open."""
    answered = {block.tool_use_id for message in history for block in message.content if isinstance(block, ToolResult)}
    for each in ids:
        if each in answered:
            return ToolUseAnswered(f"tool use {shown(each)} has a result already")
    return UnknownToolUse("no tool use is open; send results only for the tool uses of the last ToolBatch")


def unexpected_answer(tool_use_id: str, history: Iterable[Message]) -> ToolResultError:
    """The error for an answer to the question of a tool use that arrives while no tool use of *history* is open."""
    if isinstance(unexpected_tool_message((tool_use_id,), history), ToolUseAnswered):
        return QuestionAnswered(f"the question of tool use {shown(tool_use_id)} is not open any more")
    return NoQuestion("no question is open")


def _with_summary(result: ToolResult, summaries: Mapping[str, str]) -> ToolResult:
    summary = summaries.get(result.tool_use_id)
    return result if summary is None else msgspec.structs.replace(result, compact_summary=summary)


def _as_json(tool_use_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """The input *given* for a tool use, as a model would have written it: in JSON.

    Raises:
        InvalidConfig: it has none.
    """
    try:
        return msgspec.json.decode(msgspec.json.encode(given), type=dict[str, Any])
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidConfig(f"message.inputs[{shown(tool_use_id)}]", shown(str(error), quoted=False)) from None


def _problem(use: ToolUse) -> str:
    if use.problem is not None:
        return f"The input of this tool use can't be used, and nothing was run: {use.problem}. Ask again."
    if use.cut_off is None:
        return MALFORMED
    stopped = f"The answer was stopped ({use.cut_off}) before the input of this tool use was complete"
    return f"{_LIMITS.get(use.cut_off, stopped)}, {CUT_OFF}"


def _error_result(use: ToolUse, text: str) -> ToolResult:
    return ToolResult(tool_use_id=use.id, content=(Text(text),), is_error=True)


def _ids(uses: Iterable[ToolUse]) -> str:
    return ", ".join(repr(use.id) for use in uses) or "none"
