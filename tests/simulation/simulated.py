"""One simulated run: a schedule is played from begin to end, and the books are checked."""

import asyncio
from functools import partial
from random import Random

from fixtures.event_network import wait_idle
from simulation.program import Program, config
from simulation.schedules import Schedule
from simulation.stepping_loop import SteppingLoop, run_stepping
from simulation.world import World

from rayconteur.runtime.api.events import FromLLM
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.session.durable.reading import last_recorded


def play(schedule: Schedule) -> tuple[int, dict[str, list[FromLLM]]]:
    """Play *schedule*. Returns how many callbacks that took, and the events of each session that were read.

    Raises:
        AssertionError: the books do not balance.
    """
    loop = SteppingLoop()
    return run_stepping(loop, _play(schedule, loop))


async def _play(schedule: Schedule, loop: SteppingLoop) -> tuple[int, dict[str, list[FromLLM]]]:
    world = World(Random(schedule.seed), schedule.routers)
    try:
        return await _play_in(world, schedule, loop)
    finally:
        await world.close()


async def _play_in(world: World, schedule: Schedule, loop: SteppingLoop) -> tuple[int, dict[str, list[FromLLM]]]:
    settings = [config(world, schedule.passivate_after_s) for _ in range(schedule.sessions)]
    keys = [await world.open(f"raven-{number}", each) for number, each in enumerate(settings)]
    programs = [Program(world, key, schedule.passivate_after_s is not None) for key in keys]
    connections = world.network.connect_driver(partial(last_recorded, world.journal()))
    readers = [program.reader(connections) for program in programs]
    reading = [asyncio.ensure_future(each.read(reader)) for each, reader in zip(programs, readers, strict=True)]
    for fault in schedule.faults:
        loop.at[loop.steps + 1 + fault.step] = partial(world.fail, fault)
    await asyncio.gather(*(_act(program, schedule.actions) for program in programs))
    for step in sorted(loop.at):  # what is to fail later than all was sent
        loop.at.pop(step, _nothing)()
        await asyncio.sleep(0.01)
    world.heal()
    for program in programs:
        await program.finish()
    await wait_idle()
    late = [program.reader(connections) for program in programs]
    reading += [asyncio.ensure_future(each.read(reader)) for each, reader in zip(programs, late, strict=True)]
    await wait_idle()
    for task in reading:
        if task.done():
            await task
    for program in programs:
        await program.check()
    steps = loop.steps
    _close(readers + late)
    await asyncio.gather(*reading)
    return steps, {each.key[0]: [each.numbers[seq] for seq in sorted(each.numbers)] for each in programs}


async def _act(program: Program, actions: int) -> None:
    for _ in range(actions):
        await program.act()


def _nothing() -> None:
    """It has failed meanwhile."""


def _close(readers: list[Reader]) -> None:
    for reader in readers:
        reader.close()
