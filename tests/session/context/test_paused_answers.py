"""Answers that Anthropic pauses between steps of its own tools, through its SDK.

No recorded exchange has one. The events are those of the documentation:
https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons#pause-turn.
"""

import asyncio

import msgspec
import pytest
from builders.anthropic import START, STOP, events
from fixtures.session import SessionFixture, running_session
from servers.loopback import Loopback, answers, in_turn

import rayconteur as rc
from rayconteur.providers import StopReason
from rayconteur.runtime import Continue

SEARCH = '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"ravens"}}'
FOUND = '{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}'


def answer(stop: str, *blocks: str) -> bytes:
    content = [
        event
        for index, block in enumerate(blocks)
        for event in (
            f'{{"type":"content_block_start","index":{index},"content_block":{block}}}',
            f'{{"type":"content_block_stop","index":{index}}}',
        )
    ]
    end = f'{{"type":"message_delta","delta":{{"stop_reason":"{stop}"}},"usage":{{"output_tokens":9}}}}'
    return events(START, *content, end, STOP)


PAUSED = answer("pause_turn", SEARCH, FOUND)
REST = answer("end_turn", '{"type":"text","text":"They hide food."}')


@pytest.mark.parametrize("auto_continue", [0, 1])
def test_a_paused_answer_is_sent_back_as_it_is_and_becomes_one_answer(auto_continue: int) -> None:
    async def main() -> None:
        async with Loopback(in_turn(answers(PAUSED), answers(REST))) as server:
            provider = rc.Anthropic(model="claude-sonnet-4-5", api_key="k", base_url=server.url)
            config = rc.SessionConfig(provider=provider, auto_continue=auto_continue)
            async with running_session(config) as session:
                end = await end_of_answer(session, auto_continue)

                assert (end.stop_reason, end.usage.output.tokens) == (StopReason.END_TURN, 18 if auto_continue else 9)
                _, joined = session.history()
                assert [type(block).__name__ for block in joined.content] == ["Opaque", "Opaque", "Text"]
                sent = msgspec.json.decode(server.received[1].body)["messages"]
                assert [message["role"] for message in sent] == ["user", "assistant"]
                assert sent[1]["content"] == [msgspec.json.decode(SEARCH), msgspec.json.decode(FOUND)]

    asyncio.run(main())


TEXT = '{"type":"text","text":"I look."}'
THOUGHT = '{"type":"thinking","thinking":"Hm.","signature":"s"}'
CUT_OFF = SEARCH.replace('{"query":"ravens"}', "{}")


@pytest.mark.parametrize(
    ("blocks", "sent_back"),
    [
        ([SEARCH], [SEARCH]),
        ([TEXT, SEARCH], [TEXT, SEARCH]),
        ([THOUGHT, SEARCH], [THOUGHT, SEARCH]),
        ([TEXT, CUT_OFF], [TEXT]),
    ],
    ids=["alone", "after text", "after thinking", "cut off"],
)
def test_a_tool_of_anthropic_s_that_has_not_run_yet_goes_back_to_it(blocks: list[str], sent_back: list[str]) -> None:
    async def main() -> None:
        paused, rest = answer("pause_turn", *blocks), answer("end_turn", FOUND, TEXT)
        async with Loopback(in_turn(answers(paused), answers(rest), answers(REST))) as server:
            provider = rc.Anthropic(model="claude-sonnet-4-5", api_key="k", base_url=server.url)
            config = rc.SessionConfig(provider=provider, auto_continue=1, prompt_caching=False)
            async with running_session(config) as session:
                await session.wait_for_end(session.ask("What do ravens do?"))
                await session.wait_for_end(session.ask("And then?"))

                _, continued, next_turn = (msgspec.json.decode(each.body)["messages"] for each in server.received)
                assert continued[1]["content"] == [msgspec.json.decode(block) for block in sent_back]
                whole = [msgspec.json.decode(block) for block in (*blocks, FOUND, TEXT)]
                assert next_turn[1]["content"] == whole

    asyncio.run(main())


async def end_of_answer(session: SessionFixture, auto_continue: int) -> rc.Completed:
    """The end of the turn in which the answer is completed: the first one, or the one of ``Continue``."""
    end = await session.wait_for_end(session.ask("What do ravens do?"))
    if not auto_continue:
        assert isinstance(end, rc.Completed)
        assert end.stop_reason is StopReason.PAUSED
        turn = session.tell(Continue()).turn
        assert turn is not None
        end = await session.wait_for_end(turn)
    assert isinstance(end, rc.Completed)
    return end
