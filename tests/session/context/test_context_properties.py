"""Context management for all settings, figures, windows and summarizers: nothing too long is sent, nothing is lost."""

import random
from collections.abc import Callable

import msgspec
from checkers.examples import examples
from checkers.strict_model import FACT, StrictModel, facts_in, says_limit, says_nothing
from fixtures.session import SessionFixture, running_session
from fixtures.virtual_time import run
from hypothesis import given, settings
from hypothesis import strategies as st

import rayconteur as rc
from rayconteur.providers import ModelFacts
from rayconteur.providers.schema.errors import ContextOverflow, Overloaded, RateLimited

FILLER = "A raven hides its food, and hides it again if another one was watching. "
TURNS = 25

Report = Callable[[int], int | None]
REPORTS: st.SearchStrategy[Report] = st.sampled_from(
    [
        lambda tokens: tokens,
        lambda _: 0,
        lambda _: None,
        lambda _: 1,
        lambda _: 300,
        lambda _: 2_000,
        lambda tokens: tokens // 10,
        lambda tokens: tokens // 2,
        lambda tokens: tokens * 10,
        lambda _: 10**12,
    ]
)
RANDOM_REPORTS: st.SearchStrategy[Report] = st.integers(0, 2**32).map(
    lambda seed: lambda tokens: random.Random(f"{seed} {tokens}").randrange(20_000)
)
SHARE = st.floats(0, 3) | st.floats(0.72, 0.9)
"""What is reported of what was sent. A little less is believed."""
SHARES: st.SearchStrategy[Report] = SHARE.map(lambda share: lambda tokens: int(tokens * share))
NOISY_SHARES: st.SearchStrategy[Report] = st.integers(0, 2**32).map(
    lambda seed: lambda tokens: int(tokens * random.Random(f"{seed} {tokens}").uniform(0.3, 3))
)
SHARES_LATER: st.SearchStrategy[Report] = st.tuples(SHARE, st.integers(1_000, 16_000)).map(
    lambda drawn: lambda tokens: int(tokens * drawn[0]) if tokens >= drawn[1] else tokens
)


class Summarizer:
    """Answers requests for summaries, with what *plan* says for each of them, in a cycle."""

    def __init__(self, plan: list[str]) -> None:
        self.plan = plan
        self.calls = 0

    def __call__(self, text: str) -> str:
        kind = self.plan[self.calls % len(self.plan)]
        self.calls += 1
        match kind:
            case "overloaded":
                raise Overloaded("busy", "scripted")
            case "limited":
                raise RateLimited("wait", "scripted", retry_after_s=50.0)
            case "overflow":
                raise ContextOverflow(says_nothing(1, 1), "scripted")
            case "empty":
                return ""
            case "refusal":
                return "I'm sorry, but I can't help with that."
            case "nonsense":
                return "caw " * 2_000
            case _:
                return facts_in(text)


KINDS = ["good", "overloaded", "limited", "overflow", "empty", "refusal", "nonsense"]
NONE = st.sampled_from(["overloaded", "empty", "refusal", "nonsense"])
PLANS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=6)


class Scene(msgspec.Struct, frozen=True):
    """A model and its session: the window, and the shares of it that the settings take."""

    window: int
    is_known: bool
    system_share: float
    output_share: float

    @property
    def room(self) -> int:
        return int(self.window * (1 - self.system_share - self.output_share))

    def config(self) -> rc.SessionConfig:
        facts = ModelFacts(context_limit_tokens=self.window if self.is_known else None)
        system = (FILLER * (1 + int(self.window * self.system_share * 4 / len(FILLER))))[
            : int(self.window * self.system_share * 4)
        ]
        return rc.SessionConfig(
            provider=rc.Scripted(model="m", facts=facts),
            system=system or None,
            max_output_tokens=max(1, int(self.window * self.output_share)),
        )


@st.composite
def scenes(draw: st.DrawFn, is_known: bool) -> Scene:
    system_share = draw(st.floats(0, 0.9))
    output_share = draw(st.floats(0, 0.9 - system_share))
    return Scene(draw(st.sampled_from([4_096, 8_192, 16_384])), is_known, system_share, output_share)


async def talk(session: SessionFixture, scene: Scene) -> list[rc.FromLLM]:
    """Complete turns that exceed the room for the history several times. Returns their ends."""
    text = FILLER * 100
    ends: list[rc.FromLLM] = []
    for turn in range(1, TURNS + 1):
        message = f"FACT-{turn}={turn * 7919} {text[: scene.room * 4 // 10]}"
        ends.append(await session.wait_for_end(session.ask(message)))
    return ends


def facts_of_last_request(model: StrictModel) -> list[int]:
    return sorted({int(fact[5:].partition("=")[0]) for fact in FACT.findall(model.requests[-1])})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(scene=scenes(is_known=True), report=REPORTS)
def test_no_request_exceeds_a_known_window_and_all_facts_survive_whatever_the_provider_reports(
    scene: Scene, report: Report
) -> None:
    model = StrictModel(scene.window, says_limit, report)

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            ends = await talk(session, scene)

            assert model.refused == []
            assert all(isinstance(end, rc.Completed) for end in ends)
            assert facts_of_last_request(model) == list(range(1, TURNS + 1))

    run(main())


@settings(max_examples=examples(80, 400), deadline=None, derandomize=True)
@given(scene=scenes(is_known=True), report=RANDOM_REPORTS | SHARES | NOISY_SHARES | SHARES_LATER)
def test_nor_if_figures_are_plausible_by_chance_or_nearly_right(scene: Scene, report: Report) -> None:
    model = StrictModel(scene.window, says_limit, report)

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            ends = await talk(session, scene)

            assert model.refused == []
            assert all(isinstance(end, rc.Completed) for end in ends)
            assert facts_of_last_request(model) == list(range(1, TURNS + 1))

    run(main())


@settings(max_examples=20, deadline=None, derandomize=True)
@given(share=st.floats(1, 2.5))
def test_a_figure_that_nothing_confirms_costs_no_fact_if_there_is_room_by_our_count(share: float) -> None:
    scene = Scene(4_096, True, system_share=0.64, output_share=0.125)
    model = StrictModel(scene.window, says_limit, lambda tokens: int(tokens * share) if tokens < 2_750 else 10**6)

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            await talk(session, scene)

            assert model.refused == []
            assert facts_of_last_request(model) == list(range(1, TURNS + 1))

    run(main())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(scene=scenes(is_known=False), report=REPORTS, words=st.sampled_from([says_limit, says_nothing]))
def test_an_unknown_window_loses_no_turn_and_no_fact(
    scene: Scene, report: Report, words: Callable[[int, int], str]
) -> None:
    model = StrictModel(scene.window, words, report)

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            ends = await talk(session, scene)

            assert all(isinstance(end, rc.Completed) for end in ends)
            assert facts_of_last_request(model) == list(range(1, TURNS + 1))

    run(main())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(scene=scenes(is_known=True), plan=PLANS, report=REPORTS | RANDOM_REPORTS | SHARES)
def test_a_failing_summarizer_costs_no_turn_whatever_the_provider_reports(
    scene: Scene, plan: list[str], report: Report
) -> None:
    model = StrictModel(scene.window, says_limit, report, Summarizer(plan))

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            ends = await talk(session, scene)

            assert all(isinstance(end, rc.Completed) for end in ends)
            assert len(model.refused) <= TURNS // 5  # where the settings take most of the window
            assert facts_of_last_request(model)[-1] == TURNS

    run(main())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(scene=scenes(is_known=True), failures=st.lists(st.integers(0, 2), min_size=1), report=REPORTS)
def test_no_fact_is_lost_by_failures_that_pass_whatever_the_provider_reports(
    scene: Scene, failures: list[int], report: Report
) -> None:
    plan = [kind for count in failures for kind in [*["overloaded"] * count, "good"]]
    model = StrictModel(scene.window, says_limit, report, Summarizer(plan))

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            await talk(session, scene)

            assert facts_of_last_request(model) == list(range(1, TURNS + 1))

    run(main())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(scene=scenes(is_known=True), kinds=st.lists(NONE, min_size=1), report=REPORTS)
def test_no_fact_is_lost_if_every_second_answer_is_no_summary(scene: Scene, kinds: list[str], report: Report) -> None:
    plan = [kind for bad in kinds for kind in (bad, "good")]
    model = StrictModel(scene.window, says_limit, report, Summarizer(plan))

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            ends = await talk(session, scene)

            assert model.refused == []
            assert all(isinstance(end, rc.Completed) for end in ends)
            assert facts_of_last_request(model) == list(range(1, TURNS + 1))

    run(main())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(scene=scenes(is_known=True), plan=PLANS)
def test_a_summarizer_that_fails_in_any_way_at_any_point_costs_no_turn_and_nothing_that_there_is_room_for(
    scene: Scene, plan: list[str]
) -> None:
    model = StrictModel(scene.window, summarize=Summarizer(plan))

    async def main() -> None:
        async with running_session(scene.config(), lambda _: model) as session:
            ends = await talk(session, scene)

            assert model.refused == []
            assert all(isinstance(end, rc.Completed) for end in ends)
            kept = facts_of_last_request(model)
            # A turn takes up to a sixth of the room, of which half may be left free for errors of the estimate.
            assert kept[-1] == TURNS
            assert len(kept) > 1

    run(main())
