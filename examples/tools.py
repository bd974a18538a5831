"""Answer a model's tool uses in the driver: by hand, event by event, and by giving ``answer`` a function.

python examples/tools.py
"""

import asyncio

import rayconteur as rc

WEATHER = rc.Tool(
    name="weather",
    description="The weather in a town.",
    input_schema={"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
)
# The scripted model asks for two towns at once, and talks about them when it has both.
SCRIPT = rc.scripted.Script(
    answers=(
        (
            rc.scripted.Say("I shall look. "),
            rc.scripted.Call("weather", {"town": "Oslo"}),
            rc.scripted.Call("weather", {"town": "Rome"}),
        ),
        (rc.scripted.Say("Rain in Oslo, sun in Rome."),),
    )
)
CONFIG = rc.SessionConfig(provider=rc.Scripted(script=SCRIPT), tools=(WEATHER,))


async def weather(use: rc.ToolUse) -> str:
    return {"Oslo": "rain", "Rome": "sun"}[str(use.input["town"])]


async def by_hand(session: rc.SessionHandle) -> None:
    async for event in session.ask("How is the weather in Oslo and in Rome?"):
        match event:
            case rc.TextChunk(text=text):
                print(text, end="", flush=True)
            case rc.ToolBatch(uses=uses):
                for use in uses:  # one after the other; the model goes on when it has them all
                    result = rc.ToolResult(use.id, (rc.Text(await weather(use)),))
                    await session.send(rc.ToolResults(results=(result,)))
                    print(f"[{use.name} {use.input['town']}] ", end="")
            case _:
                pass
    print()


async def main() -> None:
    async with rc.Runtime(placement=rc.Packed()) as runtime:
        await by_hand(await runtime.spawn(CONFIG))
        session = await runtime.spawn(CONFIG)
        answer = await session.ask("How is the weather in Oslo and in Rome?").answer(run_tool=weather)
        print(f"{answer.text} ({answer.requests} requests)")


if __name__ == "__main__":
    asyncio.run(main())
