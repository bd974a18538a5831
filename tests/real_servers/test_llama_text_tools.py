"""A session that uses tools as text, whose model writes what a grammar leaves it: real tokens, cut as they are."""

import asyncio

from fixtures.session import running_session
from servers.llama import Llama, chat

import rayconteur as rc
from rayconteur.providers.schema.stop_reasons import StopReason

MEASURE = rc.Tool(
    name="measure",
    input_schema={
        "type": "object",
        "properties": {"place": {"type": "string"}, "hours": {"type": "array", "items": {"type": "integer"}}},
        "required": ["place", "hours"],
    },
)
GRAMMAR = r"""
root ::= "I measure.\n" start "<parameter name=\"place\">" place end "<parameter name=\"hours\">[" hour "]" end "</tool_use>"
start ::= "<tool_use name=\"measure\">\n"
place ::= "Oslo" | "Bergen & Voss"
hour ::= [0-9] | "12, 18"
end ::= "</parameter>\n"
"""  # noqa: E501


def test_a_model_uses_a_tool_in_its_text(llama: Llama) -> None:
    async def main() -> None:
        provider = chat(llama.url, extra_body={"grammar": GRAMMAR})
        config = rc.SessionConfig(provider=provider, tools=(MEASURE,), tool_protocol="text", max_steps=1)
        async with running_session(config) as session:
            session.ask("How cold is it?")
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            [use] = batch.uses
            assert use.input["place"] in ("Oslo", "Bergen & Voss")
            assert use.input["hours"] in [[12, 18], *([hour] for hour in range(10))]
            session.tell(rc.ToolResults(results=(rc.ToolResult(tool_use_id=use.id),)))
            end = await session.wait_for_end(1)

        assert isinstance(end, rc.Completed)
        assert end.stop_reason is StopReason.MAX_STEPS
        assert session.text() == "I measure."

    asyncio.run(main())
