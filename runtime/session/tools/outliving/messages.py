"""What a session's process and the one that runs its tools say to each other."""

import msgspec

from ..run_orders import RunEnd, RunId, RunOrder

RUN = 1
"""Carry out a ``RunCall``. The reply is a ``RunEnd``, when there is one, or ``UNKNOWN``."""

DROP = 2
"""Carry out a ``DropCall``."""

FIND = 3
"""Say whether a ``RunCall`` would wait for what was begun. The reply is ``KNOWN`` or ``UNKNOWN``."""

KNOWN = b"known"
UNKNOWN = b""
"""As the reply to a ``RunCall``: nothing was begun; send the function, too."""

Digest = bytes


class RunCall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An *order*. If its tool has no function, it is the one with that *digest*."""

    order: RunOrder
    digest: Digest | None = None


class DropCall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Drop a run, as far as the *incarnation* of its session may."""

    id: RunId
    incarnation: int


class Progress(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the tool of a run says meanwhile: pushed."""

    id: RunId
    text: str


encode = msgspec.msgpack.Encoder().encode
decode_run = msgspec.msgpack.Decoder(RunCall).decode
decode_drop = msgspec.msgpack.Decoder(DropCall).decode
decode_progress = msgspec.msgpack.Decoder(Progress).decode
decode_end: msgspec.msgpack.Decoder[RunEnd] = msgspec.msgpack.Decoder(RunEnd)
