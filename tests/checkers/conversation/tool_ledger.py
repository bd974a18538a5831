"""What the model checker knows of the tools of the running turn."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from checkers.conversation.offered_ledger import OfferedLedger, deferred_in

from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Approval, Tool, ToolStart
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import NO_TOOLS, OnMaxSteps
from rayconteur.runtime.api.tools.approval_policy import ApprovalPolicy
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.handlers.early_tools import WITHDRAWN
from rayconteur.runtime.core.instructions import DecideApproval, ResumeTools, SendRequest
from rayconteur.runtime.core.tools.batch import NO_MORE

OfTool = out.ToolStarted | out.ToolCompleted | out.ToolFailed


@dataclass
class ToolLedger:
    """Follows the tool uses of a turn: which may run, wait for approval or for the user, run, and have ended.

    *steps* counts the answers with tool uses of the turn. *granted* are pairs of a tool and the input that it is
    allowed for, or ``None``, until a time. *early* are the uses that have started before the end of the answer, as the
    model wrote them, by id; *early_is_over*: no more of the answer do. *policy* has to decide about those *undecided*,
    by id, once it is asked. *withdrawn* are the ids of those that no answer
    asks for any more, which has to be told.
    """

    steps: int = 0
    offers: OfferedLedger = field(default_factory=OfferedLedger)
    searches: list[ToolUse] = field(default_factory=list[ToolUse])
    uses: list[ToolUse] = field(default_factory=list[ToolUse])
    allowed: set[str] = field(default_factory=set[str])
    unapproved: set[str] = field(default_factory=set[str])
    started: set[str] = field(default_factory=set[str])
    ended: set[str] = field(default_factory=set[str])
    asked: set[str] = field(default_factory=set[str])
    builtins: set[str] = field(default_factory=set[str])
    early: dict[str, ToolUse] = field(default_factory=dict[str, ToolUse])
    early_is_over: bool = False
    policy: ApprovalPolicy | None = None
    undecided: set[str] = field(default_factory=set[str])
    withdrawn: set[str] = field(default_factory=set[str])
    granted: list[tuple[str, dict[str, Any] | None, float]] = field(
        default_factory=list[tuple[str, dict[str, Any] | None, float]]
    )

    def start_turn(self) -> None:
        """Nothing is known of the tools of a turn that has just started."""
        self.steps = 0
        self.end_step()

    def end_step(self) -> None:
        """All tool uses of an answer have their results, or their turn has ended."""
        self.uses = []
        self.allowed, self.unapproved, self.started, self.ended = set(), set(), set(), set()
        self.asked, self.builtins = set(), set()
        self.early, self.early_is_over = {}, False
        self.policy, self.undecided = None, set()

    def note(self, event: ev.Event, after: Conversation, emitted: Sequence[out.FromLLM], config: SessionConfig) -> None:
        """*event* has led to *after*, and to *emitted*; *config* are the settings in force."""
        match event:
            case ev.ApprovalDecided(needing=needing):
                free = [use for each in emitted if isinstance(each, out.ToolBatch) for use in each.uses]
                asked = [use for each in emitted if isinstance(each, out.ApprovalRequested) for use in each.uses]
                assert ids_of(free) == self.undecided - {*needing}
                assert ids_of(asked) == self.undecided & {*needing}
                self.undecided = set()
            case ev.ToolUseReady(use=use):
                self._note_ready(use, event.at, bool(emitted), config)
            case ev.Answered() | ev.RequestFailed() | ev.TaskCancelled() | ev.Recovered() if not self.uses:
                self._note_answer_end(event, after, emitted)
                if isinstance(event, ev.Answered) and self.early:  # perhaps nothing is emitted
                    self._open_step(event, config)
            case _:
                pass

    def check_sent(self, sent: SendRequest, config: SessionConfig) -> None:
        """The request has the settings of its turn, *config*, and reports tool uses if one may start at once."""
        config = self.expected_config(config)
        assert sent.config == config, "a request has the settings of another turn"
        tools = [tool for tool in config.tools if isinstance(tool, Tool)]
        starts = any((tool.start or config.start_tools) is ToolStart.STREAMING for tool in tools)
        assert sent.early_tools == (starts and config.tool_choice != NO_TOOLS)

    def check_begun(self, step: ResumeTools | DecideApproval, event: ev.Event, config: SessionConfig) -> None:
        """Tools run again in a process that goes on, and a decision is made once, and again there."""
        if isinstance(step, ResumeTools) or not isinstance(event, ev.Answered):
            assert isinstance(event, ev.Recovered)
        else:
            if not self.uses:
                self._open_step(event, config)
            unclear = [use for use in self._uses_of_programs() if self._needs_approval(use, config, event.at) is None]
            assert names_and_inputs(step.uses) == names_and_inputs(unclear)
            self.policy, self.undecided = step.policy, ids_of(step.uses)
            assert step.policy == config.approve
        if isinstance(step, ResumeTools):
            return
        assert step.uses
        assert (step.policy, ids_of(step.uses)) == (self.policy, self.undecided)
        assert not self.undecided & (self.allowed | self.unapproved)

    def check_told(self) -> None:
        """All has been told of an event."""
        assert not self.withdrawn, "the end of a tool use was not told"

    def _note_ready(self, use: ToolUse, at: float, starts: bool, config: SessionConfig) -> None:
        offered = self.offers.offered(config)
        is_builtin = any(isinstance(tool, Tool) and tool.builtin and tool.name == use.name for tool in offered.tools)
        if use.malformed is not None or is_builtin or self._needs_approval(use, config, at) is not False:
            assert not starts
            return
        own = [tool for tool in config.tools if isinstance(tool, Tool) and tool.name == use.name]
        assert starts == any((tool.start or config.start_tools) is ToolStart.STREAMING for tool in own)
        assert not (starts and self.early_is_over), "a tool starts out of order"
        self.early_is_over |= not starts

    def _note_answer_end(self, event: ev.Event, after: Conversation, emitted: Sequence[out.FromLLM]) -> None:
        """The answer whose tools have started is complete, or will not be: those that it has stay."""
        held = {use.id for message in after.full_history for use in message.content if isinstance(use, ToolUse)}
        held |= {use.id for step in emitted if isinstance(step, out.StepCompleted) for use in step.uses}
        gone = self.early.keys() - held
        if isinstance(event, ev.Answered) and event.answer.stop_reason is not StopReason.REFUSAL:
            written = [block for block in event.answer.content if isinstance(block, ToolUse)]
            assert not gone or written != list(self.early.values()), "a tool use of the answer was withdrawn"
        self.withdrawn = gone - self.ended
        for ids in (self.allowed, self.unapproved, self.started, self.ended):
            ids.difference_update(gone)
        self.early = {each: use for each, use in self.early.items() if each not in gone}
        self.early_is_over = False

    def expected_config(self, config: SessionConfig) -> SessionConfig:
        """The settings of the next request: the last one of a turn may have no tools."""
        is_last = self.steps >= config.max_steps and config.on_max_steps is OnMaxSteps.ANSWER
        config = self.offers.offered(config)
        return msgspec.structs.replace(config, tool_choice=NO_TOOLS) if is_last and config.tools else config

    def check(self, emitted: out.FromLLM, event: ev.Event, config: SessionConfig) -> None:
        """Check an *emitted* event of a tool. *event* led to it, *config* are the settings in force."""
        if isinstance(emitted, out.ToolFailed) and emitted.message == WITHDRAWN:
            self.withdrawn.remove(emitted.tool_use_id)
            return
        if isinstance(event, ev.Answered) and not self.uses:
            self._open_step(event, config)
        self._check_of_step(emitted, event, config)

    def _check_of_step(self, emitted: out.FromLLM, event: ev.Event, config: SessionConfig) -> None:
        match emitted:
            case out.QuestionAsked():
                self._check_question(emitted, event)
            case out.ToolStarted(name=name) | out.ToolCompleted(name=name) | out.ToolFailed(name=name) if (
                name in self.builtins
            ):
                self._check_builtin(emitted, event, config)
            case out.ToolBatch(uses=uses, refused=refused, step=step):
                self._check_batch(uses, refused, event, config)
                assert step == self._step
                self.allowed |= ids_of(uses)
                self.unapproved -= ids_of(uses)
            case out.ApprovalRequested(uses=uses, step=step):
                self._check_approval_requested(uses, event, config)
                assert step == self._step
                self.unapproved |= ids_of(uses)
                self.allowed -= ids_of(uses)
            case out.ToolStarted(tool_use_id=use):
                assert use in self.allowed - self.started - self.ended, "started twice, or without approval"
                self.started.add(use)
            case out.ToolProgress(tool_use_id=use):
                assert use in (self.allowed & self.started) - self.ended
            case out.ToolCompleted(tool_use_id=use):
                assert use in self.allowed - self.ended, "it has ended, or must not run"
                self.ended.add(use)
            case out.ToolFailed(tool_use_id=use):
                is_undecided = is_a(event, msg.Deny) or (isinstance(event, ev.ToolsTimedOut) and event.approval)
                may_run = self.unapproved if is_undecided else self.allowed
                assert use in may_run - self.ended
                self.ended.add(use)
                self.unapproved.discard(use)
            case out.StepCompleted():
                self._check_step(emitted)
            case _:
                raise AssertionError(f"{type(emitted).__name__} is no event of a tool")

    def _check_question(self, asked: out.QuestionAsked, event: ev.Event) -> None:
        assert isinstance(event, ev.Answered)
        assert asked.step == self.steps
        assert asked.tool_use_id in self.started, "a question starts when it is asked"
        assert {"question": asked.question} in [use.input for use in self._uses_of_builtins()]
        self.asked.add(asked.tool_use_id)

    def _check_builtin(self, emitted: OfTool, event: ev.Event, config: SessionConfig) -> None:
        use = emitted.tool_use_id
        assert use not in self.ended
        match emitted:
            case out.ToolStarted():
                assert isinstance(event, ev.Answered)
                self.started.add(use)
                return
            case out.ToolCompleted(name="search_tools"):
                assert isinstance(event, ev.Answered)
                query = self.searches.pop(0).input["query"]
                if query in deferred_in(config):
                    self.offers.add(query)
            case out.ToolCompleted(name="read_result" | "read_messages"):
                assert isinstance(event, ev.Answered)
                assert use in self.started
            case out.ToolCompleted():
                assert is_a(event, msg.AnswerQuestion)
                assert use in self.asked
            case out.ToolFailed():
                is_late = isinstance(event, ev.ToolsTimedOut) and event.approval
                assert is_late == (use in self.asked), "a question failed that somebody may answer"
        self.ended.add(use)

    def _open_step(self, event: ev.Answered, config: SessionConfig) -> None:
        self.steps += 1
        self.uses = [block for block in event.answer.content if isinstance(block, ToolUse)]
        valid = [use for use in self.uses if use.malformed is None]
        self.searches = [use for use in valid if use.name == "search_tools" and "query" in use.input]
        self.builtins = {
            tool.name for tool in self.offers.offered(config).tools if isinstance(tool, Tool) and tool.builtin
        }

    @property
    def _step(self) -> int:
        """The number of the step whose tools run: of one whose answer is not complete, it is the next one."""
        return self.steps + (not self.uses)

    def _uses_of_builtins(self) -> list[ToolUse]:
        return [use for use in self.uses if use.name in self.builtins and use.malformed is None]

    def _uses_of_programs(self) -> list[ToolUse]:
        """Those that have not started before the end of the answer."""
        uses = [use for use in self.uses if use not in self.early.values()]
        return [use for use in uses if use.name not in self.builtins and use.malformed is None]

    def _check_batch(
        self, uses: tuple[ToolUse, ...], refused: tuple[ToolUse, ...], event: ev.Event, config: SessionConfig
    ) -> None:
        if isinstance(event, ev.ApprovalDecided):
            assert not refused
            return
        if is_a(event, msg.Approve):
            assert uses, "nothing was approved"
            assert not refused
            assert ids_of(uses) <= self.unapproved, "what did not wait was approved"
            self._grant(event, uses)
            return
        if isinstance(event, ev.ToolUseReady):
            [use] = uses
            assert not refused
            assert names_and_inputs(uses) == names_and_inputs([event.use])
            self.early[use.id] = event.use
            return
        assert isinstance(event, ev.Answered)
        free = [use for use in self._uses_of_programs() if self._needs_approval(use, config, event.at) is False]
        assert names_and_inputs(uses) == names_and_inputs(free)
        assert names_and_inputs(refused) == names_and_inputs(use for use in self.uses if use.malformed is not None)

    def _check_approval_requested(self, uses: tuple[ToolUse, ...], event: ev.Event, config: SessionConfig) -> None:
        assert uses
        if isinstance(event, ev.Answered):
            needed = [use for use in self._uses_of_programs() if self._needs_approval(use, config, event.at)]
            assert names_and_inputs(uses) == names_and_inputs(needed)
        elif not isinstance(event, ev.ApprovalDecided):
            assert is_a(event, msg.RequestApproval)
            assert ids_of(uses) <= self.allowed - self.ended

    def _check_step(self, step: out.StepCompleted) -> None:
        assert step.number == self.steps
        assert not self.unapproved, "the step ended while a tool use waited for approval"
        assert not self.undecided, "the step ended before the function had decided"
        assert [use.name for use in step.uses] == [use.name for use in self.uses]
        results: tuple[ToolResult, ...] = step.results
        assert [result.tool_use_id for result in results] == [use.id for use in step.uses], "not N in, N out, in order"
        assert self.asked <= self.ended, "the step ended before a question had its answer"
        if self.ended or self.allowed or all(use.malformed is not None for use in step.uses):
            assert self.ended == {use.id for use in step.uses if use.malformed is None}
        else:  # the turn had had its last step
            assert {result.content for result in results} == {(Text(NO_MORE),)}
        self.end_step()

    def _grant(self, event: ev.Event, uses: tuple[ToolUse, ...]) -> None:
        assert isinstance(event, ev.Received)
        message = event.message
        assert isinstance(message, msg.Approve)
        if message.grant != "use":
            until = float("inf") if message.grant_s is None else event.at + message.grant_s
            self.granted += [(use.name, use.input if message.grant == "arguments" else None, until) for use in uses]

    def _needs_approval(self, use: ToolUse, config: SessionConfig, at: float) -> bool | None:
        own = [tool.approve for tool in config.tools if isinstance(tool, Tool) and tool.name == use.name]
        approval = next((each for each in own if each is not None), config.approve)
        is_granted = any(
            name == use.name and (granted is None or _json(granted) == _json(use.input)) and at < until
            for name, granted, until in self.granted
        )
        if approval is Approval.NEVER or is_granted:
            return False
        return True if approval is Approval.ALWAYS else None


def is_a(event: ev.Event, message: type[msg.ToLLM]) -> bool:
    """True if *event* is the arrival of such a message."""
    return isinstance(event, ev.Received) and isinstance(event.message, message)


def ids_of(uses: Iterable[ToolUse]) -> set[str]:
    """The ids of *uses*."""
    return {use.id for use in uses}


def names_and_inputs(uses: Iterable[ToolUse]) -> list[tuple[str, object]]:
    """What stays of *uses* when their ids are made unique."""
    return [(use.name, use.input) for use in uses]


def _json(tool_input: dict[str, Any]) -> str:
    return json.dumps(tool_input, sort_keys=True)
