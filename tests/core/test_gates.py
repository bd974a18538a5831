"""The gates: every request passes all of them, whatever leads to it."""

from collections.abc import Callable

import msgspec
import pytest
from builders.conversation import (
    TOOL_USE,
    answered,
    only_one,
    opened_conversation,
    received,
    request_failed,
    tool_results,
    tool_use,
    user_message,
)

from rayconteur.compaction.config import Layered
from rayconteur.providers.schema.errors import ContextOverflow
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.compact_reason import CompactReason
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import gates
from rayconteur.runtime.core.compaction_policy import CompactionPolicy
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.gates import (
    CompactFirst,
    DontSend,
    PendingRequest,
    Verdict,
    context_window,
    first_objection,
)
from rayconteur.runtime.core.instructions import SendRequest, StartCompaction

CONFIG = SessionConfig(provider=Scripted(facts=ModelFacts(context_limit_tokens=1_000)), compaction=Layered())
"""Of the 1,000 tokens, 500 are reserved for the answer."""

LONG = "They hide food and remember where. " * 300
COMPACT_FIRST = CompactFirst(CompactReason.THRESHOLD)


def after(*events: ev.Event) -> Conversation:
    conversation = opened_conversation(CONFIG)
    for event in events:
        conversation.handle(event)
    return conversation


def overflow() -> ev.RequestFailed:
    return ev.RequestFailed(request=1, failure=ev.Failure(code=ContextOverflow.code, message="too long"))


PATHS: dict[str, tuple[Callable[[], Conversation], ev.Event]] = {
    "first": (after, user_message()),
    "queued": (lambda: after(user_message(), user_message()), answered(1, "hello")),
    "interrupting": (lambda: after(user_message()), user_message(when_busy=WhenBusy.INTERRUPT)),
    "retried": (lambda: after(user_message(), request_failed(1, retryable=True)), ev.BackoffEnded(request=1)),
    "retried by a message": (lambda: after(user_message(), request_failed(1)), received(msg.Retry())),
    "after tool results": (lambda: after(user_message(), answered(1, TOOL_USE)), tool_results("a")),
    "after malformed tool input": (lambda: after(user_message()), answered(1, tool_use("a", malformed="{"))),
    "after a compaction": (lambda: after(user_message(LONG)), ev.CompactionEnded(compaction=1, problem="none left")),
    "after a compaction for a request that was too long": (
        lambda: after(user_message(), overflow()),
        ev.CompactionEnded(compaction=1, messages=()),
    ),
}
"""For each path to a request, a conversation and the event that makes it send the request."""


@pytest.fixture
def gated_requests(monkeypatch: pytest.MonkeyPatch) -> list[PendingRequest]:
    """The requests that came to the end of the list of gates."""
    requests: list[PendingRequest] = []

    def record(request: PendingRequest) -> Verdict:
        requests.append(request)
        return None

    monkeypatch.setattr(gates, "GATES", (*gates.GATES, record))
    return requests


@pytest.mark.parametrize("path", PATHS)
def test_every_request_passes_the_gates_once(path: str, gated_requests: list[PendingRequest]) -> None:
    make_conversation, event = PATHS[path]
    conversation = make_conversation()
    gated_requests.clear()

    sent = only_one(SendRequest, conversation.handle(event))

    [gated] = gated_requests
    assert gated.config == sent.config == conversation.config


@pytest.mark.parametrize("path", [path for path in PATHS if "compaction" not in path])
def test_no_request_is_sent_if_a_gate_objects(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_conversation, event = PATHS[path]
    conversation = make_conversation()
    monkeypatch.setattr(gates, "GATES", (*gates.GATES, object_to_all))

    instructions = conversation.handle(event)

    assert only_one(StartCompaction, instructions).running_turn == conversation.turn
    assert not any(isinstance(step, SendRequest) for step in instructions)


def test_the_first_objection_is_returned_without_consulting_the_other_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    consulted: list[str] = []

    def gate(name: str, verdict: Verdict) -> gates.Gate:
        def answer(_: PendingRequest) -> Verdict:
            consulted.append(name)
            return verdict

        return answer

    monkeypatch.setattr(gates, "GATES", (gate("passes", None), gate("objects", COMPACT_FIRST), gate("last", None)))

    assert first_objection(pending(10)) == COMPACT_FIRST
    assert consulted == ["passes", "objects"]


@pytest.mark.parametrize(("tokens", "verdict"), [(500, None), (501, COMPACT_FIRST)])
def test_the_context_window_gate_objects_to_requests_above_the_threshold(tokens: int, verdict: Verdict) -> None:
    assert context_window(pending(tokens)) == verdict


def test_the_context_window_gate_lets_a_request_pass_for_which_the_history_was_just_compacted() -> None:
    assert context_window(pending(5_000, compacted=True)) is None


@pytest.mark.parametrize(("tokens", "is_sent"), [(3_999, True), (4_000, False)])
def test_a_request_of_four_times_the_window_is_not_sent_although_it_was_compacted(tokens: int, is_sent: bool) -> None:
    verdict = first_objection(pending(tokens, compacted=True))

    assert (verdict is None) == is_sent
    assert is_sent or (isinstance(verdict, DontSend) and "4,000 tokens" in verdict.problem)


def test_the_context_window_gate_lets_every_request_pass_without_a_strategy() -> None:
    config = msgspec.structs.replace(CONFIG, compaction=None)

    assert context_window(PendingRequest(5_000, False, config, CompactionPolicy())) is None


def object_to_all(_: PendingRequest) -> Verdict:
    return COMPACT_FIRST


def pending(tokens: int, compacted: bool = False) -> PendingRequest:
    return PendingRequest(tokens, compacted, CONFIG, CompactionPolicy())


@pytest.mark.parametrize(("message_tokens", "is_sent"), [(250, True), (450, False)])
def test_large_settings_leave_the_history_its_share_of_what_is_left(message_tokens: int, is_sent: bool) -> None:
    large = msgspec.structs.replace(
        CONFIG,
        provider=Scripted(facts=ModelFacts(context_limit_tokens=4_000)),
        system="You know ravens. " * 725,  # 2,800 tokens: three quarters of the window are 200 more
        max_output_tokens=100,
    )
    conversation = opened_conversation(large)

    instructions = conversation.handle(user_message("raven " * (message_tokens * 44 // 60)))

    assert any(isinstance(step, SendRequest) for step in instructions) == is_sent
