"""What is known of a request that has ended."""

from sys import intern

from ....providers.schema.draft import Answer, Partial
from ....providers.schema.messages import RequestInfo
from ...api.config import SessionConfig
from ..events import RequestFailed


def request_info(config: SessionConfig, answer: Answer | Partial, failed: RequestFailed | None = None) -> RequestInfo:
    """What is known of a request with *config*, and the *answer* to it, as far as it came before it *failed*."""
    return RequestInfo(
        provider=config.provider.service,
        model=intern(answer.model or config.provider.model),  # messages keep it
        response_id=answer.message_id or "",
        usage=answer.usage,
        stop_reason=answer.stop_reason if isinstance(answer, Answer) else None,
        error=failed.failure.code if failed else "",
        duration_s=failed.duration_s if failed and answer.duration_s is None else answer.duration_s,
        first_text_s=answer.first_text_s,
    )
