"""Approval from a second program: a tool that sends mails waits until somebody has read what it would send.

The first program asks, and waits for the answer. The second attaches to its session, approves one mail with another
address, and denies the other one.

python examples/approval.py
"""

import asyncio
import sys
from typing import cast

import ray

import rayconteur as rc

OPTIONS = rc.RuntimeOptions(namespace="mails", num_cpus=2)
SESSION = "muninn"
MAILS = rc.scripted.Script(
    answers=(
        (
            rc.scripted.Call("send_mail", {"to": "Ada", "text": "Rain!"}, id="to-ada"),
            rc.scripted.Call("send_mail", {"to": "everybody", "text": "Rain!"}, id="to-all"),
        ),
        (rc.scripted.Say("Ada knows. I did not write to the others."),),
    )
)


@rc.tool(approve="always")
async def send_mail(to: str, text: str) -> str:
    """Send a mail."""
    print(f"first program: a mail to {to}: {text}", flush=True)
    return "sent"


async def ask() -> None:
    """The first program."""
    async with rc.Runtime(options=OPTIONS) as runtime:
        config = rc.SessionConfig(provider=rc.Scripted(script=MAILS), tools=(send_mail,))
        session = await runtime.spawn(config, SESSION)
        asked = session.ask("Tell them about the weather.").answer()
        second, answer = await asyncio.gather(start_second(), asked)
        print(f"first program: {answer.text}")
        print(f"first program: {[result.is_error for result in answer.steps[0].results]}")
        await second.wait()


async def start_second() -> asyncio.subprocess.Process:
    address = cast(str, ray.get_runtime_context().gcs_address)
    return await asyncio.create_subprocess_exec(sys.executable, __file__, address)


async def decide(address: str) -> None:
    """The second program."""
    async with rc.Runtime(address, options=OPTIONS) as runtime:
        session = await runtime.session(SESSION)
        async for event in session.events():
            if isinstance(event, rc.runtime.ApprovalRequested):
                for use in event.uses:
                    print(f"second program: may it send {use.input}?", flush=True)
                await session.deny("to-all", reason="nobody else asked")
                await session.approve(inputs={"to-ada": {"to": "ada@example.com", "text": "Rain."}})
                return


if __name__ == "__main__":
    asyncio.run(decide(sys.argv[1]) if sys.argv[1:] else ask())
