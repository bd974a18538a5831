"""Values that a process keeps for others in Ray's control service (GCS). All of these calls block."""

from typing import Any, cast

from ray.exceptions import RayError
from ray.experimental import internal_kv

from ..ray_errors import translated

_NAMESPACE = b"rayconteur"
_store = cast(Any, internal_kv)  # which has no public names


def keep_value(name: str, value: bytes) -> None:
    """Keep *value* under that name, instead of one that is there already, until it is taken.

    Raises:
        ClusterLost: Ray does not answer.
    """
    try:
        _store._internal_kv_put(name.encode(), value, overwrite=True, namespace=_NAMESPACE)
    except RayError as error:
        raise translated(error) from None


def kept_value(name: str) -> bytes | None:
    """The value of that name; ``None`` if there is none.

    Raises:
        ClusterLost: Ray does not answer.
    """
    try:
        return cast(bytes | None, _store._internal_kv_get(name.encode(), namespace=_NAMESPACE))
    except RayError as error:
        raise translated(error) from None


def take_kept_value(name: str) -> bytes | None:
    """As ``kept_value``; it is kept no longer."""
    value = kept_value(name)
    try:
        if value is not None:
            _store._internal_kv_del(name.encode(), namespace=_NAMESPACE)
    except RayError as error:
        raise translated(error) from None
    return value
