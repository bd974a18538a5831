"""A message that is sent again with its key: the session, and what is checked before a message, leave it alone."""

import asyncio

import msgspec
import pytest
from fixtures.killable_host import KEY as HOST_KEY
from fixtures.killable_host import Namespace, SlowJournal
from fixtures.session import SESSION_KEY, running_session
from fixtures.virtual_time import run
from session.load.test_history_budget import KB, fill, host_with

import rayconteur as rc
from rayconteur.errors import HistoryFull, KeyMisused, SessionClosed, UnsupportedContent
from rayconteur.runtime import Close
from rayconteur.runtime.api.messages import MessageKey
from rayconteur.scripted import Script, Wait

KEY = MessageKey("k", b"digest")
HANGS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Wait(),),))))
LARGE = msgspec.msgpack.encode(rc.UserMessage.of(KB * 6))


def test_it_gets_the_receipt_of_the_first_time_and_starts_no_turn() -> None:
    async def main() -> None:
        async with running_session(HANGS) as session:
            data = msgspec.msgpack.encode(rc.UserMessage.of("hi"))
            session.tell(rc.Configure(system="be brief"))
            await session.wait_for_event(rc.Configured)
            first = session.host.tell(SESSION_KEY, data, KEY)
            session.tell(rc.UserMessage.of("ho"))

            again = session.host.tell(SESSION_KEY, data, KEY)

            assert again == msgspec.structs.replace(first, repeated=True)
            assert (first.turn, first.seq, first.repeated) == (1, 1, False)
            assert session.status().turns == 2
            with pytest.raises(KeyMisused):
                session.host.tell(SESSION_KEY, data, MessageKey("k", b"another"))

    asyncio.run(main())


def test_it_does_when_there_is_no_room_any_more() -> None:
    async def main() -> None:
        async with host_with("a", "b") as host:
            first = host.tell(("b", 1), LARGE, KEY)
            await asyncio.sleep(0.02)
            await fill(host, "a", 10)
            with pytest.raises(HistoryFull):
                host.tell(("b", 1), LARGE)

            assert host.tell(("b", 1), LARGE, KEY).turn == first.turn

    asyncio.run(main())


def test_it_does_while_the_session_closes() -> None:
    async def main() -> None:
        async with running_session(HANGS) as session:
            data = msgspec.msgpack.encode(rc.UserMessage.of("hi"))
            session.host.tell(SESSION_KEY, data, KEY)
            session.router_accepts.clear()  # so that it is not over yet
            session.tell(Close())

            assert session.host.tell(SESSION_KEY, data, KEY).turn == 1
            with pytest.raises(SessionClosed):
                session.host.tell(SESSION_KEY, data, MessageKey("another", b"digest"))

    asyncio.run(main())


def test_it_does_when_the_provider_would_not_support_it_any_more() -> None:
    image = rc.UserMessage(content=(rc.Image(data=b"<svg/>", media_type="image/svg+xml"),))

    async def main() -> None:
        async with running_session(HANGS) as session:
            data = msgspec.msgpack.encode(image)
            session.host.tell(SESSION_KEY, data, KEY)
            session.tell(rc.Configure(provider=rc.Anthropic(model="claude", api_key="k")))
            with pytest.raises(UnsupportedContent):
                session.host.tell(SESSION_KEY, data)

            assert session.host.tell(SESSION_KEY, data, KEY).repeated

    asyncio.run(main())


def test_it_does_in_the_next_process_if_the_reply_of_the_first_was_lost() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        await namespace.open(rc.SessionConfig(provider=rc.Scripted()))
        data = msgspec.msgpack.encode(rc.UserMessage.of("hi"))
        first = namespace.host.host.tell(HOST_KEY, data, KEY)
        await journal.committed()
        namespace.host.kill()
        await namespace.recover()

        again = namespace.host.host.tell(HOST_KEY, data, KEY)

        assert again == msgspec.structs.replace(first, repeated=True)
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        assert namespace.texts() == ["hi", "hi"]
        await namespace.stop()

    run(main())
