"""Questions that the model asks the user: answered by the program that waits, or by any other."""

import asyncio
import threading

import msgspec
import pytest
from fixtures.rejections import rejected, scripted

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, NoQuestion, QuestionAnswered
from rayconteur.runtime import ASK_USER, QuestionAsked
from rayconteur.scripted import Call, Say

ASKS = msgspec.structs.replace(
    scripted(
        (
            Call("ask_user", {"question": "Which town?", "choices": ["Oslo", "Rome"]}, id="a"),
            Call("ask_user", {"question": "Which day?"}, id="b"),
        ),
        (Say("It rains."),),
    ),
    tools=(ASK_USER,),
)


def results_of(answer: rc.runtime.FinalAnswer) -> list[str]:
    return [block.text for result in answer.steps[0].results for block in result.content if isinstance(block, rc.Text)]


def test_another_program_answers_when_the_one_that_asked_has_left(options: rc.RuntimeOptions) -> None:
    async def main() -> tuple[tuple[str, ...], rc.Message]:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=options) as other:
            session = await runtime.spawn(ASKS)
            async for event in session.ask("How will it be?"):
                if isinstance(event, QuestionAsked):
                    break
            attached = await other.session(session.id)
            waiting = (await attached.status()).awaiting_answer
            with rejected(NoQuestion, "'x'"):
                await attached.answer_question("x", "Oslo")
            await attached.answer_question("b", "today")
            with rejected(QuestionAnswered, "'b'"):
                await attached.answer_question("b", "today")
            await attached.answer_question("a", "Oslo")
            async for event in attached.events():
                if isinstance(event, rc.Completed):
                    break
            return waiting, (await attached.history())[-1]

    waiting, last = asyncio.run(main())
    assert waiting == ("a", "b")
    assert last.content == (rc.Text("It rains."),)


def test_a_function_answers_the_questions_one_after_the_other(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    asked: list[str] = []
    ids: list[str] = []

    async def on_question(event: QuestionAsked) -> str:
        asked.append(event.question)
        await asyncio.sleep(0)
        ids.append(event.tool_use_id)
        assert len(asked) == len(ids), "two questions at once"
        return f"{event.question} {event.choices}"

    async def main() -> rc.runtime.FinalAnswer:
        session = await async_runtime.spawn(ASKS)
        return await session.ask("How will it be?").answer(on_question=on_question)

    answer = runner.run(main())
    assert answer.text == "It rains."
    assert results_of(answer) == ["Which town? ('Oslo', 'Rome')", "Which day? ()"]
    assert ids == ["a", "b"]


def test_a_function_whose_question_another_program_has_answered_is_left_alone(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> rc.runtime.FinalAnswer:
        session = await async_runtime.spawn(ASKS)

        async def on_question(event: QuestionAsked) -> str:
            await session.answer_question("b", "tomorrow")
            if event.tool_use_id == "a":
                await session.answer_question("a", "Rome")
                await asyncio.Event().wait()
            return "never"

        return await session.ask("How will it be?").answer(on_question=on_question)

    assert results_of(runner.run(main())) == ["Rome", "tomorrow"]


def test_the_blocking_api_asks_in_the_thread_that_waits(runtime: blocking.Runtime) -> None:
    threads: set[int] = set()

    def on_question(event: QuestionAsked) -> str:
        threads.add(threading.get_ident())
        return event.question

    answer = runtime.spawn(ASKS).ask("How will it be?").answer(on_question=on_question)

    assert results_of(answer) == ["Which town?", "Which day?"]
    assert threads == {threading.get_ident()}


def test_a_function_that_fails_or_returns_no_text_ends_the_turn(runtime: blocking.Runtime) -> None:
    def fails(event: QuestionAsked) -> str:
        raise LookupError(event.question)

    session = runtime.spawn(ASKS)

    with pytest.raises(LookupError, match=r"Which town\?"):
        session.ask("How will it be?").answer(on_question=fails)
    assert session.status().state == "idle"
    session = runtime.spawn(ASKS)
    with rejected(InvalidConfig, "return the answer as a str, not None"):
        session.ask("How will it be?").answer(on_question=lambda _: None)  # type: ignore[arg-type, return-value]
    with rejected(InvalidConfig, "give a function that takes a QuestionAsked"):
        session.ask("How will it be?").answer(on_question="Oslo")  # type: ignore[arg-type]


def test_a_program_that_waits_for_an_answer_and_can_not_reply_is_told_at_once(
    runtime: blocking.Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    session = runtime.spawn(msgspec.structs.replace(ASKS, approval_timeout_s=0.1))

    with caplog.at_level("WARNING"):
        session.ask("How will it be?").answer()

    told = [record.getMessage() for record in caplog.records if "on_question" in record.getMessage()]
    assert len(told) == 2
    assert session.id in told[0]
