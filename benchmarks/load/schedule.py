"""The open-loop schedule: when each session asks, whatever becomes of what it asked before.

A driver that asks again when the answer is there asks less of a system that is slow, and measures least where waiting
is longest: coordinated omission (Gil Tene, "How NOT to Measure Latency", 2015). Here each question has a time of its
own, fixed before anything is sent, and what is measured begins at that time even where the question goes out later, as
wrk2 does it (https://github.com/giltene/wrk2).
"""

from random import Random
from typing import Literal

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """So many *sessions* that ask so many *turns* each.

    They arrive within *arrive_s*: at *random*, as a Poisson process has it once it is known that they all come within
    that time, or *even*, one every so often. A question is due *answer_s*, which is what an answer takes by the
    server's pace, and a time to think after the one before; that time follows an exponential distribution with mean
    *think_s*, so that sessions never fall into step.
    """

    sessions: int
    turns: int
    arrive_s: float
    answer_s: float
    think_s: float
    seed: int = 0
    arrivals: Literal["random", "even"] = "random"


def due_times(plan: Plan) -> list[list[float]]:
    """For each session when its questions are due, in seconds from the start. Who arrives first is the first.

    A session's times stay what they are when *turns* grows: the more only follow.
    """
    return [_due(plan, session, arrival_s) for session, arrival_s in enumerate(_arrivals_s(plan))]


def _arrivals_s(plan: Plan) -> list[float]:
    if plan.arrivals == "even":
        return [plan.arrive_s * session / plan.sessions for session in range(plan.sessions)]
    # Given how many come, the arrivals of a Poisson process are independent of each other, each uniform over the time
    # (Ross, "Stochastic Processes", 2nd edition, theorem 2.3.1).
    chance = Random(f"{plan.seed}/arrivals")
    return sorted(plan.arrive_s * chance.random() for _ in range(plan.sessions))


def _due(plan: Plan, session: int, arrival_s: float) -> list[float]:
    chance = Random(f"{plan.seed}/{session}")
    due_s = [arrival_s]
    while len(due_s) < plan.turns:
        due_s.append(due_s[-1] + plan.answer_s + plan.think_s * chance.expovariate(1.0))
    return due_s[: plan.turns]
