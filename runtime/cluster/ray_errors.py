"""Ray's errors, translated in one place: none of them leaves the package.

| Ray | here |
| --- | --- |
| ``RayTaskError`` with one of our errors as its cause | that error |
| any other ``RayTaskError`` | its cause, with the actor's traceback as a note |
| ``ActorDiedError`` | ``ActorDead``: crashed, its node or its program is gone, or it never started |
| the same, of an actor that Ray is restarting (``ray_calls.result_of``) | ``ActorUnavailable`` |
| ``OutOfMemoryError``, ``NodeDiedError``, ``WorkerCrashedError`` | ``ActorDead`` with that reason |
| ``ActorUnschedulableError``, ``RuntimeEnvSetupError``, ``ActorPlacementGroupRemoved`` | ``ActorDead``: not started |
| any other ``RayActorError``, ``OwnerDiedError``, ``GetTimeoutError`` | ``ActorUnavailable`` |
| ``AuthenticationError``, and what gRPC says of a token | ``RayAuthenticationFailed`` |
| ``RpcError``, ``LocalRayletDiedError``, ``RaySystemError`` and what else has no row | ``ClusterLost`` |
| whatever ``ray.init`` raises, such as a bare ``Exception`` when a node takes too long | ``RayUnreachable`` |
"""

import re
from typing import Any, cast

from ray.exceptions import (
    ActorDiedError,
    ActorPlacementGroupRemoved,
    ActorUnschedulableError,
    AuthenticationError,
    GetTimeoutError,
    NodeDiedError,
    OutOfMemoryError,
    OwnerDiedError,
    RayActorError,
    RayError,
    RayTaskError,
    RuntimeEnvSetupError,
    WorkerCrashedError,
)

from ...providers.schema.checks.shown import shown
from ...providers.schema.errors import RayconteurError
from ..api.errors import ClusterLost, DeathReason, RayAuthenticationFailed, RayUnreachable
from .start.probe import unreachable

# What Ray says of an actor whose node, or whose owner has gone (its class is that of any other death), and gRPC of a
# token. The owner is the process that started the actor: a driver.
_NODE_DIED = re.compile(r"node (?:has |was |is )?(?:died|dead|terminated|drained)", re.IGNORECASE)
_OWNER_DIED = re.compile(r"owner (?:has |was |is )?(?:died|dead)", re.IGNORECASE)
_TOKEN = re.compile(r"unauthenticated|authentication token|auth_token|invalid token", re.IGNORECASE)
_NODE_TIMED_OUT = "The current node timed out during startup"

_RECORDED_REASONS = {"NODE_DIED": DeathReason.NODE_DIED, "OWNER_DIED": DeathReason.DRIVER_GONE}
"""Of the reasons in Ray's ``ActorDiedErrorContext``, those that say more than that the actor died."""

_WHERE_TO_SET_THE_TOKEN = (
    "set RAY_AUTH_MODE=token, and the cluster's token in RAY_AUTH_TOKEN or in ~/.ray/auth_token, in this process"
)


class ActorGone(Exception):
    """A call to an actor failed because of its process. Never leaves the package."""


class ActorUnavailable(ActorGone):
    """The actor can't be reached at the moment, or is being restarted. The call may have been made or not."""


class ActorDead(ActorGone):
    """The actor has died or exited, for the *reason*, and will not be restarted."""

    def __init__(self, reason: DeathReason) -> None:
        super().__init__(reason)
        self.reason = reason


def translated(error: RayError) -> Exception:
    """The error of this package for *error*, which a Ray call raised."""
    match error:
        case RayTaskError() if isinstance(error.cause, RayconteurError):
            return error.cause
        case RayTaskError() if isinstance(error.cause, Exception) and not isinstance(error.cause, RayError):
            error.cause.add_note(str(error))  # a bug in an actor: its traceback there is what helps
            return error.cause
        case ActorDiedError() | NodeDiedError() | OutOfMemoryError() | WorkerCrashedError():
            return ActorDead(_death_reason(error))
        case ActorUnschedulableError() | RuntimeEnvSetupError() | ActorPlacementGroupRemoved():
            return ActorDead(DeathReason.NOT_STARTED)
        case RayActorError() | OwnerDiedError() | GetTimeoutError():
            return ActorUnavailable(str(error))
        case _ if _is_authentication(error):
            return RayAuthenticationFailed(f"Ray rejects this process's token; {_WHERE_TO_SET_THE_TOKEN}")
        case _:
            return ClusterLost(f"Ray can't make a call ({_first_line(error)}); enter a runtime again when it is back")


def unexplained_death(error: RayError) -> str | None:
    """The id of the actor that *error* takes for dead, if it names no process that has died.

    Ray 2.60 says so, too, of an actor that it is just restarting because its node was drained, or died.
    """
    if isinstance(error, ActorDiedError) and not error.actor_init_failed and "pid:" not in str(error):
        return cast(str | None, error.actor_id)
    return None


def start_error(address: str, error: Exception) -> RayUnreachable:
    """The error for *error*, which ``ray.init`` raised when it was to connect to *address*, or to start Ray."""
    if _is_authentication(error):
        return RayAuthenticationFailed(
            f"Ray at {shown(address)} rejects this process: its token is missing or wrong; {_WHERE_TO_SET_THE_TOKEN}"
        )
    if _NODE_TIMED_OUT in str(error):
        return RayUnreachable(
            f"Ray did not start within 30 s (address {shown(address)}): the machine is overloaded, or Ray's processes "
            "fail; see /tmp/ray/session_latest/logs, then try again"
        )
    return unreachable(address, _first_line(error))


def _death_reason(error: RayError) -> DeathReason:
    match error:
        case OutOfMemoryError():
            return DeathReason.OUT_OF_MEMORY
        case NodeDiedError():
            return DeathReason.NODE_DIED
        case ActorDiedError() if error.actor_init_failed:
            return DeathReason.NOT_STARTED
        case ActorDiedError() if error.preempted or _NODE_DIED.search(str(error)):
            return DeathReason.NODE_DIED
        case ActorDiedError() if _OWNER_DIED.search(str(error)):
            return DeathReason.DRIVER_GONE
        case _:
            return DeathReason.CRASHED


def recorded_reason(cause: Any) -> DeathReason | None:
    """Why an actor died, by the ``ActorDeathCause`` that Ray's control service has kept; ``None`` if that says little.

    An actor that was killed or has failed, and one that has exited, look alike there.
    """
    if cause.WhichOneof("context") == "oom_context":
        return DeathReason.OUT_OF_MEMORY
    died = cause.actor_died_error_context
    return _RECORDED_REASONS.get(died.Reason.Name(died.reason))


def _is_authentication(error: Exception) -> bool:
    return isinstance(error, AuthenticationError) or bool(_TOKEN.search(str(error)))


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0][:300]
