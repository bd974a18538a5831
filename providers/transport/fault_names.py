"""The names of errors in any spelling: ``RateLimitError``, ``rate_limit_exceeded`` and ``TooManyRequests`` are one.

Gateways pass on the names of any vendor, and of the exceptions of any SDK, as a code, as a type, or as Google's status.
"""

import re

from ..schema.errors import AuthenticationFailed, InvalidRequest, Overloaded, ProviderError, RateLimited

_NAMES: dict[type[ProviderError], tuple[str, ...]] = {
    RateLimited: (
        "ratelimit",
        "ratelimitexceeded",
        "ratelimitreached",
        "toomanyrequests",
        "resourceexhausted",  # Google
        "requestlimitexceeded",  # Databricks
        "throttling",  # DashScope: also "Throttling.RateQuota"; AWS: "ThrottlingException"
        "throttlingratequota",
        "throttlingallocationquota",
    ),
    AuthenticationFailed: (
        "authentication",
        "invalidauthentication",  # Kimi
        "unauthenticated",  # Google
        "unauthorized",
        "invalidapikey",
        "invalidtoken",
        "accessdenied",  # AWS
        "incorrectapikey",  # Kimi
        "permission",
        "permissiondenied",
        "forbidden",
    ),
    InvalidRequest: (
        "badrequest",
        "notfound",
        "invalidrequest",
        "invalidargument",  # Google
        "invalidparameter",  # DashScope
        "unprocessableentity",
        "validation",
    ),
    Overloaded: ("overloaded", "engineoverloaded", "serviceunavailable", "unavailable"),
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names}
_SPENT = frozenset({"insufficientquota", "exceededcurrentquota", "insufficientbalance", "arrearage"})
_no_letters = re.compile("[^a-z]+").sub


def kind_by_name(name: str | None) -> type[ProviderError] | None:
    """The error that *name* means; ``None`` if it tells nothing that is known."""
    return _KINDS.get(_bare(name))


def is_spent_quota(name: str | None) -> bool:
    """True if *name* says that the account has no credit left: waiting does not help."""
    return _bare(name) in _SPENT


def _bare(name: str | None) -> str:
    bare = _no_letters("", (name or "").lower())
    return bare.removesuffix("error").removesuffix("exception")
