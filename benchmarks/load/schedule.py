"""The open-loop load: when each session asks, independent of earlier answers.

A driver that asks again after each answer asks less of a slow system, and measures least where waiting is longest:
coordinated omission (Gil Tene, "How NOT to Measure Latency", 2015). Here each question has a due time that is fixed
before anything is sent, and latency counts from that time even if the question is sent later, as in wrk2
(https://github.com/giltene/wrk2).
"""

from random import Random
from typing import Literal

import msgspec


class OpenLoop(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="open_loop"):
    """*sessions* sessions that ask *turns* questions each.

    They arrive within *arrive_s*: at *random*, as in a Poisson process conditioned on their number, or *even*, at equal
    distances. A question is due *answer_s* (the duration of an answer by the server's pace) plus a thinking time after
    the one before. Thinking times follow an exponential distribution with mean *think_s*, so that sessions do not
    synchronize.
    """

    sessions: int
    turns: int
    arrive_s: float
    answer_s: float
    think_s: float
    seed: int = 0
    arrivals: Literal["random", "even"] = "random"


def due_times(load: OpenLoop) -> list[list[float]]:
    """The due times of each session's questions, in seconds from the start; sessions are in order of arrival.

    More *turns* only append times to those of fewer.
    """
    return [_due_times(load, session, arrival_s) for session, arrival_s in enumerate(_arrivals_s(load))]


def _arrivals_s(load: OpenLoop) -> list[float]:
    if load.arrivals == "even":
        return [load.arrive_s * session / load.sessions for session in range(load.sessions)]
    # Given their number, the arrivals of a Poisson process are independent and uniform over the time
    # (Ross, "Stochastic Processes", 2nd edition, theorem 2.3.1).
    random = Random(f"{load.seed}/arrivals")
    return sorted(load.arrive_s * random.random() for _ in range(load.sessions))


def _due_times(load: OpenLoop, session: int, arrival_s: float) -> list[float]:
    random = Random(f"{load.seed}/{session}")
    due_s = [arrival_s]
    while len(due_s) < load.turns:
        due_s.append(due_s[-1] + load.answer_s + load.think_s * random.expovariate(1.0))
    return due_s[: load.turns]
