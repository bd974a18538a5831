"""Thinking that the model does without by now."""

from ...providers.schema.content import Thinking
from ...providers.schema.messages import Message, Role
from ..config import DropThinking
from .rewrite import Rewriting


def strategy(config: DropThinking) -> Rewriting:
    """Old thinking goes, but not that of the turn that runs.

    Anthropic and Google want back what was thought before the tool uses that are answered now, signature and all:
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks and
    https://ai.google.dev/gemini-api/docs/thought-signatures.
    """
    return Rewriting(config, Role.ASSISTANT, _shortened)


def _shortened(message: Message) -> Message | None:
    if Thinking not in map(type, message.content):
        return None
    content = tuple(block for block in message.content if type(block) is not Thinking)
    if not content:  # no message may be empty
        return None
    return Message(role=message.role, content=content, turn=message.turn, stands_for=message.stands_for)
