"""A tool that needs memory: Ray runs it on a node that has it, in a process of its own.

python examples/tools_on_ray.py
"""

import asyncio
import os

import msgspec

import rayconteur as rc


class Count(msgspec.Struct):
    """What was counted, and in which process."""

    primes: int
    process: int


@rc.tool(runs=rc.runtime.RayTask(num_cpus=0.5, memory_bytes=100 << 20), timeout_s=60)
def count_primes(below: int) -> Count:
    """How many primes there are below a number."""
    sieve = bytearray([1]) * below
    for number in range(2, int(below**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
    return Count(primes=sum(sieve[2:]), process=os.getpid())


# The scripted model asks for the tool, and answers.
SCRIPT = rc.scripted.Script(
    answers=(
        (rc.scripted.Call("count_primes", {"below": 1_000_000}),),
        (rc.scripted.Say("There are 78,498 primes below a million."),),
    )
)
CONFIG = rc.SessionConfig(provider=rc.Scripted(script=SCRIPT), tools=(count_primes,))


async def main() -> None:
    async with rc.Runtime(placement=rc.Packed()) as runtime:
        session = await runtime.spawn(CONFIG)
        answer = await session.ask("How many primes are there below a million?")  # the session runs the tool
        result = answer.steps[0].results[0].content[0]
        assert isinstance(result, rc.Text)
        counted = msgspec.json.decode(result.text, type=Count)
        print(f"counted {counted.primes:,} in another process: {counted.process != os.getpid()}")
        print(answer.text)


if __name__ == "__main__":
    asyncio.run(main())
