"""What a conversation knows besides its messages, and a fork of it, too."""

import msgspec

from ....providers.schema.stop_reasons import StopReason
from ..tools.kept_results import KeptResult


class Rest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Why the last answer is *cut_off*, if it may be continued, and the *kept_results*, in which the model reads on."""

    cut_off: StopReason | None = None
    kept_results: tuple[KeptResult, ...] = ()


NOTHING_ELSE = Rest()
