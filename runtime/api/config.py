"""What a session is made from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from ...compaction.config import Compaction, Layered
from ...providers.models import with_model_facts
from ...providers.registry import ProviderConfig
from ...providers.schema.request import Positive, Settings

NotNegative = Annotated[float, Meta(ge=0)]


class WhenBusy(StrEnum):
    """What becomes of a user message that comes while a turn runs."""

    QUEUE = "queue"
    """It waits for its turn."""
    REJECT = "reject"
    """It is refused with ``SessionBusy``."""
    INTERRUPT = "interrupt"
    """It interrupts the running turn and goes next, before those that wait."""


class OnInterrupt(StrEnum):
    """What becomes of an interrupted turn's messages."""

    DISCARD = "discard"
    """All of them leave the history."""
    KEEP = "keep"
    """What was said stays; each open tool use is answered with an error result."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a request that failed is tried again.

    At most *max_attempts* requests in all, the last of them begun at most *max_elapsed_s* after the first. The pause
    doubles from *first_delay_s* to *max_delay_s*, less a random part of up to half of it; a provider's own
    ``Retry-After`` is obeyed where it asks for more. An answer that breaks off after something of it was said is tried
    again only with *after_output*: its reader has seen it already.
    """

    max_attempts: Positive = 4
    first_delay_s: NotNegative = 0.5
    max_delay_s: NotNegative = 30.0
    max_elapsed_s: NotNegative = 120.0
    after_output: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one session may hold at most.

    *waiting_messages* and *waiting_bytes* bound the mailbox (the messages that wait for their turn), *message_bytes*
    one message in it, *outbox_bytes* the events that the router has not taken yet: beyond it the provider's stream is
    not read on.
    """

    waiting_messages: Positive = 1_000
    waiting_bytes: Positive = 64 << 20
    message_bytes: Positive = 32 << 20
    outbox_bytes: Positive = 256 << 10


class SessionConfig(Settings, frozen=True, kw_only=True, omit_defaults=True):
    """A session: its provider, its settings, and how it takes messages, interrupts and failures.

    *compaction* keeps the history inside the model's context window; ``None`` leaves it to ``Compact`` and to the
    provider's refusal. With *compact_eagerly* it may begin early, while nobody waits.
    """

    provider: ProviderConfig
    compaction: Compaction | None = Layered()
    compact_eagerly: bool = False
    when_busy: WhenBusy = WhenBusy.QUEUE
    on_interrupt: OnInterrupt = OnInterrupt.DISCARD
    retry: RetryPolicy = RetryPolicy()
    limits: Limits = Limits()

    def resolved(self, environ: Mapping[str, str]) -> Self:
        """This config with its provider's credentials in place, and with what is known of its model.

        Raises:
            ConfigError: something is missing or does not fit; the field or variable is named.
        """
        return msgspec.structs.replace(
            self,
            provider=with_model_facts(self.provider.resolved(environ)),
            compaction=self.compaction and self.compaction.resolved(environ),
        )

    def public(self) -> Self:
        """This config without secrets: fit for records, events and logs."""
        return msgspec.structs.replace(
            self, provider=self.provider.public(), compaction=self.compaction and self.compaction.public()
        )

    def providers(self) -> list[ProviderConfig]:
        """The session's own provider, and those that get requests of its compaction."""
        return [self.provider, *(self.compaction.providers() if self.compaction else ())]
