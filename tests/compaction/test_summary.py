"""Summaries: what a model is asked, what becomes of its answer, and what is still there after many of them."""

import asyncio
import re

import pytest
from builders.compaction import LONG, assistant, compacted, size, step, turns, user
from builders.histories import USAGE, answer, tokens
from fixtures import virtual_time

from rayconteur.compaction.compact import shorten
from rayconteur.compaction.config import Layered, Summarize, Window
from rayconteur.compaction.task import Ask, Task
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import IncompleteAnswer, RateLimited
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role, StandsFor
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import NONE_YET, Provenance
from rayconteur.providers.scripted.config import Scripted

FACT = re.compile(r"FACT-\d+=[^\s.]+")


def said(ask: Ask) -> str:
    (message,) = ask.messages
    (block,) = message.content
    assert isinstance(block, Text)
    return block.text


async def keeps_facts(ask: Ask) -> Answer:
    """A model that keeps each fact that it is given, and nothing else."""
    return answer("\n".join(dict.fromkeys(FACT.findall(said(ask)))))


class Model:
    """Answers with *text*, and keeps what it was asked."""

    def __init__(self, text: str = "There were ravens.", stop_reason: StopReason = StopReason.END_TURN):
        self.asked: list[Ask] = []
        self._answer = answer(text, stop_reason)

    async def __call__(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        return self._answer


def test_a_summary_takes_the_place_of_old_turns_and_says_which() -> None:
    history, model = turns(10), Model()

    done = compacted(history, Summarize(keep_recent_turns=4), size(history) - 1, model)

    assert done.messages
    summary, *rest = done.messages
    assert rest == history[-8:]
    assert summary.role is Role.USER
    assert summary.turn == 6
    assert summary.stands_for == StandsFor(first_turn=1, last_turn=6, messages=12)
    assert summary.content[-1] == Text("There were ravens.")
    assert (done.report.summary_chars, done.report.usage) == (18, NONE_YET + USAGE)
    assert (done.report.turns_compacted, done.report.turns_kept) == (6, 4)


def test_the_model_is_given_all_that_was_said_and_used_as_text() -> None:
    history = [
        *[user(1, "Where are they?"), *step(1, "a", "on the roof"), *step(1, "b", LONG, "in the nest")],
        *[assistant(1, "There."), user(2, LONG)],
    ]
    model = Model()

    compacted(history, Summarize(keep_recent_turns=1, max_summary_tokens=50, prompt="Be a raven."), 1_000, model)

    (ask,) = model.asked
    assert (ask.system, ask.max_output_tokens, ask.provider) == ("Be a raven.", 50, None)
    for piece in (
        "[user]\nWhere are they?",
        'look]\n{"at":"roof"}',
        "on the roof",
        "in the nest",
        "There.",
        "30 words",
    ):
        assert piece in said(ask)
    assert LONG not in said(ask)


def test_an_earlier_summary_goes_into_the_next_one_and_is_told_as_such() -> None:
    config, model = Summarize(keep_recent_turns=1), Model("The nest is at 51.5, 0.1.")
    once = compacted(turns(3), config, 3_000, model).messages
    assert once

    twice = compacted([*once, *turns(6)[6:]], config, 3_000, model).messages

    assert twice
    assert "<earlier_summary>\nThe nest is at 51.5, 0.1.\n</earlier_summary>" in said(model.asked[-1])
    assert "All of it\nthat still holds must be in yours" in said(model.asked[-1])
    assert twice[0].stands_for == StandsFor(first_turn=1, last_turn=5, messages=10)
    assert len([message for message in twice if message.stands_for]) == 1


def test_facts_of_early_turns_are_there_after_ten_summaries() -> None:
    facts = [f"FACT-{number}=/srv/nest/{number * 7919}" for number in range(12)]
    history: list[Message] = []
    summaries = 0
    turn = 0

    while summaries < 10:
        turn += 1
        planted = f" {facts[turn - 1]} ." if turn <= len(facts) else ""
        history += [user(turn, LONG + planted), assistant(turn, LONG)]
        done = compacted(history, Layered(strategies=(Summarize(keep_recent_turns=2),)), 9_000, keeps_facts)
        if done.messages:
            summaries += 1
            history = list(done.messages)

    assert all(fact in repr(history) for fact in facts)
    assert history[0].stands_for
    assert history[0].stands_for.messages + len(history) - 1 == 2 * turn


def test_a_model_that_forgets_the_earlier_summary_does_not_lose_it() -> None:
    config = Summarize(keep_recent_turns=1)
    once = compacted(turns(3), config, 3_000, Model("The nest is at 51.5, 0.1. " * 4)).messages
    assert once

    twice = compacted([*once, *turns(6)[6:]], config, 3_000, Model("Fine.")).messages

    assert twice
    assert isinstance(text := twice[0].content[-1], Text)
    assert text.text.startswith("The nest is at 51.5, 0.1.")
    assert text.text.endswith("Fine.")


def test_a_model_that_forgets_too_much_to_keep_it_in_front_leaves_all_as_it_is() -> None:
    told = user(3, Text("[before]"), Text(LONG * 5))
    earlier = Message(
        role=told.role, content=told.content, turn=3, stands_for=StandsFor(first_turn=1, last_turn=3, messages=6)
    )

    done = compacted(
        [earlier, *turns(8)[6:]], Summarize(keep_recent_turns=1, max_summary_tokens=100), 3_000, Model("Fine.")
    )

    assert done.messages is None
    assert done.report.problem
    assert "left out what an earlier one says" in done.report.problem


def test_old_steps_of_the_running_turn_are_summed_up_where_old_turns_are_not_enough() -> None:
    running = [user(4, "look"), *step(4, "a"), *step(4, "b"), *step(4, "c")]
    model = Model()

    done = compacted([*turns(3), *running], Summarize(max_summary_tokens=100), 2_700, model)

    assert done.messages
    before, question, steps, *rest = done.messages
    assert (before.turn, steps.turn) == (3, 4)
    assert question is running[0]
    assert steps.stands_for == StandsFor(first_turn=4, last_turn=4, messages=2)
    assert rest == running[3:]
    assert len(model.asked) == 2
    assert done.report.usage == NONE_YET + USAGE + USAGE


def test_summaries_of_steps_go_into_that_of_their_turn() -> None:
    running = [user(1, "look"), *step(1, "a"), *step(1, "b"), *step(1, "c")]
    once = compacted(running, Summarize(max_summary_tokens=100), 2_500, Model()).messages
    assert once

    later = compacted([*once, *turns(4)[2:]], Summarize(keep_recent_turns=1), 3_000, Model()).messages

    assert later
    assert later[0].stands_for == StandsFor(first_turn=1, last_turn=3, messages=11)


def test_what_one_request_cannot_hold_is_summed_up_in_several() -> None:
    facts = [f"FACT-{number}={number}" for number in range(40)]
    history = [
        message
        for turn, fact in enumerate(facts, 1)
        for message in (user(turn, f"{fact} {LONG}"), assistant(turn, "ok"))
    ]
    small = Scripted(facts=ModelFacts(context_limit_tokens=10_000))
    asked: list[Ask] = []

    async def ask(one: Ask) -> Answer:
        asked.append(one)
        return await keeps_facts(one)

    config = Summarize(keep_recent_turns=1, max_summary_tokens=1_000, provider=small)
    done = compacted(history, config, 5_000, ask)

    assert len(asked) > 4
    assert all(one.provider is small and sum(map(tokens, one.messages)) < 10_000 for one in asked)
    assert done.messages
    assert all(fact in repr(done.messages) for fact in facts)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (Model(""), "wrote no summary"),
        (Model("I can't", StopReason.REFUSAL), "wrote no summary (refusal)"),
        (Model("It all began", StopReason.MAX_TOKENS), "did not fit into 2,048 tokens"),
    ],
)
def test_an_answer_that_is_no_summary_changes_nothing(model: Model, problem: str) -> None:
    done = compacted(turns(10), Summarize(), 1_000, model)

    assert done.messages is None
    assert done.report.problem
    assert problem in done.report.problem
    assert done.report.usage == NONE_YET + USAGE, "it was paid for"


def test_a_summary_that_is_no_shorter_is_not_taken() -> None:
    done = compacted([user(1, "Hi"), assistant(1, "Hi."), user(2, LONG)], Summarize(keep_recent_turns=1), 10)

    assert done.messages is None
    assert done.report.summary_chars == 0


def test_a_request_that_fails_changes_nothing() -> None:
    async def fails(ask: Ask) -> Answer:
        raise RateLimited(f"not {len(ask.messages)} more")

    done = compacted(turns(10), Summarize(), 1_000, fails)

    assert done.messages is None
    assert done.report.usage == NONE_YET


def test_an_answer_that_breaks_off_is_paid_for_by_estimate() -> None:
    async def breaks_off(ask: Ask) -> Answer:
        del ask
        raise IncompleteAnswer("the line is dead")

    usage = compacted(turns(10), Summarize(), 1_000, breaks_off).report.usage

    assert (usage.input.tokens or 0) > 1_000
    assert usage.input.provenance is Provenance.ESTIMATED
    assert usage.output.provenance is Provenance.UNAVAILABLE


async def says_nothing(ask: Ask) -> Answer:
    del ask
    await asyncio.Event().wait()
    raise AssertionError


def waiting(config: Summarize | Layered) -> Task:
    del config
    return Task(messages=turns(10), budget_tokens=8_000, tokens=tokens, ask=says_nothing)


def test_a_model_that_says_nothing_is_given_up_in_time_and_the_next_layer_goes_on() -> None:
    config = Layered(strategies=(Summarize(timeout_s=5), Window(keep_recent_turns=3)))

    async def main() -> tuple[Message, ...] | None:
        begun_at = asyncio.get_running_loop().time()
        done = await shorten(waiting(config), config)
        assert asyncio.get_running_loop().time() - begun_at == 5
        assert done.report.problem == "summarize: the summary was not there after 5 s"
        assert done.report.usage.input.provenance is Provenance.ESTIMATED
        return done.messages

    assert virtual_time.run(main()) == tuple(turns(10)[-6:])


def test_an_interrupt_is_not_swallowed() -> None:
    async def main() -> None:
        task = asyncio.create_task(shorten(waiting(Summarize()), Layered()))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    virtual_time.run(main())
