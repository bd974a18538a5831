"""Summaries: what the model is sent, how its answer is used, and which facts survive many summaries."""

import asyncio
import re

import msgspec
import pytest
from builders.compaction import LONG, assistant, compacted, step, total_tokens, turns, user
from builders.histories import USAGE, answer, count_tokens
from fixtures import virtual_time

from rayconteur.compaction import CompactionJob, Layered, SideRequest, Summarize, Window, compact
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import IncompleteAnswer, RateLimited
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role, StandsFor
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import NONE_YET, Provenance
from rayconteur.providers.scripted.config import Scripted

FACT = re.compile(r"FACT-\d+=[^\s.]+")


def prompt_text(request: SideRequest) -> str:
    (message,) = request.messages
    (block,) = message.content
    assert isinstance(block, Text)
    return block.text


async def summarize_facts(request: SideRequest) -> Answer:
    """A model whose summary is every fact in the conversation, and nothing else."""
    return answer("\n".join(dict.fromkeys(FACT.findall(prompt_text(request)))))


class Model:
    """Answers every request with *text*, and keeps the requests."""

    def __init__(self, text: str = "There were ravens.", stop_reason: StopReason = StopReason.END_TURN):
        self.requests: list[SideRequest] = []
        self._answer = answer(text, stop_reason)

    async def __call__(self, request: SideRequest) -> Answer:
        self.requests.append(request)
        return self._answer


def test_a_summary_replaces_old_turns_and_records_which() -> None:
    history, model = turns(10), Model()

    result = compacted(history, Summarize(keep_recent_turns=4), total_tokens(history) - 1, model)

    assert result.messages
    summary, *rest = result.messages
    assert rest == history[-8:]
    assert summary.role is Role.USER
    assert summary.turn == 6
    assert summary.stands_for == StandsFor(first_turn=1, last_turn=6, messages=12)
    assert summary.content[-1] == Text("There were ravens.")
    assert (result.report.summary_chars, result.report.usage) == (18, NONE_YET + USAGE)
    assert (result.report.turns_compacted, result.report.turns_kept) == (6, 4)


def test_the_model_is_sent_text_and_tool_uses_as_a_transcript() -> None:
    history = [
        *[user(1, "Where are they?"), *step(1, "a", "on the roof"), *step(1, "b", LONG, "in the nest")],
        *[assistant(1, "There."), user(2, LONG)],
    ]
    model = Model()

    compacted(history, Summarize(keep_recent_turns=1, max_summary_tokens=50, prompt="Be a raven."), 1_000, model)

    (request,) = model.requests
    assert "All of it\nthat still holds" not in prompt_text(request)
    assert (request.system, request.max_output_tokens, request.provider) == ("Be a raven.", 50, None)
    for piece in (
        "[user]\nWhere are they?",
        'look]\n{"at":"roof"}',
        "on the roof",
        "in the nest",
        "There.",
        "30 words",
    ):
        assert piece in prompt_text(request)
    assert LONG not in prompt_text(request)


def test_an_earlier_summary_is_marked_as_such_and_becomes_part_of_the_next_one() -> None:
    config, model = Summarize(keep_recent_turns=1), Model("The nest is at 51.5, 0.1.")
    once = compacted(turns(3), config, 3_000, model).messages
    assert once

    twice = compacted([*once, *turns(6)[6:]], config, 3_000, model).messages

    assert twice
    assert "<earlier_summary>\nThe nest is at 51.5, 0.1.\n</earlier_summary>" in prompt_text(model.requests[-1])
    assert "All of it\nthat still holds must be in yours" in prompt_text(model.requests[-1])
    assert twice[0].stands_for == StandsFor(first_turn=1, last_turn=5, messages=10)
    assert len([message for message in twice if message.stands_for]) == 1


def test_facts_of_early_turns_survive_ten_summaries() -> None:
    facts = [f"FACT-{number}=/srv/nest/{number * 7919}" for number in range(12)]
    history: list[Message] = []
    summaries = 0
    turn = 0

    while summaries < 10:
        turn += 1
        fact = f" {facts[turn - 1]} ." if turn <= len(facts) else ""
        history += [user(turn, LONG + fact), assistant(turn, LONG)]
        result = compacted(history, Layered(strategies=(Summarize(keep_recent_turns=2),)), 9_000, summarize_facts)
        if result.messages:
            summaries += 1
            history = list(result.messages)

    assert all(fact in _json(history) for fact in facts)
    assert history[0].stands_for
    assert history[0].stands_for.messages + len(history) - 1 == 2 * turn


def test_an_earlier_summary_is_kept_if_the_new_one_is_much_shorter() -> None:
    config = Summarize(keep_recent_turns=1)
    once = compacted(turns(3), config, 3_000, Model("The nest is at 51.5, 0.1. " * 4)).messages
    assert once

    twice = compacted([*once, *turns(6)[6:]], config, 3_000, Model("Fine.")).messages

    assert twice
    assert isinstance(text := twice[0].content[-1], Text)
    assert text.text.startswith("The nest is at 51.5, 0.1.")
    assert text.text.endswith("Fine.")


@pytest.mark.parametrize(("names", "lost"), [("Munin, Tower 7", False), ("Munin", True)])
def test_an_earlier_summary_is_kept_if_the_new_one_has_less_than_half_of_its_names_and_numbers(
    names: str, lost: bool
) -> None:
    earlier, later = "Corvin keeps Munin at Tower 7, gate 12.", f"A story of {names}, who hides food and remembers."
    config = Summarize(keep_recent_turns=1)
    once = compacted(turns(3), config, 3_000, Model(earlier)).messages
    assert once

    twice = compacted([*once, *turns(6)[6:]], config, 3_000, Model(later)).messages

    assert twice
    assert isinstance(text := twice[0].content[-1], Text)
    assert text.text == (f"{earlier}\n\n{later}" if lost else later)


def test_nothing_changes_if_the_earlier_summary_is_too_long_to_be_kept() -> None:
    message = user(3, Text("[before]"), Text(LONG * 5))
    earlier = Message(
        role=message.role, content=message.content, turn=3, stands_for=StandsFor(first_turn=1, last_turn=3, messages=6)
    )

    result = compacted(
        [earlier, *turns(8)[6:]], Summarize(keep_recent_turns=1, max_summary_tokens=100), 3_000, Model("Fine.")
    )

    assert result.messages is None
    assert result.report.problem
    assert "leaves out what an earlier summary says" in result.report.problem


def test_old_steps_of_the_running_turn_are_summarized_if_old_turns_are_not_enough() -> None:
    running = [user(4, "look"), *step(4, "a"), *step(4, "b"), *step(4, "c")]
    model = Model()

    result = compacted([*turns(3), *running], Summarize(max_summary_tokens=100), 2_700, model)

    assert result.messages
    turns_summary, user_message, steps_summary, *rest = result.messages
    assert (turns_summary.turn, steps_summary.turn) == (3, 4)
    assert user_message is running[0]
    assert steps_summary.stands_for == StandsFor(first_turn=4, last_turn=4, messages=2)
    assert rest == running[3:]
    assert len(model.requests) == 2
    assert result.report.usage == NONE_YET + USAGE + USAGE


def test_as_many_old_steps_are_summarized_at_once_as_a_long_user_message_leaves_room_for() -> None:
    running = [user(1, LONG), *step(1, "a"), *step(1, "b"), *step(1, "c")]
    model = Model()

    result = compacted(running, Summarize(max_summary_tokens=100), total_tokens(running) - 1_000, model)

    assert result.messages
    assert len(model.requests) == 1
    assert result.messages[1].stands_for == StandsFor(first_turn=1, last_turn=1, messages=4)


def test_a_summary_of_steps_becomes_part_of_the_summary_of_its_turn() -> None:
    running = [user(1, "look"), *step(1, "a"), *step(1, "b"), *step(1, "c")]
    once = compacted(running, Summarize(max_summary_tokens=100), 2_500, Model()).messages
    assert once

    later = compacted([*once, *turns(4)[2:]], Summarize(keep_recent_turns=1), 3_000, Model()).messages

    assert later
    assert later[0].stands_for == StandsFor(first_turn=1, last_turn=3, messages=11)


def test_a_history_too_long_for_one_request_is_summarized_in_several() -> None:
    facts = [f"FACT-{number}={number}" for number in range(40)]
    history = [
        message
        for turn, fact in enumerate(facts, 1)
        for message in (user(turn, f"{fact} {LONG}"), assistant(turn, "ok"))
    ]
    small = Scripted(facts=ModelFacts(context_limit_tokens=10_000))
    requests: list[SideRequest] = []

    async def send(request: SideRequest) -> Answer:
        requests.append(request)
        return await summarize_facts(request)

    config = Summarize(keep_recent_turns=1, max_summary_tokens=1_000, provider=small)
    result = compacted(history, config, 5_000, send)

    assert len(requests) > 4
    assert all(request.provider is small for request in requests)
    assert all(sum(map(count_tokens, request.messages)) < 10_000 for request in requests)
    assert result.messages
    assert all(fact in _json(result.messages) for fact in facts)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (Model(""), "wrote no summary"),
        (Model("I can't", StopReason.REFUSAL), "wrote no summary (refusal)"),
        (Model("It all began", StopReason.MAX_TOKENS), "did not fit into 2,048 tokens"),
    ],
)
def test_an_unusable_answer_changes_nothing_and_is_accounted_for(model: Model, problem: str) -> None:
    result = compacted(turns(10), Summarize(), 1_000, model)

    assert result.messages is None
    assert result.report.problem
    assert problem in result.report.problem
    assert result.report.usage == NONE_YET + USAGE + USAGE + USAGE


def test_a_summary_that_is_not_shorter_is_discarded() -> None:
    result = compacted([user(1, "Hi"), assistant(1, "Hi."), user(2, LONG)], Summarize(keep_recent_turns=1), 10)

    assert result.messages is None
    assert result.report.summary_chars == 0


def test_a_failed_request_changes_nothing() -> None:
    async def fail(request: SideRequest) -> Answer:
        raise RateLimited(f"not {len(request.messages)} more")

    result = compacted(turns(10), Summarize(), 1_000, fail)

    assert result.messages is None
    assert result.report.usage == NONE_YET


def test_the_cost_of_an_answer_that_breaks_off_is_estimated() -> None:
    async def break_off(request: SideRequest) -> Answer:
        del request
        raise IncompleteAnswer("the line is dead")

    usage = compacted(turns(10), Summarize(), 1_000, break_off).report.usage

    assert (usage.input.tokens or 0) > 1_000
    assert usage.input.provenance is Provenance.ESTIMATED
    assert usage.output.provenance is Provenance.UNAVAILABLE


async def never_answer(request: SideRequest) -> Answer:
    del request
    await asyncio.Event().wait()
    raise AssertionError


def stalled_job() -> CompactionJob:
    """A job whose model never answers."""
    return CompactionJob(messages=turns(10), budget_tokens=8_000, count_tokens=count_tokens, send=never_answer)


def test_a_model_that_does_not_answer_times_out_and_the_next_strategy_runs() -> None:
    config = Layered(strategies=(Summarize(timeout_s=5), Window(keep_recent_turns=3)))

    async def main() -> tuple[Message, ...] | None:
        started_at = asyncio.get_running_loop().time()
        result = await compact(stalled_job(), config)
        assert asyncio.get_running_loop().time() - started_at == 5
        assert result.report.problem == "summarize: the summary took longer than 5 s"
        assert result.report.usage.input.provenance is Provenance.ESTIMATED
        return result.messages

    assert virtual_time.run(main()) == tuple(turns(10)[-6:])


def test_cancellation_propagates() -> None:
    async def main() -> None:
        task = asyncio.create_task(compact(stalled_job(), Layered()))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    virtual_time.run(main())


def _json(value: object) -> str:
    """All of *value*: a repr is cut."""
    return msgspec.json.encode(value).decode()
