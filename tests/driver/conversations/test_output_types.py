"""Answers as values: the schema goes to the provider, and a misfit is reported to the model once."""

import asyncio
import pickle
from typing import Any

import msgspec
import pytest
from builders.chat import DONE, chunk
from fixtures.rejections import ECHO, scripted
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, OutputMismatch, TurnFailed
from rayconteur.providers import ModelFacts, StopReason
from rayconteur.runtime import TypedAnswer
from rayconteur.scripted import Call, Fail, Say, Stop


class Weather(msgspec.Struct):
    town: str
    degrees: int


OSLO = '{"town":"Oslo","degrees":7}'
COLD = '{"town":"Oslo","degrees":"cold"}'


def test_an_answer_is_a_value_of_the_type(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Call("look"),), (Say(OSLO),)))

    answer = session.ask("How is the weather?", output_type=Weather).answer(lambda use: "7 degrees in Oslo")

    assert answer.value == Weather("Oslo", 7)
    assert (answer.text, answer.turn, answer.requests) == (OSLO, 1, 2)


def test_a_misfit_is_reported_to_the_model_once_and_both_turns_are_counted(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say(COLD),), (Say(OSLO),)))
    question = rc.UserMessage(
        content=(rc.Text("How is the weather?"),), correlation_id="order-7", metadata={"by": "me"}
    )

    answer = session.ask(question, output_type=Weather).answer()

    assert (answer.value, answer.turn, answer.requests) == (Weather("Oslo", 7), 2, 2)
    assert answer.correlation_id == "order-7"
    assert [message.metadata for message in session.history()[::2]] == [{"by": "me"}] * 2
    assert answer.usage == session.status().usage
    (correction,) = session.history()[2].content
    assert isinstance(correction, rc.Text)
    assert "Expected `int`, got `str` - at `$.degrees`" in correction.text


def test_a_misfit_of_a_temporary_turn_is_reported_with_the_question_and_the_answer(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(ECHO)
    question = rc.UserMessage(content=(rc.Text("How is the weather?"),), temporary=True)

    with pytest.raises(OutputMismatch) as caught:
        session.ask(question, output_type=Weather).answer()

    assert caught.value.answer.startswith(
        "How is the weather?You answered:\nHow is the weather?Your answer does not fit"
    )
    assert session.history() == ()


def test_a_retry_keeps_the_type_of_the_turn_that_failed(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Fail("authentication_failed"),), (Say(OSLO),), (Say("Rain."),)))
    with pytest.raises(TurnFailed):
        session.ask("How is the weather?", output_type=Weather).answer()

    answer = session.retry().answer()

    assert isinstance(answer, TypedAnswer)
    assert answer.value == Weather("Oslo", 7)
    assert type(session.ask("And in words?").answer()) is rc.runtime.FinalAnswer


def test_another_handle_names_the_type_of_a_retry(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Fail("authentication_failed"),), (Say(OSLO),)))
    with pytest.raises(TurnFailed):
        session.ask("How is the weather?", output_type=Weather).answer()

    assert runtime.session(session.id).retry(output_type=Weather).answer().value == Weather("Oslo", 7)


def test_a_second_misfit_fails_with_the_answer(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say("Rain."),), (Say(COLD),), (Say(OSLO),)))

    with pytest.raises(OutputMismatch, match=r"does not fit the type: Expected `int`") as raised:
        session.ask("How is the weather?", output_type=Weather).answer()

    assert raised.value.answer == pickle.loads(pickle.dumps(raised.value)).answer == COLD
    assert session.status().turns == 2


def test_a_refusal_is_not_asked_for_again(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say("I can't."), Stop(StopReason.REFUSAL))))

    with pytest.raises(OutputMismatch, match="the model did not answer") as raised:
        session.ask("How is the weather?", output_type=Weather).answer()

    assert (raised.value.answer, session.status().turns) == ("I can't.", 1)


def test_a_turn_that_ends_after_its_last_step_is_not_asked_for_again(runtime: blocking.Runtime) -> None:
    config = scripted((Call("look", {}),), (Say(OSLO),))
    session = runtime.spawn(msgspec.structs.replace(config, max_steps=1))

    with pytest.raises(OutputMismatch, match=r"did not answer \(max_steps\)"):
        session.ask("How is the weather?", output_type=Weather).answer(lambda use: "nothing yet")

    assert session.retry(output_type=Weather).answer().value == Weather("Oslo", 7)
    assert session.status().turns == 2


def test_an_answer_that_the_output_limit_cut_off_is_a_misfit(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say(OSLO), Stop(StopReason.MAX_TOKENS)), (Say(OSLO),)))

    assert session.ask("How is the weather?", output_type=Weather).answer().turn == 2


def test_a_type_without_a_schema_is_rejected_before_anything_is_sent(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Say(OSLO),)))

    with pytest.raises(InvalidConfig, match="output_type"):
        session.ask("How is the weather?", output_type=object)

    assert session.status().turns == 0


@pytest.mark.parametrize("fits_schemas", [True, False])
def test_a_model_without_schemas_gets_it_in_words(
    runner: asyncio.Runner, async_runtime: rc.Runtime, fits_schemas: bool
) -> None:
    async def respond(exchange: Exchange) -> None:
        text = chunk(msgspec.json.encode({"content": OSLO}).decode(), '"stop"')
        await exchange.send_answer(f"data: {text}\n\ndata: {DONE}\n\n".encode())

    async def main() -> dict[str, Any]:
        async with Loopback(respond) as server:
            facts = ModelFacts(fits_schemas=fits_schemas)
            provider = rc.OpenAI(model="gpt-4o", api_key="k", base_url=f"{server.url}/v1", api="chat", facts=facts)
            async with await async_runtime.spawn(rc.SessionConfig(provider=provider)) as session:
                answer = await session.ask("How is the weather?", output_type=Weather)
            assert answer.value == Weather("Oslo", 7)
            (request,) = server.received
            return msgspec.json.decode(request.body, type=dict[str, Any])

    body = runner.run(main())

    assert ("response_format" in body) is fits_schemas
    assert ("JSON Schema" in str(body["messages"])) is not fits_schemas
