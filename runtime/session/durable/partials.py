"""The answer that a lost process was reading, as far as readers have seen it."""

from collections.abc import Iterable

from ....compaction.estimate.estimator import tokens_in
from ....providers.schema.content import Text
from ....providers.schema.draft import Partial
from ....providers.schema.usage import Usage, estimated
from ...api.events import Continuing, Retrying, StreamStarted, TextChunk, TokenUpdate, TurnStarted
from ...core.conversation import Conversation
from ...core.events import NOTHING
from ...events.segments import Segment, decode_events

_BEFORE_AN_ANSWER = (TurnStarted, TokenUpdate, Retrying, Continuing)
"""The events after which a request has no answer yet."""


def lost_answer(conversation: Conversation, segments: Iterable[Segment]) -> Partial:
    """What is known of the answer to the running request of *conversation*, of which a router holds *segments*.

    Its usage is an estimate. It is ``NOTHING`` if the answer had not begun, or if its beginning is no longer held.
    """
    started: StreamStarted | None = None
    blocks: dict[int, list[str]] = {}
    expected = 0
    for segment in segments:
        if segment.first != expected:
            started = None
        expected = segment.last + 1
        for event in decode_events(segment):
            match event:
                case StreamStarted():
                    started, blocks = event, {}
                case TextChunk() if started:
                    blocks.setdefault(event.block, []).append(event.text)
                case _ if isinstance(event, _BEFORE_AN_ANSWER):
                    started = None
                case _:
                    pass
    if started is None:
        return NOTHING
    texts = ["".join(pieces) for _, pieces in sorted(blocks.items())]
    return Partial(
        content=tuple(Text(text) for text in texts if text),
        text="".join(texts),
        usage=_usage(conversation, sum(len(text.encode()) for text in texts)),
        message_id=started.message_id,
        model=started.model,
    )


def _usage(conversation: Conversation, answer_bytes: int) -> Usage:
    size = conversation.history_size
    usage = Usage(
        input=estimated(tokens_in(size.held_bytes - size.removed_bytes)), output=estimated(tokens_in(answer_bytes))
    )
    return conversation.request_config.provider.facts.priced(usage)
