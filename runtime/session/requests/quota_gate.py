"""The gate of the limits that sessions share: a request waits here until the broker admits it."""

import asyncio
from collections.abc import Awaitable, Callable

from ....providers.registry import ProviderConfig
from ....providers.schema.draft import Answer
from ....providers.schema.errors import Overloaded, RateLimited
from ....providers.schema.usage import Usage
from ...api.config import SessionConfig
from ...governance.quotas.client import Admission, QuotaClient
from ...governance.quotas.messages import Ending, Lane
from ...governance.quotas.shards import QuotaClients
from ...metrics import catalog
from ...metrics.counts import COUNTS
from .request_task import RequestTask


class QuotaGate:
    """Sends requests when they are admitted, and reports what they have used. All requests of a host pass it."""

    def __init__(self, client: QuotaClient | QuotaClients) -> None:
        self.client = client

    async def run(self, task: RequestTask, account: str) -> Answer:
        """The answer to the request of *task*, which goes to *account*. If it is cancelled, it waits no longer.

        Raises:
            ProviderError: it failed.
        """
        config = task.send.config
        lane, tokens = _lane(config, config.provider, account), (task.send.tokens, config.max_output_tokens)
        task.begin_waiting()
        began_at = asyncio.get_running_loop().time()
        admission = await self.client.admit(
            lane, task.outbox.session_id, tokens, lambda wait: task.put_waiting(wait.reason, wait.expected_s)
        )
        model = COUNTS.model(config.provider.service, config.provider.model)
        COUNTS.histogram(catalog.QUOTA_WAITS, model).observe(asyncio.get_running_loop().time() - began_at)
        task.end_waiting(admission)
        try:
            answer = await task.run()
        except BaseException as error:
            _end_failed(admission, error, task.partial().usage.output.tokens)
            raise
        _end_answered(admission, config.provider, answer.usage)
        return answer

    async def admit_side(
        self, session_id: str, config: SessionConfig, public: ProviderConfig, account: str, tokens: int
    ) -> Admission:
        """Wait until a request to *public* may be sent that is not part of a conversation, such as for a summary."""
        return await self.client.admit(_lane(config, public, account), session_id, (tokens, None))

    async def send(self, admission: Admission, public: ProviderConfig, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of *send*, a request to *public* that *admission* admits.

        Raises:
            ProviderError: it failed.
        """
        try:
            answer = await send()
        except BaseException as error:
            _end_failed(admission, error)
            raise
        _end_answered(admission, public, answer.usage)
        return answer


def _lane(config: SessionConfig, public: ProviderConfig, account: str) -> Lane:
    return Lane(account, f"{public.service}/{public.model}", config.labels.owner)


def _counted_input(public: ProviderConfig, usage: Usage) -> int | None:
    """The tokens of the input that count against the limits of the account."""
    if usage.input.tokens is None:
        return None
    read = 0 if public.limits_cached_input else usage.cache_read.tokens or 0
    return max(0, usage.input.tokens - read)


def _end_answered(admission: Admission, public: ProviderConfig, usage: Usage) -> None:
    admission.end(Ending.ANSWERED, _counted_input(public, usage), usage.output.tokens)


def _end_failed(admission: Admission, error: BaseException, output_tokens: int | None = None) -> None:
    """The request failed, or was cancelled: its input was sent, and of its answer *output_tokens* were."""
    match error:
        case RateLimited(retry_after_s=retry_after_s):
            admission.end(Ending.RATE_LIMITED, retry_after_s=retry_after_s)
        case Overloaded():
            admission.end(Ending.OVERLOADED)
        case _:
            admission.end(Ending.FAILED, None, output_tokens)
