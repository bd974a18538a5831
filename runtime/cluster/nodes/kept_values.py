"""Values that an actor keeps for the process after it, in Ray's control service (GCS). All of these calls block."""

from typing import Any, cast

from ray.exceptions import RayError
from ray.experimental import internal_kv

from ..ray_errors import translated

_NAMESPACE = b"rayconteur"
_store = cast(Any, internal_kv)  # which has no public names


def keep_value(name: str, value: bytes) -> None:
    """Keep *value* until it is taken.

    Raises:
        ClusterLost: Ray does not answer.
    """
    try:
        _store._internal_kv_put(name.encode(), value, overwrite=True, namespace=_NAMESPACE)
    except RayError as error:
        raise translated(error) from None


def take_kept_value(name: str) -> bytes | None:
    """The value of that name, which is kept no longer; ``None`` if there is none.

    Raises:
        ClusterLost: Ray does not answer.
    """
    try:
        value = cast(bytes | None, _store._internal_kv_get(name.encode(), namespace=_NAMESPACE))
        if value is not None:
            _store._internal_kv_del(name.encode(), namespace=_NAMESPACE)
    except RayError as error:
        raise translated(error) from None
    return value
