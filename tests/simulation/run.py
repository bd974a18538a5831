"""Simulate as many schedules as there is time for. ``make simulate``.

    python -m simulation.run --schedules 100000 --seed 1 --seconds 600

In a schedule, sessions are asked, their tools are answered, and what they depend on fails at any moment: between any
two callbacks of the event loop. A schedule after which the books do not balance is shrunk and printed, and the exit
code is 1.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import time
import traceback

from simulation.schedules import Schedule, random_schedule, shrunk
from simulation.simulated import play

_AT_ONCE = 50


def problem_of(schedule: Schedule) -> str | None:
    """Why the books do not balance after *schedule*, or ``None``."""
    try:
        play(schedule)
    except Exception as error:
        return "".join(traceback.format_exception(error))
    return None


def first_failing(seeds: range) -> int | None:
    """The first of *seeds* whose schedule fails."""
    logging.disable(logging.CRITICAL)
    return next((seed for seed in seeds if problem_of(random_schedule(seed))), None)


def simulate(seeds: range, seconds: float, processes: int) -> int:
    """Play the schedules of *seeds*, or as many as fit into *seconds*. Returns the exit code."""
    until = time.monotonic() + seconds
    played = 0
    groups = [seeds[start : start + _AT_ONCE] for start in range(0, len(seeds), _AT_ONCE)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for group, failing in zip(groups, pool.imap(first_failing, groups), strict=True):
            if failing is not None:
                return report(failing)
            played += len(group)
            if time.monotonic() > until:
                break
    print(f"{played} schedules, from seed {seeds.start} on: the books balance after each")
    return 0


def report(seed: int) -> int:
    """Print the smallest part of the schedule of *seed* that fails, too. Returns the exit code."""
    logging.disable(logging.CRITICAL)
    small = shrunk(random_schedule(seed), lambda smaller: problem_of(smaller) is not None)
    print(f"seed {seed} fails, and so does this part of it:\n{small}\n{problem_of(small)}")
    return 1


def main() -> int:
    """Read the command line, and simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--seconds", type=float, default=600, help="how long at most")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.schedules)
    return simulate(seeds, arguments.seconds, arguments.processes)


if __name__ == "__main__":
    sys.exit(main())
