"""The headers of all requests of a client: the API's version, betas, and those of the config."""

from ...schema.errors import InvalidConfig
from ..config import Anthropic
from ..requests import Dialect

MESSAGES = "/v1/messages"
BETA = "anthropic-beta"
COMPACTION = "compact-2026-09-04"
_FALLBACKS = "server-side-fallback-2026-07-01"
_OWN = {BETA: "name betas in provider.betas", "anthropic-version": "it follows from the model's facts"}


def request_headers(config: Anthropic, dialect: Dialect) -> dict[str, str]:
    """The headers of each request in *dialect*, in addition to the SDK's.

    A beta is named with every request that may contain what it adds: a summary of the API's own stays in the history,
    and an answer of a fallback model contains a block that says so.

    Raises:
        InvalidConfig: one of the extra headers is set here.
    """
    extra = config.extra_headers or {}
    for name in extra:
        if reason := _OWN.get(name.lower()):
            raise InvalidConfig(f"provider.extra_headers[{name!r}]", f"this header is set by the package; {reason}")
    headers = dialect.headers
    betas = [
        headers.get(BETA),
        COMPACTION if dialect.facts.compacts else None,
        _FALLBACKS if config.fallbacks else None,
        *config.betas,
    ]
    named = ",".join(dict.fromkeys(beta for beta in betas if beta))
    return {**headers, **({BETA: named} if named else {}), **extra}
