"""``run_tool`` gets input that fits the schema of the tool."""

import asyncio

from fixtures import virtual_time

import rayconteur as rc
from rayconteur.runtime.api.messages import Receipt, ToLLM, ToolResults
from rayconteur.runtime.driver.calls.abandoned_turns import AbandonedTurns
from rayconteur.runtime.driver.calls.tool_runs import SessionTools, ToolLimits, TurnTools

SCHEMA = {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]}
USES = (rc.ToolUse("fits", "count", {"kind": "raven"}), rc.ToolUse("misfit", "count", {"kind": 2}))


class Mailbox:
    """A session that takes messages at once, and keeps the results of tools."""

    id = "raven"

    def __init__(self, tools: SessionTools) -> None:
        self.tools = tools
        self.results: dict[str, rc.ToolResult] = {}

    async def send(self, message: ToLLM) -> Receipt:
        if isinstance(message, ToolResults):
            self.results |= {result.tool_use_id: result for result in message.results}
        return Receipt(seq=1, turn=None)


def play(tools: SessionTools) -> tuple[list[str], dict[str, rc.ToolResult]]:
    """The uses that ``run_tool`` is called with, and the results of all."""
    ran: list[str] = []

    async def main() -> dict[str, rc.ToolResult]:
        session = Mailbox(tools)
        turn = TurnTools(session, ToolLimits(1, 30.0, 1_000), AbandonedTurns())
        turn.run_tool = lambda use: ran.append(use.id)
        turn.start(rc.ToolBatch(turn=1, uses=USES, step=1), required=True)
        await asyncio.sleep(1)
        return session.results

    return ran, virtual_time.run(main())


def test_run_tool_is_not_called_with_input_that_does_not_fit_and_the_model_is_told_why() -> None:
    ran, results = play(SessionTools.of((rc.Tool(name="count", input_schema=SCHEMA),)))

    assert ran == ["fits"]
    assert not results["fits"].is_error
    assert results["misfit"].is_error
    assert "2 is not of type 'string' - at `$.kind`. Nothing was run." in str(results["misfit"].content)


def test_input_is_not_checked_if_the_tools_of_the_session_are_not_known_here() -> None:
    ran, _ = play(SessionTools())

    assert ran == ["fits", "misfit"]
