"""Ray's errors are translated in one table, and none of them leaves the package."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from ray import exceptions
from ray.core.generated import common_pb2
from ray.exceptions import RayError

import rayconteur as rc
from rayconteur.errors import ClusterLost, RayAuthenticationFailed, RayUnreachable, SessionExists
from rayconteur.runtime import DeathReason
from rayconteur.runtime.cluster.ray_errors import (
    ActorDead,
    ActorUnavailable,
    recorded_reason,
    start_error,
    translated,
    unexplained_death,
)
from rayconteur.runtime.cluster.start.probe import ANY_RUNNING, unreachable

ACTOR_ID = "32737fcbb2760026ecfa086801000000"


def ray_error(kind: str, *fields: object) -> RayError:
    """An error of Ray, whose types are not all complete."""
    return cast(Callable[..., RayError], getattr(exceptions, kind))(*fields)


def died(message: str, pid: int = 0) -> RayError:
    new_context = cast(Callable[..., object], exceptions.__dict__["ActorDiedErrorContext"])
    return ray_error("ActorDiedError", new_context(error_message=message, actor_id=bytes.fromhex(ACTOR_ID), pid=pid))


def raised_in_an_actor(error: Exception) -> RayError:
    return ray_error("RayTaskError", "open", "its traceback", error)


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({"oom_context": {"error_message": "the node ran out of memory"}}, DeathReason.OUT_OF_MEMORY),
        ({"actor_died_error_context": {"reason": "NODE_DIED"}}, DeathReason.NODE_DIED),
        ({"actor_died_error_context": {"reason": "OWNER_DIED"}}, DeathReason.DRIVER_GONE),
        ({"actor_died_error_context": {"reason": "WORKER_DIED"}}, None),
        ({"creation_task_failure_context": {}}, None),
        ({}, None),
    ],
)
def test_why_an_actor_died_is_read_from_what_the_control_service_has_kept(
    context: dict[str, dict[str, str]], reason: DeathReason | None
) -> None:
    cause: object = cast(Any, common_pb2).ActorDeathCause(**context)

    assert recorded_reason(cause) is reason


def test_who_gave_no_address_is_not_told_to_leave_it_out() -> None:
    advice = str(unreachable(ANY_RUNNING, "Could not find any running Ray instance."))

    assert "no address is given, and no Ray runs on this machine" in advice
    assert "ray start --head" in advice
    assert "start a cluster there, or give another address" in str(unreachable("head:6379", "refused"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (died("The actor is dead because its process exited"), DeathReason.CRASHED),
        (ray_error("WorkerCrashedError"), DeathReason.CRASHED),
        (died("The actor died because its node has died. Node Id: 0a1b"), DeathReason.NODE_DIED),
        (died("The actor is dead because its owner has died. Owner Id: 0a1b"), DeathReason.DRIVER_GONE),
        (ray_error("NodeDiedError", "the node died"), DeathReason.NODE_DIED),
        (
            ray_error("OutOfMemoryError", "the node was running low on memory"),
            DeathReason.OUT_OF_MEMORY,
        ),
        (ray_error("ActorDiedError", raised_in_an_actor(ImportError("no module"))), DeathReason.NOT_STARTED),
        (ray_error("ActorUnschedulableError", "no node has room"), DeathReason.NOT_STARTED),
        (ray_error("RuntimeEnvSetupError", "pip failed"), DeathReason.NOT_STARTED),
    ],
)
def test_the_death_of_an_actor_is_told_with_its_reason(error: RayError, reason: DeathReason) -> None:
    death = translated(error)

    assert isinstance(death, ActorDead)
    assert death.reason is reason


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ray_error("ActorUnavailableError", "socket closed", None), ActorUnavailable),
        (ray_error("GetTimeoutError", "too late"), ActorUnavailable),
        (ray_error("AuthenticationError", "InvalidAuthToken"), RayAuthenticationFailed),
        (
            ray_error("RpcError", "Unauthenticated: Authentication token is missing or incorrect"),
            RayAuthenticationFailed,
        ),
        (ray_error("RpcError", "failed to connect to all addresses"), ClusterLost),
        (ray_error("RaySystemError", "Ray has not been started yet"), ClusterLost),
        (ray_error("LocalRayletDiedError"), ClusterLost),
    ],
)
def test_what_is_no_death_is_told_apart(error: RayError, kind: type[Exception]) -> None:
    assert type(translated(error)) is kind


@pytest.mark.parametrize(
    ("error", "actor_id"),
    [
        (died(""), ACTOR_ID),  # what Ray 2.60 says of an actor that it restarts, since its node was drained
        (died("The actor is dead because it was killed by `ray.kill`.", pid=4711), None),
        (ray_error("ActorDiedError", raised_in_an_actor(ImportError("no module"))), None),
        (ray_error("ActorUnavailableError", "socket closed", None), None),
    ],
)
def test_a_death_without_a_process_may_be_that_of_an_actor_that_ray_restarts(
    error: RayError, actor_id: str | None
) -> None:
    assert unexplained_death(error) == actor_id


def test_our_errors_arrive_as_they_were_raised_and_others_with_the_traceback_of_the_actor() -> None:
    ours, others = SessionExists("it exists"), KeyError("a bug")

    assert translated(raised_in_an_actor(ours)) is ours
    assert translated(raised_in_an_actor(others)) is others
    assert "its traceback" in others.__notes__[0]


RAY_ERRORS = [
    error
    for error in vars(exceptions).values()
    if isinstance(error, type) and issubclass(error, RayError) and error.__module__ == exceptions.__name__
]


@pytest.mark.parametrize("kind", RAY_ERRORS, ids=lambda kind: kind.__name__)
def test_no_error_of_ray_is_left_as_it_is(kind: type[RayError]) -> None:
    without_fields = cast(type[RayError], type(kind.__name__, (kind,), {"__str__": object.__repr__}))
    error = without_fields.__new__(without_fields)
    vars(error).update(cause=None, _preempted=False, _actor_init_failed=False)

    assert not isinstance(translated(error), RayError)


@pytest.mark.parametrize(
    ("error", "kind", "phrase"),
    [
        (Exception("The current node timed out during startup. This could happen"), RayUnreachable, "did not start"),
        (ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379"), RayUnreachable, "can't be reached"),
        (
            ray_error("AuthenticationError", "no authentication token was found"),
            RayAuthenticationFailed,
            "RAY_AUTH_MODE",
        ),
    ],
)
def test_an_error_of_starting_or_joining_ray_says_what_to_do(
    error: Exception, kind: type[rc.RayconteurError], phrase: str
) -> None:
    told = start_error("10.0.0.1:6379", error)

    assert type(told) is kind
    assert phrase in told.message
