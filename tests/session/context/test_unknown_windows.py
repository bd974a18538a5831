"""Models whose context window is not known, or not the one that was assumed: nothing is lost when it is exceeded."""

import msgspec
import pytest
from checkers.strict_model import FACT, StrictModel, Words, says_limit, says_nothing
from fixtures.session import SessionFixture, running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers import ModelFacts
from rayconteur.runtime import CompactReason

CONFIG = rc.SessionConfig(provider=rc.Scripted(model="unknown"))
FILLER = "A raven hides its food, and hides it again if another one was watching. "


async def tell_facts(session: SessionFixture, turns: int, chars: int) -> list[str]:
    """Complete *turns* turns of about so many characters, each with a fact."""
    facts = [f"FACT-{turn}={turn * 7919}" for turn in range(1, turns + 1)]
    for fact in facts:
        text = f"{fact} {FILLER * (chars // len(FILLER))}"
        end = await session.wait_for_end(session.ask(text))
        assert isinstance(end, rc.Completed), end
    return facts


@pytest.mark.parametrize("words", [says_limit, says_nothing])
@pytest.mark.parametrize("window", [4_096, 8_192, 16_384])
@pytest.mark.parametrize("chars", [600, 2_400])
def test_a_window_that_was_guessed_is_learned_at_the_first_overflow_and_costs_no_fact(
    window: int, words: Words, chars: int
) -> None:
    model = StrictModel(window, words)
    turns = 3 * window // (chars // 4)

    async def main() -> None:
        async with running_session(CONFIG, lambda _: model) as session:
            facts = await tell_facts(session, turns, chars)

            assert set(FACT.findall(model.requests[-1])) == set(facts)
            assert len(model.refused) <= 2
            reasons = [event.reason for event in session.events if isinstance(event, rc.Compacted)]
            assert reasons[0] is CompactReason.OVERFLOW
            limit = session.status().context_limit_tokens
            assert limit == window if words is says_limit else 0.6 * window < limit <= 1.1 * window

    run(main())


def test_a_window_larger_than_the_one_the_facts_claim_is_no_reason_to_overflow_again() -> None:
    """The tables may be wrong, or a server may run with a smaller window than its model has."""
    model = StrictModel(4_096)
    config = msgspec.structs.replace(
        CONFIG, provider=rc.Scripted(model="m", facts=ModelFacts(context_limit_tokens=32_768))
    )

    async def main() -> None:
        async with running_session(config, lambda _: model) as session:
            facts = await tell_facts(session, 40, 1_200)

            assert set(FACT.findall(model.requests[-1])) == set(facts)
            assert len(model.refused) == 1

    run(main())


def test_another_model_s_window_is_not_the_one_that_was_learned() -> None:
    model = StrictModel(4_096)

    async def main() -> None:
        async with running_session(CONFIG, lambda _: model) as session:
            await tell_facts(session, 20, 1_200)
            assert session.status().context_limit_tokens == 4_096

            session.tell(rc.Configure(model="another"))

            assert session.status().context_limit_tokens == 128_000

    run(main())


def test_a_first_message_that_no_window_has_room_for_fails_and_says_so() -> None:
    model = StrictModel(1_024)

    async def main() -> None:
        async with running_session(CONFIG, lambda _: model) as session:
            end = await session.wait_for_end(session.ask(FILLER * 100))

            assert isinstance(end, rc.Failed)
            assert end.code == "context_overflow"
            assert len(model.refused) == 1

    run(main())
