"""When a history is compacted and to what, on both sides of each boundary."""

import msgspec
import pytest

from rayconteur.compaction import Layered
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.scripted.config import Scripted
from rayconteur.providers.transport.context_overflow import WindowFigures
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core.compaction_policy import CompactionPolicy, ContextWindow, RefusedRequest, require_room

LIMIT = 100_000


def config(
    max_output_tokens: int | None = None, output_limit_tokens: int | None = None, limit: int | None = LIMIT
) -> SessionConfig:
    facts = ModelFacts(context_limit_tokens=limit, output_limit_tokens=output_limit_tokens)
    return SessionConfig(provider=Scripted(facts=facts), max_output_tokens=max_output_tokens)


@pytest.mark.parametrize(
    ("max_output_tokens", "output_limit_tokens", "request_tokens"),
    [
        (None, None, LIMIT - 8_192),
        (None, 4_000, LIMIT - 4_000),
        (None, 64_000, LIMIT - 8_192),
        (10_000, None, 76_500),  # of the rest, 15 % are left for errors of the estimate
        (90_000, None, 8_500),
        (LIMIT, None, 4_250),  # a twentieth of the window is left for the history, and 15 % of that for errors
    ],
)
def test_room_is_reserved_for_the_answer(
    max_output_tokens: int | None, output_limit_tokens: int | None, request_tokens: int
) -> None:
    assert ContextWindow.of(config(max_output_tokens, output_limit_tokens)).request_tokens == request_tokens


def test_no_more_than_half_of_the_room_is_reserved_for_an_answer_that_no_setting_limits() -> None:
    assert ContextWindow.of(config(limit=4_000)).request_tokens == 2_000
    assert ContextWindow.of(config(limit=4_000), settings_tokens=2_000).request_tokens == 3_000


@pytest.mark.parametrize("settings_tokens", [0, 30_000, 60_000, 80_000])
def test_the_history_has_its_share_of_what_the_settings_leave(settings_tokens: int) -> None:
    window = ContextWindow.of(config(1_000), settings_tokens)

    room = LIMIT - settings_tokens
    assert window.threshold_tokens - settings_tokens > 0.6 * (window.request_tokens - settings_tokens)
    assert 0.2 * room < window.target_tokens <= 0.6 * room
    assert window.target_tokens == int(0.6 * (window.threshold_tokens - settings_tokens))


def test_a_compaction_is_due_above_the_threshold() -> None:
    policy = CompactionPolicy()

    assert not policy.is_due(75_000, config())
    assert policy.is_due(75_001, config())


def test_after_a_compaction_that_missed_its_target_the_history_may_grow_before_the_next_one() -> None:
    policy = CompactionPolicy()
    policy.compaction_ended(76_000, config(), 0)

    assert not policy.is_due(86_000, config())
    assert policy.is_due(86_001, config())


def test_no_history_may_grow_beyond_what_a_request_may_have() -> None:
    policy = CompactionPolicy()
    policy.compaction_ended(90_000, config(), 0)

    assert not policy.is_due(LIMIT - 8_192, config())
    assert policy.is_due(LIMIT - 8_191, config())


@pytest.mark.parametrize(("tokens", "floor"), [(44_999, 0), (45_000, 0), (45_001, 45_001)])
def test_a_compaction_that_reached_its_target_leaves_no_floor(tokens: int, floor: int) -> None:
    policy = CompactionPolicy()

    policy.compaction_ended(tokens, config(), 0)

    assert policy.floor_tokens == floor


def test_another_history_or_model_has_no_floor() -> None:
    policy = CompactionPolicy(floor_tokens=5, learned_tokens=1_000)

    policy.history_replaced()
    assert (policy.floor_tokens, policy.learned_tokens) == (0, 1_000)
    policy.model_changed()
    assert policy.learned_tokens == 0


def test_an_eager_compaction_starts_at_a_share_of_the_threshold_and_is_not_followed_by_another() -> None:
    eager = msgspec.structs.replace(config(), compact_eagerly=True, compaction=Layered(threshold=0.5))
    policy = CompactionPolicy()

    assert policy.eager_tokens(eager, 0) == 40_000
    assert policy.eager_tokens(eager, 20_000) > 20_000 + 0.6 * 0.5 * (LIMIT - 8_192 - 20_000)
    assert policy.may_start_early(eager)
    policy.compaction_ended(40_001, eager, 0)
    assert not policy.may_start_early(eager)


# Learning the window


def test_the_window_that_the_provider_names_is_learned_once() -> None:
    policy = CompactionPolicy()

    assert policy.learn_window(RefusedRequest(9_000), WindowFigures(limit=8_192))
    assert policy.window(config(limit=None), 0).limit_tokens == 8_192
    assert not policy.learn_window(RefusedRequest(9_000), WindowFigures(limit=8_192))


def test_what_a_request_has_too_much_is_taken_off() -> None:
    policy = CompactionPolicy()

    assert policy.learn_window(RefusedRequest(9_000), WindowFigures(excess=1_000))
    assert policy.learned_tokens == 8_000


@pytest.mark.parametrize(
    ("refused", "learned"),
    [
        (RefusedRequest(10_000), 8_000),
        (RefusedRequest(10_000, settings_tokens=5_000), 9_000),
        (RefusedRequest(10_000, accepted_tokens=9_500), 9_500),
        (RefusedRequest(10_000, accepted_tokens=20_000), 9_999),
        (RefusedRequest(10_000, output_tokens=2_000), 10_000),
    ],
)
def test_without_a_figure_the_window_is_less_than_what_was_refused_and_no_less_than_what_was_accepted(
    refused: RefusedRequest, learned: int
) -> None:
    policy = CompactionPolicy()

    assert not policy.learn_window(refused, WindowFigures())
    assert policy.learned_tokens == learned


# Settings without room for a history


@pytest.mark.parametrize(
    ("max_output_tokens", "settings_tokens", "field"),
    [
        (95_001, 0, "max_output_tokens"),
        (1, 95_000, "system"),
        (50_000, 45_001, "max_output_tokens"),
        (50_000, 50_000, "max_output_tokens"),
        (50_000, 50_001, "system"),
    ],
)
def test_settings_that_leave_no_room_for_a_history_are_rejected_with_the_figures(
    max_output_tokens: int, settings_tokens: int, field: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        require_room(config(max_output_tokens), settings_tokens)

    assert raised.value.field == field
    for figure in (LIMIT, max_output_tokens, settings_tokens):
        assert f"{figure:,}" in str(raised.value)


def test_settings_that_leave_a_twentieth_or_whose_window_is_not_known_are_accepted() -> None:
    require_room(config(95_000), 0)
    require_room(config(5_000), 90_000)
    require_room(config(200_000, limit=None), 90_000)
