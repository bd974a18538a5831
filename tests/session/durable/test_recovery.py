"""A session that is recorded: nothing that it has acknowledged, or shown, is lost with its process."""

import asyncio

import pytest
from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.session import scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import SessionExists, UnknownSession
from rayconteur.runtime.journal.errors import JournalUnavailable
from rayconteur.scripted import Fail, Say, Wait

ECHO = rc.SessionConfig(provider=rc.Scripted())


def test_a_receipt_is_given_and_a_request_is_sent_once_the_message_is_stored() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal(delay_s=1))
        await namespace.open(ECHO)
        commits = journal.commits

        sending = asyncio.create_task(namespace.host.ask("nevermore"))
        await asyncio.sleep(0.9)
        assert not sending.done()
        assert not namespace.read()
        assert namespace.host.host.status(KEY).requests == 1

        assert await sending == 1
        assert journal.commits == commits + 1
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        assert journal.commits == commits + 2
        await namespace.stop()

    run(main())


def test_an_acknowledged_message_is_answered_by_the_next_process() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Wait(5), Say(text="never")), (Say(text="nevermore"),)))
        await namespace.host.ask("who is it?")
        await asyncio.sleep(1)
        namespace.host.kill()

        await namespace.recover()
        completed = await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        assert isinstance(completed, rc.Completed)
        assert completed.turn == 1
        kinds = [type(event).__name__ for event in namespace.read()]
        assert kinds.count("TurnStarted") == 1
        assert kinds.count("Retrying") == 1
        assert namespace.texts() == ["who is it?", "nevermore"]
        assert list(namespace.taken) == list(range(1, len(namespace.taken) + 1))
        await namespace.stop()

    run(main())


def test_the_time_in_which_a_request_may_be_repeated_begins_anew_in_the_next_process() -> None:
    async def main() -> None:
        await asyncio.sleep(86_400)  # the clock of an event loop is not that of another process
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Fail(),), (Fail(),), (Say(text="nevermore"),)))
        await namespace.host.ask("who is it?")
        await namespace.wait_for(lambda event: isinstance(event, rc.Retrying))
        namespace.host.kill()

        await namespace.recover()
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed | rc.Failed))

        assert namespace.texts() == ["who is it?", "nevermore"]
        await namespace.stop()

    run(main())


def test_the_next_process_asks_for_the_rest_of_an_answer_that_readers_have_seen_in_part() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        script = ((Say(text="Quoth the "), Wait(5), Say(text="never")), (Say(text="raven"),))
        await namespace.open(scripted_config(*script, on_crash=rc.runtime.OnCrash.CONTINUE))
        await namespace.host.ask("who is it?")
        await namespace.wait_for(lambda event: isinstance(event, rc.TextChunk))
        await namespace.host.ask("a message that is queued, and recorded, meanwhile")
        namespace.host.kill()

        await namespace.recover()
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        assert namespace.texts()[:2] == ["who is it?", "Quoth the raven"]
        events = [event for event in namespace.read() if event.turn == 1]
        assert "".join(event.text for event in events if isinstance(event, rc.TextChunk)) == "Quoth the raven"
        assert not any(isinstance(event, rc.Retrying) for event in events)
        assert list(namespace.taken) == list(range(1, len(namespace.taken) + 1))
        await namespace.stop()

    run(main())


def test_an_end_that_is_stored_but_was_not_published_is_published_by_the_next_process() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        await namespace.open(ECHO)
        await namespace.host.ask("nevermore")
        await journal.committed()  # the answer is stored, and nobody knows it yet
        namespace.host.kill()
        assert not any(isinstance(event, rc.Completed) for event in namespace.read())

        await namespace.recover()
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        assert await namespace.host.ask("again") == 2
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == 2)
        assert sum(isinstance(event, rc.Completed) for event in namespace.read()) == 2
        await namespace.stop()

    run(main())


def test_the_process_before_ends_its_session_when_another_has_taken_it_over() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(ECHO)
        first = namespace.host

        await namespace.recover()
        with pytest.raises(UnknownSession):
            await first.ask("a ghost speaks")
        assert await namespace.host.ask("nevermore") == 1

        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        assert namespace.texts() == ["nevermore", "nevermore"]
        assert len(first.host) == 0
        await namespace.stop()

    run(main())


def test_queued_messages_and_settings_survive() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Wait(1), Say(text="one")), (Say(text="two"),)))
        for text in ("first", "second"):
            await namespace.host.ask(text)
        await namespace.host.send(rc.Configure(system="be brief"))
        namespace.host.kill()

        await namespace.recover()
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == 2)

        assert namespace.host.host.settings(KEY).system == "be brief"
        await namespace.stop()

    run(main())


def test_while_the_journal_is_away_messages_are_refused_and_what_was_sent_is_stored_later() -> None:
    class Broken(SlowJournal):
        is_away = False

        async def append(self, entries):  # type: ignore[no-untyped-def]
            if self.is_away:
                raise JournalUnavailable("no room")
            return await super().append(entries)

    async def main() -> None:
        namespace = Namespace(journal := Broken())
        await namespace.open(ECHO)
        journal.is_away = True

        with pytest.raises(JournalUnavailable, match="may yet: no room"):
            await namespace.host.ask("patience")
        with pytest.raises(JournalUnavailable, match="no room"):
            await namespace.host.ask("refused")
        assert not namespace.read()
        journal.is_away = False
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        assert await namespace.host.ask("again") == 2
        await namespace.stop()

    run(main())


def test_a_session_is_not_rebuilt_where_it_runs() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(ECHO)

        with pytest.raises(SessionExists, match=KEY[0]):
            await namespace.host.host.rebuild(KEY)

        await namespace.host.ask("are you there?")  # no other process has taken it over
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        await namespace.stop()

    run(main())
