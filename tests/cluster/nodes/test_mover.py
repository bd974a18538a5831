"""What a driver does with sessions that are to go on in other actors."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fixtures.virtual_time import run

from rayconteur.errors import Unreachable
from rayconteur.runtime.cluster.background import Background
from rayconteur.runtime.cluster.nodes.move_orders import MoveOrder
from rayconteur.runtime.cluster.nodes.mover import Mover
from rayconteur.runtime.session.host import SessionKey
from rayconteur.runtime.session.leaving import HandedOver

HOST = "_host-one-1"
KEY = ("raven", 1)


def _nothing(*_: object) -> None:
    """It has no effect here."""


class Driver:
    """A driver with one actor, whose session has left it; ``recover`` fails for *away_s* after it was first tried."""

    def __init__(self, away_s: float) -> None:
        self.id = HOST
        self.actor = SimpleNamespace(hand_over=SimpleNamespace(remote=_nothing))
        self.pool = SimpleNamespace(is_draining=False, leave=_nothing)
        self.back_at = asyncio.get_running_loop().time() + away_s
        self.went_on: list[SessionKey] = []

    async def find(self, host_id: str) -> "Driver":
        return self

    async def call_while_alive(self, call: None, ready_s: float) -> HandedOver:
        return HandedOver([KEY], [])

    async def recover(self, session_id: str, epoch: int, place: object) -> None:
        if asyncio.get_running_loop().time() < self.back_at:
            raise Unreachable("the router of the session did not answer")
        self.went_on.append((session_id, epoch))

    async def move(self) -> None:
        background = Background()
        Mover(cast(Any, self), cast(Any, self), background).begin([MoveOrder(HOST, False, 10.0)])
        await asyncio.sleep(100.0)
        await background.stop()


@pytest.mark.parametrize(("away_s", "went_on"), [(0.0, [KEY]), (30.0, [KEY]), (90.0, [])])
def test_a_session_that_has_left_goes_on_once_its_router_answers_within_a_minute(
    away_s: float, went_on: list[SessionKey]
) -> None:
    async def main() -> None:
        driver = Driver(away_s)

        await driver.move()

        assert driver.went_on == went_on

    run(main())
