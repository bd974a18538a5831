"""Any interleaving of events keeps the guarantees of a conversation."""

from collections import Counter

import pytest
from builders.conversation_strategies import early_configs
from checkers.conversation.early_interleavings import EarlyInterleavings
from checkers.conversation.interleavings import Interleavings
from checkers.examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayconteur.runtime.api.config import SessionConfig

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
EARLY = ("started", "ended before the answer", "answered", "withdrawn", "interrupted")

TestInterleavings = pytest.mark.timeout(400)(Interleavings.TestCase)  # shrinking a failure may take five minutes
TestInterleavings.settings = settings(
    derandomize=True, max_examples=examples(50, 150), stateful_step_count=40, suppress_health_check=CHECKS
)


@pytest.mark.timeout(400)
def test_so_does_any_with_tools_that_start_while_answers_are_streamed() -> None:
    seen: Counter[str] = Counter()

    @given(data=st.data(), config=early_configs)
    @settings(derandomize=True, max_examples=examples(20, 150), suppress_health_check=CHECKS)
    def any_interleaving(data: st.DataObject, config: SessionConfig) -> None:
        sessions = EarlyInterleavings(config, seen)
        for _ in range(data.draw(st.integers(1, 5))):
            sessions.answer_is_streamed(data)
            sessions.check()
            sessions.something_else_happens(data)
            sessions.check()
        sessions.teardown()

    any_interleaving()

    assert {kind: seen[kind] for kind in EARLY if seen[kind] < 3} == {}, "this run says little about early tools"
