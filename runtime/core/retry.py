"""When a failed request is sent again."""

from ..api.settings.policies import RetryPolicy
from .events import RequestFailed

_MAX_DOUBLINGS = 1_000  # a float overflows at 1,024


def backoff_delay_s(policy: RetryPolicy, failed: RequestFailed, attempt: int) -> float | None:
    """The seconds to wait after *attempt* (from 1) failed, or ``None`` to give up.

    The delay doubles with each attempt; half of it is random, so that sessions that failed together do not retry
    together ("equal jitter"). The last one ends at *max_elapsed_s*, unless that would be too early. A provider's
    ``Retry-After`` is a lower bound (RFC 9110, section 10.2.3), with up to a tenth on top for the same reason.
    """
    if not failed.failure.retryable or attempt >= policy.max_attempts:
        return None
    if failed.partial.text and not policy.after_output:
        return None
    full_s = min(policy.max_delay_s, policy.first_delay_s * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS))
    requested_s = (failed.failure.retry_after_s or 0.0) * (1 + failed.jitter / 10)
    delay_s = max(full_s * (1 - failed.jitter / 2), requested_s)
    left_s = policy.max_elapsed_s - failed.elapsed_s
    if delay_s <= left_s:
        return delay_s
    return left_s if left_s >= max(requested_s, policy.first_delay_s) and left_s > 0 else None
