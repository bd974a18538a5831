"""The records of a session: they rebuild its conversation, and hold no secrets."""

import msgspec
import pytest
from fixtures.session import SESSION_KEY, running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Layered, Summarize
from rayconteur.providers import ProviderConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Instruction
from rayconteur.scripted import Call, Fail, Say, Wait

SECRET = "sk-never-to-be-seen"
URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def stored_records(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The records of the test's session, encoded as JSON."""
    stored: list[bytes] = []
    handle = Conversation.handle

    def recording_handle(self: Conversation, event: ev.Event) -> list[Instruction]:
        instructions = handle(self, event)
        stored.extend(msgspec.json.encode(step) for step in instructions if isinstance(step, ev.Record))
        return instructions

    monkeypatch.setattr(Conversation, "handle", recording_handle)
    return stored


def decoded(stored_records: list[bytes]) -> list[ev.Record]:
    return [msgspec.json.decode(record, type=ev.Record) for record in stored_records]


@pytest.mark.parametrize(
    "provider",
    [
        rc.OpenAI(model="m", api_key=SECRET, base_url=URL),
        rc.Anthropic(model="m", api_key=SECRET),
        rc.AzureOpenAI(deployment="m", endpoint="https://here", ad_token=SECRET),
        rc.Google(model="m", api_key=SECRET),
        rc.Cohere(model="m", api_key=SECRET),
        rc.Bedrock(model="m", region="us-east-1", bearer_token=SECRET),
    ],
    ids=lambda provider: str(provider.name),
)
def test_opened_holds_no_secret(provider: ProviderConfig, stored_records: list[bytes]) -> None:
    config = rc.SessionConfig(provider=provider, compaction=Summarize(provider=provider))

    async def main() -> None:
        async with running_session(config):
            pass

    run(main())

    opened = decoded(stored_records)[0].event
    assert isinstance(opened, ev.Opened)
    assert opened.config == config.public()
    assert SECRET.encode() not in b"".join(stored_records)


@pytest.mark.parametrize("when", ["request", "turn"])
def test_no_record_of_a_change_holds_a_secret(when: str, stored_records: list[bytes]) -> None:
    provider = rc.OpenAI(model="m", api_key=SECRET, base_url=URL)
    summarize = Layered(strategies=(Summarize(provider=provider),))
    change = msgspec.convert({"kind": "configure", "next": when}, rc.Configure)

    async def main() -> None:
        async with running_session(scripted_config((Wait(),))) as session:
            session.ask()
            for changed in ({"compaction": summarize}, {"provider": provider}, {"model": "other"}):
                session.tell(msgspec.structs.replace(change, **changed))

    run(main())

    kinds = [record.event.message for record in decoded(stored_records) if isinstance(record.event, ev.Received)]
    assert sum(isinstance(message, rc.Configure) for message in kinds) == 3
    assert SECRET.encode() not in b"".join(stored_records)


def test_the_records_of_a_session_rebuild_its_conversation(stored_records: list[bytes]) -> None:
    answers = ((Fail(),), (Call("look"),), (Say("done"),), (Say("a raven"), Wait()))
    config = scripted_config(*answers, tools=(rc.Tool(name="look"),))

    async def main() -> None:
        async with running_session(config) as session:
            session.ask()
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            session.tell(rc.ToolResults(results=(rc.ToolResult(batch.uses[0].id),)))
            await session.wait_for_event(rc.Completed)
            session.ask("interrupted")
            await session.wait_for_text("donea raven")
            session.tell(rc.Interrupt())
            session.tell(rc.Configure(system="be brief"))

            rebuilt = Conversation.replay(decoded(stored_records))

            status = session.status()
            assert rebuilt.history == session.history()
            assert rebuilt.config == session.host.settings(SESSION_KEY)
            assert (rebuilt.turns, rebuilt.requests, rebuilt.usage) == (status.turns, status.requests, status.usage)

    run(main())
