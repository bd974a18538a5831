"""What the settings of a Redis server guarantee."""

from collections.abc import Mapping
from typing import Any, Literal

from redis.exceptions import ResponseError

from ..errors import UnsafeJournal

Loss = Literal["none", "seconds", "any"]
"""What may be lost of acknowledged records when the server's machine fails: nothing, the last seconds, or more."""

_LOSSES: tuple[Loss, ...] = ("none", "seconds", "any")


async def require_settings(client: Any, accepted: Loss) -> Loss:
    """The loss that the settings of the server of *client* allow.

    Raises:
        UnsafeJournal: it is above what is *accepted*; or the server evicts keys that do not expire, at any time.
    """
    settings = await _settings(client)
    policy = settings.get("maxmemory-policy", "")
    if policy.startswith("allkeys"):
        raise UnsafeJournal(
            f"the Redis server evicts records when its memory is full: set maxmemory-policy noeviction, not {policy}"
        )
    loss, reason = _loss(settings)
    if _LOSSES.index(loss) > _LOSSES.index(accepted):
        raise UnsafeJournal(
            f"the Redis server may lose acknowledged records: {reason}, or accept it with loss={loss!r}"
        )
    return loss


def _loss(settings: Mapping[str, str]) -> tuple[Loss, str]:
    """What may be lost, and what to do about it. A process that is killed loses the same: a slow disk delays writes."""
    if not settings:
        return "any", "it does not show its settings; allow CONFIG GET to the user"
    if settings["appendonly"] != "yes":
        return "any", "set appendonly yes and appendfsync always"
    if settings["no-appendfsync-on-rewrite"] == "yes":
        return "any", "set no-appendfsync-on-rewrite no"
    match settings["appendfsync"]:
        case "always":
            return "none", ""
        case "everysec":
            return "seconds", "set appendfsync always, not everysec"
        case other:
            return "any", f"set appendfsync always, not {other}"


async def _settings(client: Any) -> dict[str, str]:
    """The settings that matter, or none if the user may not see them, as with most hosted servers."""
    await client.ping()  # has the errors of connecting, which are no refusal to show settings
    try:
        return {**await client.config_get("*append*"), **await client.config_get("maxmemory-policy")}
    except ResponseError:
        return {}
