"""Final answers, and the text of an answer as it comes."""

import msgspec
from fixtures.rejections import rejected, scripted

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import ToolsWaiting, TurnFailed
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime import StepCompleted
from rayconteur.runtime.driver.answers.final_answer import AnswerParts
from rayconteur.scripted import Call, Fail, Say

LOOKS = scripted((Say("Let me look. "), Call("look", {"at": 1}, id="a"), Call("look", id="b")), (Say("Two ravens."),))
REPEATED = msgspec.structs.replace(
    scripted((Say("One and"), Fail()), (Say("One. "), Say("Two."))),
    retry=rc.RetryPolicy(first_delay_s=0, after_output=True),
)


def test_a_final_answer_has_the_tool_calls_the_message_id_and_the_duration_of_its_turn(
    runtime: blocking.Runtime,
) -> None:
    session = runtime.spawn(LOOKS)

    question = rc.UserMessage(content=(rc.Text("look"),), correlation_id="order-7")

    answer = session.ask(question).answer(lambda use: f"seen {use.id}")

    assert (answer.text, answer.correlation_id) == ("Two ravens.", "order-7")
    assert [step.correlation_id for step in answer.steps] == ["order-7", "order-7"]
    assert answer.tool_calls == (rc.ToolUse("a", "look", {"at": 1}), rc.ToolUse("b", "look", {}))
    assert answer.message_id
    assert 0 < answer.duration_s < 60


def test_the_text_of_an_answer_is_read_as_it_comes(runtime: blocking.Runtime) -> None:
    parts = list(runtime.spawn(REPEATED).ask("count").text_stream())

    assert "".join(parts) == "One andOne. Two."


def test_the_text_so_far_has_nothing_of_a_request_that_was_repeated(runtime: blocking.Runtime) -> None:
    texts = list(runtime.spawn(REPEATED).ask("count").cumulative())

    assert texts[0].startswith("One")
    assert texts[-1] == "One. Two."


def test_a_text_that_ends_early_raises_what_an_answer_does(runtime: blocking.Runtime) -> None:
    looking, failing = runtime.spawn(LOOKS), runtime.spawn(scripted((Say("One"), Fail("invalid_request"))))

    with rejected(ToolsWaiting, "look"):
        list(looking.ask("look").text_stream())
    with rejected(TurnFailed):
        list(failing.ask("count").cumulative())


def test_each_step_of_an_answer_has_its_time_and_how_long_it_took() -> None:
    parts = AnswerParts()
    step = StepCompleted(
        turn=1, number=1, text="", uses=(), results=(), stop_reason=StopReason.TOOL_USE, usage=rc.Usage(), at=12.0
    )
    completed = rc.Completed(
        turn=1, stop_reason=StopReason.END_TURN, raw_stop_reason=None, usage=rc.Usage(), requests=2, at=15.0
    )

    for event in (rc.TurnStarted(turn=1, at=10.0), step):
        parts.add(event)

    assert [(each.at, each.duration_s) for each in parts.answer(completed).steps] == [(12.0, None), (15.0, 3.0)]
