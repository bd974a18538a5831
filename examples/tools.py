"""Run a model's tools in the driver: by sending results for each event, and by passing a function to ``answer``.

python examples/tools.py
"""

import asyncio

import rayconteur as rc

WEATHER = rc.Tool(
    name="weather",
    description="The weather in a town.",
    input_schema={"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
)
# The scripted model calls the tool for two towns at once, and answers when it has both results.
SCRIPT = rc.scripted.Script(
    answers=(
        (
            rc.scripted.Say("Let me look. "),
            rc.scripted.Call("weather", {"town": "Oslo"}),
            rc.scripted.Call("weather", {"town": "Rome"}),
        ),
        (rc.scripted.Say("Rain in Oslo, sun in Rome."),),
    )
)
CONFIG = rc.SessionConfig(provider=rc.Scripted(script=SCRIPT), tools=(WEATHER,))
QUESTION = "How is the weather in Oslo and in Rome?"


async def run_weather(use: rc.ToolUse) -> str:
    return {"Oslo": "rain", "Rome": "sun"}[str(use.input["town"])]


async def answer_event_by_event(session: rc.SessionHandle) -> None:
    async for event in session.ask(QUESTION):
        match event:
            case rc.TextChunk(text=text):
                print(text, end="", flush=True)
            case rc.ToolBatch(uses=uses):
                for use in uses:  # in any order; the model continues when it has all results
                    result = rc.ToolResult(use.id, (rc.Text(await run_weather(use)),))
                    await session.send(rc.ToolResults(results=(result,)))
                    print(f"[{use.name} {use.input['town']}] ", end="")
            case _:
                pass
    print()


async def main() -> None:
    async with rc.Runtime(placement=rc.Packed()) as runtime:
        await answer_event_by_event(await runtime.spawn(CONFIG))
        session = await runtime.spawn(CONFIG)
        answer = await session.ask(QUESTION).answer(run_tool=run_weather)
        print(f"{answer.text} ({answer.requests} requests)")


if __name__ == "__main__":
    asyncio.run(main())
