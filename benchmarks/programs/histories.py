"""Histories that benchmarks send and compact."""

import rayconteur as rc
from rayconteur.compaction import CompactionJob, Estimator, SideRequest
from rayconteur.providers import Answer, Block, Role, StopReason

TEXT = "They hide food, remember where, and hide it again if another raven was watching. " * 5
"""400 characters."""

_THINKING = rc.Thinking(text=TEXT, provider="anthropic", signature="c2ln")
_IMAGE = rc.Image(url="https://example.org/raven.png")
_SUMMARY = Answer(
    message_id="m",
    model="scripted",
    content=(rc.Text(TEXT),),
    stop_reason=StopReason.END_TURN,
    raw_stop_reason=None,
    usage=rc.Usage(),
)


def plain_history(messages: int) -> list[rc.Message]:
    """Questions and answers of 400 characters."""
    return [
        rc.Message(role=role, content=(rc.Text(f"{turn} {TEXT}"),), turn=turn)
        for turn in range(1, messages // 2 + 1)
        for role in (Role.USER, Role.ASSISTANT)
    ]


def chat_history(messages: int) -> list[rc.Message]:
    """Questions and answers of 400 characters; every tenth answer uses a tool."""
    return [message for turn in range(1, messages // 2 + 1) for message in _chat_turn(turn)]


def _chat_turn(turn: int) -> tuple[rc.Message, rc.Message]:
    question: tuple[Block, ...] = (rc.Text(TEXT),)
    answer: tuple[Block, ...] = (rc.Text(TEXT),)
    if turn % 10 == 0:
        answer = (*answer, rc.ToolUse(f"call-{turn}", "look", {"where": "roof", "how often": turn}))
    if turn % 10 == 1 and turn > 1:
        question = (rc.ToolResult(f"call-{turn - 1}", (rc.Text("three ravens, one watching"),)), *question)
    return (
        rc.Message(role=Role.USER, content=question, turn=turn),
        rc.Message(role=Role.ASSISTANT, content=answer, turn=turn),
    )


def agent_history(messages: int) -> list[rc.Message]:
    """Turns of four messages of 400 characters: a question, thinking and a tool use, its result, an answer."""
    return [message for turn in range(1, messages // 4 + 1) for message in _agent_turn(turn)]


def _agent_turn(turn: int) -> list[rc.Message]:
    use = rc.ToolUse(f"call-{turn}", "look", {"where": "roof", "how often": turn})
    result = rc.ToolResult(use.id, (rc.Text(f"{turn} {TEXT}"),), compact_summary=f"{turn} ravens")
    contents: list[tuple[Role, tuple[Block, ...]]] = [
        (Role.USER, (rc.Text(f"{turn} {TEXT}"), *([_IMAGE] if turn % 10 == 0 else []))),
        (Role.ASSISTANT, (_THINKING, use)),
        (Role.USER, (result,)),
        (Role.ASSISTANT, (rc.Text(f"{turn} {TEXT}"),)),
    ]
    return [rc.Message(role=role, content=content, turn=turn) for role, content in contents]


def unreachable_budget(messages: list[rc.Message]) -> CompactionJob:
    """Compact *messages* to one token, so that no strategy can stop before its end. The model answers at once."""
    return CompactionJob(
        messages=messages,
        budget_tokens=1,
        count_tokens=Estimator("anthropic").tokens,
        send=_summarize,
        window_tokens=1_000_000,
    )


async def _summarize(request: SideRequest) -> Answer:
    del request
    return _SUMMARY
