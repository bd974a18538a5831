"""Calls for many sessions read which there are page by page, from the places that the directory knows."""

import asyncio

import pytest

from rayconteur.runtime import Where
from rayconteur.runtime.cluster.directory.places import ClaimRequest, HostOwner, Places, SessionPage
from rayconteur.runtime.cluster.registry.fleet_calls import pages

IDS = sorted(f"{tenant}-{number}" for tenant in ("poe", "pope", "pop") for number in range(2_500))


class Directory:
    """The places of ``IDS``, on two hosts, and how often they were asked for."""

    def __init__(self) -> None:
        self.places = Places("directory")
        self.reads = 0
        for number, host in enumerate(("even", "odd")):
            self.places.claim(ClaimRequest(host, IDS[number::2], HostOwner(host, "driver", False)), 1)

    async def read(self, after: str, limit: int) -> SessionPage:
        self.reads += 1
        return self.places.page(after, limit)


def selected(directory: Directory, where: Where) -> list[str]:
    async def read() -> list[str]:
        return [
            session_id
            async for page in pages(where, directory.read)
            for of_host in page.ids.values()
            for session_id in of_host
        ]

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("where", "prefixes", "reads"),
    [
        (Where(every=True), ("po",), 8),
        (Where(tag="x"), ("po",), 8),
        (Where(ids="poe-*"), ("poe-",), 3),
        (Where(ids="pop-*"), ("pop-",), 3),
        (Where(ids="pope-*"), ("pope-",), 3),
        (Where(ids=("poe-1*", "pope-1*")), ("poe-1", "pope-1"), 8),
        (Where(ids="poe-77"), ("poe-77",), 1),
        (Where(ids="rook-*"), ("rook-",), 1),
        (Where(ids="a*"), ("a",), 1),
    ],
)
def test_all_that_fit_are_read_once_and_few_others(where: Where, prefixes: tuple[str, ...], reads: int) -> None:
    directory = Directory()

    found = selected(directory, where)

    wanted = ["poe-77"] if where == Where(ids="poe-77") else [each for each in IDS if each.startswith(prefixes)]
    assert sorted(found) == wanted
    assert directory.reads == reads


def test_hosts_that_have_not_reported_are_on_the_page() -> None:
    async def read(after: str, limit: int) -> SessionPage:
        return SessionPage({}, None, ("host",))

    async def main() -> list[tuple[str, ...]]:
        return [page.unreported async for page in pages(Where(every=True), read)]

    assert asyncio.run(main()) == [("host",)]
