"""Settings that leave no room for a history are rejected when a session is opened, and when they are changed."""

import msgspec
import pytest
from fixtures.session import SESSION_KEY, running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers import ModelFacts

CONFIG = rc.SessionConfig(provider=rc.Scripted(facts=ModelFacts(context_limit_tokens=4_096)))
LONG_PROMPT = "Answer as a raven would. " * 800


@pytest.mark.parametrize("settings", [{"max_output_tokens": 4_000}, {"system": LONG_PROMPT}])
def test_a_session_without_room_for_a_history_is_not_opened(settings: dict[str, object]) -> None:
    config = msgspec.structs.replace(CONFIG, **settings)

    async def main() -> None:
        async with running_session(config):
            raise AssertionError("it was opened")

    with pytest.raises(InvalidConfig, match=r"no room is left for a history: .* 4,096 tokens"):
        run(main())


@pytest.mark.parametrize("next_", ["request", "turn"])
def test_a_change_that_leaves_no_room_for_a_history_is_rejected_and_changes_nothing(next_: str) -> None:
    async def main() -> None:
        async with running_session(CONFIG) as session:
            change = msgspec.structs.replace(rc.Configure(system=LONG_PROMPT), next=next_)

            with pytest.raises(InvalidConfig, match="no room is left"):
                session.tell(change)

            assert session.host.settings(SESSION_KEY).system is None
            assert isinstance(await session.wait_for_end(session.ask("hi")), rc.Completed)

    run(main())
