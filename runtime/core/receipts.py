"""The receipts of messages that have a key: a message that is sent again gets the receipt of the first time."""

import msgspec

from ..api.errors import KeyMisused
from ..api.messages import MessageKey

KEPT_RECEIPTS = 256
"""Those of the last messages with a key of the program's. Each takes about 100 bytes of a snapshot."""

KEPT_OWN_RECEIPTS = 64
"""Those of the last messages with a key of the runtime's own, which it sends again only at once."""


class KeptReceipt(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the message with *key* was acknowledged with. *seq* is the number of the event before the message."""

    key: MessageKey
    seq: int = 0
    turn: int | None = None
    compaction: int | None = None


def find_receipt(receipts: tuple[KeptReceipt, ...], key: MessageKey) -> KeptReceipt | None:
    """The receipt of the message that had *key* before, if it is kept.

    Raises:
        KeyMisused: that was another message.
    """
    kept = next((receipt for receipt in receipts if receipt.key.key == key.key), None)
    if kept and kept.key.digest != key.digest:
        raise KeyMisused(f"another message had the key {key.key!r}: use a key for one message only")
    return kept


def with_receipt(receipts: tuple[KeptReceipt, ...], receipt: KeptReceipt) -> tuple[KeptReceipt, ...]:
    """*receipts* and *receipt*, as many as are kept."""
    is_own = receipt.key.is_own
    alike = [number for number, kept in enumerate(receipts) if kept.key.is_own == is_own]
    if len(alike) >= (KEPT_OWN_RECEIPTS if is_own else KEPT_RECEIPTS):
        receipts = (*receipts[: alike[0]], *receipts[alike[0] + 1 :])
    return (*receipts, receipt)
