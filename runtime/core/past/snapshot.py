"""A snapshot: the state of a conversation, for storage."""

import msgspec
from msgspec import UNSET, UnsetType

from ....compaction.estimate.estimator import CountedMessages, Learned
from ....compaction.estimate.plausibility import Figure
from ....providers.schema.messages import Message, RequestInfo
from ....providers.schema.request import Prompt
from ....providers.schema.stop_reasons import StopReason
from ....providers.schema.usage import Usage
from ...api.config import SessionConfig
from ...api.status import ForkOrigin
from ..context_meter import Fill
from ..figures.counters import Counters
from ..figures.tally import Tally
from ..mailbox import Queued
from ..phases import Phase
from ..receipts import KeptReceipt
from ..tools.approvals import Grant
from ..tools.kept_results import KeptResult
from ..tools.offered import OfferedTools
from ..turn import Overrides


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a conversation after the record number *record*, for storage. It holds no secrets.

    *full* is the full history. *messages* are those that requests hold: a number is an index into *full*.
    """

    record: int
    created_at: float
    config: SessionConfig
    phase: Phase
    full: tuple[Message, ...]
    messages: tuple[Message | int, ...]
    queue: tuple[Queued, ...]
    turns: int
    requests: int
    compactions: int
    usage: Usage
    fill: Fill
    learned: Learned
    floor_tokens: int
    prompts: tuple[Prompt, ...] = ()
    source: str = ""
    dropped_messages: int = 0
    figure: Figure | UnsetType = UNSET
    learned_window_tokens: int | UnsetType = UNSET
    cut_off: StopReason | UnsetType = UNSET
    turns_since_compaction: int | UnsetType = UNSET
    asked_compactions: int | UnsetType = UNSET
    overrides: Overrides | UnsetType = UNSET
    grants: tuple[Grant, ...] | UnsetType = UNSET
    offered_tools: OfferedTools | UnsetType = UNSET
    kept_results: tuple[KeptResult, ...] | UnsetType = UNSET
    now: float | UnsetType = UNSET
    last_request: RequestInfo | UnsetType = UNSET
    tally: Tally | UnsetType = UNSET
    spent_ids: tuple[str, ...] | UnsetType = UNSET
    receipts: tuple[KeptReceipt, ...] | UnsetType = UNSET
    counted_from: Counters | UnsetType = UNSET
    forked_from: ForkOrigin | UnsetType = UNSET
    counted: CountedMessages | UnsetType = UNSET
