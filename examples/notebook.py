"""Use in a notebook: one runtime for all cells, whatever event loop or thread a cell runs in.

A cell of a notebook runs inside a running event loop, and cells that use ``asyncio.run`` or threads have others. The
blocking API has a loop of its own in a background thread, so its objects can be used from all of them. Paste the cells
into a notebook, or run the file:

python examples/notebook.py
"""

# %% Start. In a notebook, leave the runtime open: it ends with the kernel, or with the last cell.
import asyncio
from concurrent.futures import ThreadPoolExecutor

import rayconteur as rc

runtime = rc.blocking.Runtime(placement=rc.Packed())
runtime.__enter__()
session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))

# %% Ask, and stream.
print("cell 1:", session.ask("What do ravens hide?").answer().text)
for event in session.ask("And where?"):
    if isinstance(event, rc.TextChunk):
        print(event.text, end="")
print()


# %% The same session within a running event loop, as in a cell: a call that waits goes to a thread.
async def cell() -> None:
    answer = await asyncio.to_thread(session.ask("Do they find it again?").answer)
    print("a loop:", answer.text)


asyncio.run(cell())
asyncio.run(cell())  # another loop


# %% Many threads, one session each.
def ask(number: int) -> str:
    with runtime.spawn(rc.SessionConfig(provider=rc.Scripted())) as own:
        return own.ask(f"question {number}").answer().text


with ThreadPoolExecutor(8) as threads:
    print("threads:", sorted(threads.map(ask, range(8))))


# %% The async API next to it: a runtime belongs to the loop in which it is entered.
async def async_cell() -> None:
    async with rc.Runtime(placement=rc.Packed()) as other:
        found = await other.session(session.id)  # of the same namespace
        print("async:", (await found.ask("Still there?").answer()).text, len(await found.history()), "messages")


asyncio.run(async_cell())

# %% End.
runtime.__exit__(None, None, None)
print("closed")
