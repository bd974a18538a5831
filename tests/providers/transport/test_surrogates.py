"""Characters that a server cuts in half are joined; a half without the other one is replaced."""

import pytest

from rayconteur.providers.transport.streams.surrogates import ends_with_half, join_halves, without_lone_surrogates


@pytest.mark.parametrize(
    ("event", "repaired"),
    [
        (rb'{"t":"\ud83d"}', rb'{"t":"\ufffd"}'),
        (rb'{"t":"\uDE00!"}', rb'{"t":"\ufffd!"}'),
        (rb'{"t":"\ud83d\ude00"}', rb'{"t":"\ud83d\ude00"}'),
        (rb'{"t":"\ud83d\ud83d\ude00\ude00"}', rb'{"t":"\ufffd\ud83d\ude00\ufffd"}'),
        (rb'{"t":"\\ud83d \\\ud83d"}', rb'{"t":"\\ud83d \\\ufffd"}'),
        (rb'{"t":"\u00e9\n"}', rb'{"t":"\u00e9\n"}'),
    ],
)
def test_each_lone_half_is_replaced_and_nothing_else(event: bytes, repaired: bytes) -> None:
    assert without_lone_surrogates(event) == repaired


@pytest.mark.parametrize(
    ("event", "ends"),
    [
        (rb'{"t":"a\ud83d","n":1}', True),
        (rb'{"t":"\\\ud83d"}', True),
        (rb'{"t":"\\ud83d"}', False),
        (rb'{"t":"\ud83d\ude00"}', False),
        (rb'{"t":"\ud83da"}', False),
        (rb'{"t":"\ude00"}', False),
    ],
)
def test_only_a_string_that_ends_with_a_first_half_waits_for_the_second(event: bytes, ends: bool) -> None:
    assert ends_with_half(event) is ends


def test_the_character_moves_to_the_second_event() -> None:
    assert join_halves(rb'{"t":"a\ud83d"}', rb'{"t":"\ude00b"}') == (rb'{"t":"a"}', rb'{"t":"\ud83d\ude00b"}')


@pytest.mark.parametrize("second", [rb'{"t":"b"}', rb'{"t":"b\ude00"}', rb'{"t":"\"\ude00"}', b"[DONE]"])
def test_halves_are_joined_only_across_the_border_of_two_strings(second: bytes) -> None:
    assert join_halves(rb'{"t":"a\ud83d"}', second) is None
