"""Which reported figures are believed, on both sides of each boundary."""

import pytest

from rayconteur.compaction.estimate.plausibility import Figure, is_plausible_output, judged, teaches


def is_plausible(
    counted: int, reported: int, last: Figure | None = None, media: int = 0, is_open: bool = False
) -> bool:
    return judged(Figure(counted, reported, media), last, is_open).plausible


@pytest.mark.parametrize(
    ("counted", "least"),
    [
        (10, 1),  # nothing is too little for a small request, except nothing at all
        (1_000, 700),  # 0.75 of it, less 50
        (10_000, 7_450),
    ],
)
def test_a_figure_below_what_was_sent_is_not_believed(counted: int, least: int) -> None:
    assert is_plausible(counted, least)
    assert not is_plausible(counted, least - 1)


@pytest.mark.parametrize(("counted", "most"), [(10, 525), (1_000, 3_000)])
def test_a_figure_far_above_what_was_sent_is_not_believed(counted: int, most: int) -> None:
    assert is_plausible(counted, most)
    assert not is_plausible(counted, most + 1)
    assert is_plausible(counted, most + 1, is_open=True)  # a tool that the provider runs may have found this much


def test_what_media_come_to_is_left_to_the_provider() -> None:
    assert is_plausible(2_000, 700, media=1_000)
    assert not is_plausible(2_000, 699, media=1_000)


@pytest.mark.parametrize("shrinks", [False, True])
@pytest.mark.parametrize(("growth", "least", "most"), [(1_000, 450, 3_000), (400, 150, 1_500)])
def test_a_figure_must_change_with_what_was_sent(growth: int, least: int, most: int, shrinks: bool) -> None:
    sign = -1 if shrinks else 1
    last = Figure(3_000, 4_500)

    def is_plausible_change(by: int) -> bool:
        return is_plausible(3_000 + sign * growth, 4_500 + sign * by, last)

    assert is_plausible_change(least)
    assert not is_plausible_change(least - 1)
    if not shrinks:
        assert is_plausible_change(most)
        assert not is_plausible_change(most + 1)


@pytest.mark.parametrize(("counted", "enough"), [(500, 100), (5_000, 500)])
def test_a_change_too_small_to_tell_anything_leaves_the_judgment(counted: int, enough: int) -> None:
    believed, doubted = Figure(counted, counted), Figure(counted, counted, plausible=False)

    assert judged(Figure(counted + enough - 1, counted + 1), believed, False) == believed
    assert judged(Figure(counted + enough - 1, counted + 1), doubted, False) == doubted
    assert judged(Figure(counted + enough, counted + enough), doubted, False).plausible


def test_a_figure_that_changes_as_it_should_is_believed_again() -> None:
    constant = judged(Figure(1_800, 1_400), Figure(1_400, 1_400), False)

    assert not constant.plausible
    assert is_plausible(2_300, 1_900, constant)


@pytest.mark.parametrize(
    ("counted", "reported", "thinks", "plausible"),
    [
        (1_000, 700, False, True),
        (1_000, 699, False, False),
        (10, 0, False, False),
        (0, 0, False, True),
        (1_000, 3_000, False, True),
        (1_000, 3_001, False, False),
        (1_000, 100_000, True, True),  # thinking that is not shown
    ],
)
def test_an_answer_s_figure_is_compared_with_the_answer(
    counted: int, reported: int, thinks: bool, plausible: bool
) -> None:
    assert is_plausible_output(counted, reported, thinks) == plausible


@pytest.mark.parametrize(("reported", "learned"), [(75, True), (74, False)])
def test_a_figure_that_only_the_smallness_of_a_request_excuses_teaches_nothing(reported: int, learned: bool) -> None:
    figure = judged(Figure(100, reported), None, False)

    assert figure.plausible
    assert teaches(figure) == learned


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_same_figure_for_another_request_is_not_believed(sign: int) -> None:
    last = Figure(1_000, 1_500)

    assert is_plausible(1_000 + 9 * sign, 1_500, last)
    assert not is_plausible(1_000 + 10 * sign, 1_500, last)
    assert is_plausible(1_000 + 10 * sign, 1_501, last)
