"""What hosts and the broker tell each other. Times are durations: their clocks differ."""

from enum import StrEnum

import msgspec

from ....providers.schema.rate_limits import RateLimits
from ...api.quotas.wait_reason import WaitReason


class Lane(msgspec.Struct, frozen=True, array_like=True):
    """Whose requests, and where they go: the *account*, a digest; the *model*, as ``provider/model``; the *owner*."""

    account: str
    model: str
    owner: str = ""


class Ask(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request of *session* wants to be sent: *number* is the host's own.

    It has about *input_tokens*, and allows *max_output_tokens*. The host would use *more* such admissions soon.
    """

    number: int
    lane: Lane
    session: str
    input_tokens: int
    max_output_tokens: int | None = None
    more: int = 0


class Grant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Ask *number* is admitted, with so many *output_tokens* reserved, and *more* such requests: a lease."""

    number: int
    output_tokens: int
    more: int = 0


class Ending(StrEnum):
    """How a request that was admitted has ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    """It was not answered, or not in full, for another reason than these."""
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    UNSENT = "unsent"
    """It was not sent."""


class End(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request that grant *number* admitted has ended: one that has used *input_tokens*, as limits count them.

    Of the *output_tokens*, *streamed_tokens* were reported while it was streaming. ``None`` is unknown. After
    *retry_after_s*, the provider says, it may be sent again. What was not sent may be *count* of them.
    """

    number: int
    ending: Ending
    input_tokens: int | None = None
    output_tokens: int | None = None
    streamed_tokens: int = 0
    retry_after_s: float | None = None
    count: int = 1


class Running(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a host tells a new broker: *count* requests are in flight that were admitted by ask *number*."""

    ask: Ask
    output_tokens: int
    count: int


class Update(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What has happened at a host. With *running*, it is the first that this broker hears of it."""

    asks: list[Ask] = []
    ends: list[End] = []
    withdrawn: list[int] = []
    outputs: list[tuple[int, int]] = []
    """Numbers of grants, and the output tokens that are streamed beyond what was reserved."""
    limits: list[tuple[int, RateLimits]] = []
    """Numbers of grants, and the limits in the headers of the responses."""
    asking: list[int] = []
    """Asks whose wait is to be explained."""
    running: list[Running] | None = None


class Wait(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Ask *number* waits for *reason*, for about *expected_s* from now on."""

    number: int
    reason: WaitReason
    expected_s: float


class Admissions(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the broker tells a host. *hosts* is how many there are now."""

    grants: list[Grant] = []
    waits: list[Wait] = []
    hosts: int = 1
