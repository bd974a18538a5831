"""What the model checker knows of the tools of the running turn."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from checkers.conversation.offered_ledger import OfferedLedger, deferred_in

from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.tools import Approval, Tool
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import NO_TOOLS, OnMaxSteps
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.tools.batch import NO_MORE

OfTool = out.ToolStarted | out.ToolCompleted | out.ToolFailed


@dataclass
class ToolLedger:
    """Follows the tool uses of a turn: which may run, wait for approval or for the user, run, and have ended.

    *steps* counts the answers with tool uses of the turn. *granted* are pairs of a tool and the input that it is
    allowed for, or ``None``, until a time.
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

    def expected_config(self, config: SessionConfig) -> SessionConfig:
        """The settings of the next request: the last one of a turn may have no tools."""
        is_last = self.steps >= config.max_steps and config.on_max_steps is OnMaxSteps.ANSWER
        config = self.offers.offered(config)
        return msgspec.structs.replace(config, tool_choice=NO_TOOLS) if is_last and config.tools else config

    def check(self, emitted: out.FromLLM, event: ev.Event, config: SessionConfig) -> None:
        """Check an *emitted* event of a tool. *event* led to it, *config* are the settings in force."""
        if isinstance(event, ev.Answered) and not self.uses:
            self._open_step(event, config)
        match emitted:
            case out.QuestionAsked():
                self._check_question(emitted, event)
            case out.ToolStarted(name=name) | out.ToolCompleted(name=name) | out.ToolFailed(name=name) if (
                name in self.builtins
            ):
                self._check_builtin(emitted, event, config)
            case out.ToolBatch(uses=uses, refused=refused, step=step):
                self._check_batch(uses, refused, event, config)
                assert step == self.steps
                self.allowed |= ids_of(uses)
                self.unapproved -= ids_of(uses)
            case out.ApprovalRequested(uses=uses, step=step):
                self._check_approval_requested(uses, event, config)
                assert step == self.steps
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
            case out.ToolCompleted(name="read_result"):
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
        self.end_step()
        self.uses = [block for block in event.answer.content if isinstance(block, ToolUse)]
        valid = [use for use in self.uses if use.malformed is None]
        self.searches = [use for use in valid if use.name == "search_tools" and "query" in use.input]
        self.builtins = {
            tool.name for tool in self.offers.offered(config).tools if isinstance(tool, Tool) and tool.builtin
        }

    def _uses_of_builtins(self) -> list[ToolUse]:
        return [use for use in self.uses if use.name in self.builtins and use.malformed is None]

    def _uses_of_programs(self) -> list[ToolUse]:
        return [use for use in self.uses if use.name not in self.builtins and use.malformed is None]

    def _check_batch(
        self, uses: tuple[ToolUse, ...], refused: tuple[ToolUse, ...], event: ev.Event, config: SessionConfig
    ) -> None:
        if is_a(event, msg.Approve):
            assert uses, "nothing was approved"
            assert not refused
            assert ids_of(uses) <= self.unapproved, "what did not wait was approved"
            self._grant(event, uses)
            return
        assert isinstance(event, ev.Answered)
        free = [use for use in self._uses_of_programs() if not self._needs_approval(use, config, event.at)]
        assert names_and_inputs(uses) == names_and_inputs(free)
        assert names_and_inputs(refused) == names_and_inputs(use for use in self.uses if use.malformed is not None)

    def _check_approval_requested(self, uses: tuple[ToolUse, ...], event: ev.Event, config: SessionConfig) -> None:
        assert uses
        if isinstance(event, ev.Answered):
            needed = [use for use in self._uses_of_programs() if self._needs_approval(use, config, event.at)]
            assert names_and_inputs(uses) == names_and_inputs(needed)
        else:
            assert is_a(event, msg.RequestApproval)
            assert ids_of(uses) <= self.allowed - self.ended

    def _check_step(self, step: out.StepCompleted) -> None:
        assert step.number == self.steps
        assert not self.unapproved, "the step ended while a tool use waited for approval"
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

    def _needs_approval(self, use: ToolUse, config: SessionConfig, at: float) -> bool:
        own = [tool.approval for tool in config.tools if isinstance(tool, Tool) and tool.name == use.name]
        approval = next((each for each in own if each is not None), config.approval)
        return approval is Approval.ALWAYS and not any(
            name == use.name and (granted is None or _json(granted) == _json(use.input)) and at < until
            for name, granted, until in self.granted
        )


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
