"""Warm actors: those that are taken are replaced after a moment, or when the next one is needed."""

import asyncio

from fixtures.virtual_time import run

from rayconteur.runtime.cluster.pool.warm_actors import WarmActors


class FakeActors:
    """Names actors in the order in which they are started."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, kind: str) -> str:
        self.started.append(f"{kind}{len(self.started) + 1}")
        return self.started[-1]


def test_an_actor_that_is_taken_is_replaced_after_a_moment() -> None:
    async def main() -> None:
        actors = FakeActors()
        warm = WarmActors(actors.start, {"a": 2})

        assert warm.take("a") == "a1"
        await asyncio.sleep(0.05)
        assert actors.started == ["a1", "a2"]

        await asyncio.sleep(0.1)
        assert actors.started == ["a1", "a2", "a3"]
        assert list(warm) == ["a2", "a3"]

    run(main())


def test_a_replacement_that_is_needed_earlier_is_started_at_once() -> None:
    async def main() -> None:
        actors = FakeActors()
        warm = WarmActors(actors.start, {"a": 1})

        assert [warm.take("a") for _ in range(3)] == ["a1", "a2", "a3"]
        assert actors.started == ["a1", "a2", "a3"]

        await asyncio.sleep(1)
        assert list(warm) == ["a4"]

    run(main())


def test_each_replacement_has_its_own_moment() -> None:
    async def main() -> None:
        actors = FakeActors()
        warm = WarmActors(actors.start, {"a": 1})
        warm.take("a")
        await asyncio.sleep(0.06)
        warm.take("a")

        await asyncio.sleep(0.06)
        assert list(warm) == []
        await asyncio.sleep(0.06)
        assert list(warm) == ["a3"]

    run(main())


def test_only_actors_of_the_kind_asked_for_are_taken() -> None:
    async def main() -> None:
        actors = FakeActors()
        warm = WarmActors(actors.start, {"a": 1, "b": 0})

        assert warm.take("b") is warm.take("c") is None

        await asyncio.sleep(1)
        assert actors.started == ["a1"]

    run(main())


def test_an_actor_that_has_ended_is_not_taken() -> None:
    async def main() -> None:
        actors = FakeActors()
        warm = WarmActors(actors.start, {"a": 2})

        warm.remove("a1")
        warm.remove("another")

        assert warm.take("a") == "a2"

    run(main())


def test_nothing_is_started_after_it_was_stopped() -> None:
    async def main() -> None:
        actors = FakeActors()
        warm = WarmActors(actors.start, {"a": 2})
        warm.take("a")
        warm.take("a")

        warm.stop()
        await asyncio.sleep(1)

        assert actors.started == ["a1", "a2"]
        assert list(warm) == []

    run(main())
