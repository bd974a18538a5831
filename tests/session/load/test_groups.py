"""Many sessions are opened in groups: between two of them, the event loop serves others."""

import asyncio

import rayconteur as rc
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool


async def publish(data: bytes) -> None:
    await asyncio.sleep(0)


async def on_end(session_ids: dict[str, int]) -> None:
    await asyncio.sleep(0)


def test_fifty_sessions_are_opened_at_once_and_no_more() -> None:
    async def main() -> list[int]:
        host = Host([publish], on_end, ClientPool())
        opening = asyncio.create_task(
            host.open([f"s{number}" for number in range(350)], 1, rc.SessionConfig(provider=rc.Scripted()))
        )
        opened: list[int] = []
        while not opening.done():
            if not opened or len(host) > opened[-1]:
                opened.append(len(host))
            await asyncio.sleep(0)
        return opened

    assert [number for number in asyncio.run(main()) if number] == [50, 100, 150, 200, 250, 300, 350]
