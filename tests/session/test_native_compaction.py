"""Sessions whose provider compacts the history by itself, and what becomes of it when the provider changes."""

from collections.abc import Sequence

import msgspec
import pytest
from fixtures.session import SESSION_ID, SessionFixture, running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Layered, NativeCompaction, Window
from rayconteur.compaction.summaries.summary_message import native_summary
from rayconteur.providers import Delta, ModelFacts, ProviderConfig, Request, WireMemo
from rayconteur.providers.schema.client import Client
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import UNREADABLE, Origin, Role
from rayconteur.providers.schema.request import Settings
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.runtime import State
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.session.requests.request_task import RequestTask
from rayconteur.scripted import Cut, Fail, Say, Script, Step, Think, Wait

LONG_TEXT = "A raven hides its food, and hides it again if another one was watching. " * 10
FACTS = ModelFacts(context_limit_tokens=2_000, compacts=True)
LAYERS = Layered(strategies=(NativeCompaction(keep_recent_turns=2), Window(keep_recent_turns=2)))
SUMMARY = (Say("Ravens hide food."),)


def config(
    *answers: tuple[Step, ...], summary: tuple[Step, ...] = SUMMARY, facts: ModelFacts = FACTS, **settings: object
) -> rc.SessionConfig:
    script = Script(answers=answers or ((Think("hm"), Say("Yes.")),), compaction=summary)
    session = rc.SessionConfig(provider=rc.Scripted(script=script, facts=facts), max_output_tokens=100)
    return msgspec.structs.replace(session, compaction=LAYERS, **settings)


class Recorder:
    """Opens scripted clients that keep the requests for answers, and those for compactions."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.compactions: list[Request] = []

    def open(self, provider: ProviderConfig) -> Client:
        recorder = self

        class Recording(ScriptedClient):
            async def complete(self, request: Request) -> Sequence[Delta]:
                recorder.requests.append(request)
                return await super().complete(request)

            def check_settings(self, settings: Settings) -> None:
                if provider.model == "another" and settings.system == "Be brief.":
                    raise InvalidConfig("system", "another model does not accept it")

            async def compact(self, request: Request, instructions: str | None) -> Answer:
                recorder.compactions.append(request)
                return await super().compact(request, instructions)

        assert isinstance(provider, rc.Scripted)
        return Recording(provider)


async def complete_turns(session: SessionFixture, turns: int) -> None:
    for number in range(turns):
        await session.wait_for_event(rc.Completed, session.ask(f"{number}. {LONG_TEXT}"))


async def complete_turns_until_compacted(session: SessionFixture) -> None:
    """Turns until the history has just been compacted by the provider."""
    while not session.history() or not session.history()[0].is_native_summary:
        await complete_turns(session, 1)


async def ask_until_compacting(session: SessionFixture) -> int:
    """Turns until a compaction is running: for the turn returned, or after it."""
    turn = session.ask(LONG_TEXT)
    while not is_compacting(session):
        await session.wait_for_event(rc.Completed, turn)
        if not is_compacting(session):
            turn = session.ask(LONG_TEXT)
    return turn


def is_compacting(session: SessionFixture) -> bool:
    return session.state is State.COMPACTING


def compactions(session: SessionFixture) -> list[rc.Compacted]:
    return [event for event in session.events if isinstance(event, rc.Compacted)]


def test_the_provider_compacts_the_history_and_its_summary_goes_back_to_it() -> None:
    async def main() -> None:
        async with running_session(config()) as session:
            await complete_turns(session, 30)

            first, *rest = session.history()
            assert isinstance(block := first.content[0], rc.Opaque)
            assert msgspec.json.decode(block.json)["summary"] == "Ravens hide food."
            assert first.stands_for is not None
            assert first.stands_for.messages + len(rest) == len(session.history(full=True)) == 60
            assert {compaction.report.strategy for compaction in compactions(session) if compaction.report} == {
                "nativecompaction"
            }
            assert [compaction.problem for compaction in compactions(session)] == [None] * len(compactions(session))

    run(main())


def test_its_tokens_are_counted() -> None:
    async def main() -> None:
        async with running_session(config()) as session:
            await complete_turns_until_compacted(session)

            requests = [
                event.request.input.tokens or 0 for event in session.events if isinstance(event, rc.TokenUpdate)
            ]
            report = compactions(session)[0].report
            assert report is not None
            assert report.usage.input.tokens
            assert session.status().usage.input.tokens == sum(requests) + report.usage.input.tokens

    run(main())


def test_it_is_requested_with_the_settings_and_prompts_of_ordinary_requests() -> None:
    tool = rc.Tool(name="look", description="Look.", input_schema={"type": "object"})

    async def main() -> None:
        recorder = Recorder()
        thinking = rc.Reasoning(effort="high")
        opened = config(streaming=False, system="Be brief.", tools=(tool,), thinking=thinking)
        async with running_session(opened, recorder.open) as session:
            await complete_turns(session, 1)
            session.tell(rc.Configure(system="Rhyme."))
            await complete_turns_until_compacted(session)

            [compaction] = recorder.compactions
            last = recorder.requests[-2]
            assert compaction.memo is last.memo
            assert compaction.settings == last.settings
            assert [prompt.system for prompt in compaction.prompts] == ["Be brief.", "Rhyme."]
            assert compaction.messages == last.messages[: len(compaction.messages)]
            after = recorder.requests[-1]
            assert [prompt.system for prompt in after.prompts] == ["Be brief.", "Rhyme."]
            assert after.prompts[1].start == len(after.messages) - 1  # said again after the new message

    run(main())


def test_a_change_that_no_request_was_sent_under_does_not_reach_it() -> None:
    async def main() -> None:
        recorder = Recorder()
        async with running_session(config(streaming=False, system="Be brief."), recorder.open) as session:
            await complete_turns(session, 3)
            session.tell(rc.Configure(system="Rhyme.", tools=(rc.Tool(name="look", description="Look."),)))
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            assert recorder.compactions
            for compaction in recorder.compactions:
                assert (compaction.settings.system, compaction.prompts) == ("Be brief.", ())
                assert compaction.settings.tools == ()

    run(main())


def test_a_prompt_that_only_the_provider_before_accepts_does_not_reach_it() -> None:
    async def main() -> None:
        recorder = Recorder()
        async with running_session(config(streaming=False, system="Be brief."), recorder.open) as session:
            await complete_turns(session, 3)
            session.tell(rc.Configure(provider=rc.Scripted(model="another", facts=FACTS), system="Rhyme."))
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            assert recorder.compactions
            for compaction in recorder.compactions:
                assert (compaction.settings.system, compaction.prompts) == ("Rhyme.", ())

    run(main())


@pytest.mark.parametrize(
    "facts", [ModelFacts(context_limit_tokens=2_000), msgspec.structs.replace(FACTS, compacts=False)]
)
def test_without_the_ability_the_next_layer_runs_and_no_problem_is_reported(facts: ModelFacts) -> None:
    async def main() -> None:
        async with running_session(config(facts=facts)) as session:
            await complete_turns(session, 10)

            [first, *_] = compactions(session)
            assert first.problem is None
            assert first.report is not None
            assert first.report.strategy == "window"

    run(main())


@pytest.mark.parametrize("step", [Fail("overloaded"), Cut()], ids=["failed", "broken off"])
def test_a_failed_compaction_is_a_problem_and_the_next_layer_runs_when_a_request_has_no_room(step: Step) -> None:
    async def main() -> None:
        async with running_session(config(summary=(step,))) as session:
            await complete_turns(session, 10)

            [first, *later] = compactions(session)
            assert first.problem is not None
            assert "nativecompaction: the provider's compaction failed" in first.problem
            assert first.messages_after == first.messages_before
            window_tokens = FACTS.context_limit_tokens or 0
            dropped = [event.report for event in later if event.report and event.report.strategy == "window"]
            assert dropped
            assert all(report.tokens_before > window_tokens * 0.75 for report in dropped)

    run(main())


def test_another_model_gets_the_original_messages_compacted_for_itself() -> None:
    async def main() -> None:
        recorder = Recorder()
        async with running_session(config(streaming=False), recorder.open) as session:
            await complete_turns_until_compacted(session)
            original = session.history(full=True)
            session.tell(rc.Configure(provider=rc.Scripted(model="another", facts=FACTS)))
            await complete_turns(session, 1)

            compaction = recorder.compactions[-1]
            assert compaction.messages[0] is original[0]
            first = recorder.requests[-1].messages[0]
            assert first.is_native_summary
            assert first.origin == Origin(source=rc.Scripted(model="another").source)

    run(main())


def test_another_model_with_room_gets_the_original_messages() -> None:
    async def main() -> None:
        recorder = Recorder()
        async with running_session(config(streaming=False), recorder.open) as session:
            await complete_turns_until_compacted(session)
            original = session.history(full=True)
            roomy = ModelFacts(context_limit_tokens=100_000)
            session.tell(rc.Configure(provider=rc.Scripted(model="roomy", facts=roomy)))
            await complete_turns(session, 1)

            assert recorder.requests[-1].messages[:-1] == original
            assert session.history()[: len(original)] == original

    run(main())


def test_an_interrupt_ends_the_compaction_and_its_turn() -> None:
    async def main() -> None:
        async with running_session(config(summary=(Wait(),))) as session:
            turn = await ask_until_compacting(session)
            before = session.history()
            session.tell(rc.Interrupt())
            await session.wait_for_event(rc.Interrupted, turn)

            assert session.history() == before[:-1]
            assert compactions(session)[-1].problem == "interrupted"
            assert not any(message.is_native_summary for message in session.history())

    run(main())


def test_a_message_cancels_an_eager_compaction_by_the_provider() -> None:
    async def main() -> None:
        async with running_session(config(summary=(Wait(),), compact_eagerly=True)) as session:
            await ask_until_compacting(session)
            await session.wait_for_event(rc.Completed, session.ask("short"))

            assert not any(message.is_native_summary for message in session.history())

    run(main())


def test_thinking_that_is_rejected_is_omitted_and_the_turn_goes_on() -> None:
    answers = ((Think("hm"), Say("Yes.")), (Fail("thinking_rejected"),), (Say("No."),))

    async def main() -> None:
        async with running_session(config(*answers)) as session:
            await complete_turns(session, 1)
            await session.wait_for_event(rc.Completed, session.ask("And now?"))

            assert session.event_kinds(2)[:3] == ["TurnStarted", "Retrying", "StreamStarted"]
            assert session.history()[1].origin == UNREADABLE
            assert session.history_texts()[-1] == "No."

    run(main())


def test_a_compaction_by_an_unknown_account_is_not_sent_without_its_content() -> None:
    """As after a restart with another key: the session asks for the original messages instead."""

    async def main() -> None:
        user = rc.Message(role=Role.USER, content=(rc.Text("hi"),), turn=1)
        summary = native_summary(
            [user], (rc.Opaque(provider="scripted", type="compaction", json=b"{}"),), Origin(source="x")
        )
        send = SendRequest(1, 2, 1, (summary, user), config())
        client = ScriptedClient(rc.Scripted())
        outbox = Outbox(SESSION_ID, 1, 1_000, lambda outbox: None)
        task = RequestTask(send, client, rc.Scripted().source, WireMemo(), outbox, on_ready=print)

        with pytest.raises(rc.errors.ThinkingRejected):
            await task.run()

    run(main())
