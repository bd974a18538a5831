"""Drop thinking that the model no longer needs."""

from typing import ClassVar

from ...providers.schema.content import Block, Thinking
from ...providers.schema.messages import Role
from .message_rewriter import MessageRewriter


class DropThinking(MessageRewriter, frozen=True, kw_only=True):
    """Drops old thinking, the oldest first. The thinking of the running turn stays: some providers require it.

    Anthropic and Google want back the thinking in front of the tool uses that are being answered, with its signature:
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks and
    https://ai.google.dev/gemini-api/docs/thought-signatures. Claude's thinking is valid only without gaps before it:
    https://platform.claude.com/docs/en/build-with-claude/preserved-thinking.
    """

    rewritten_role: ClassVar[Role] = Role.ASSISTANT
    leaves_no_gaps: ClassVar[bool] = True

    def rewrite(self, content: tuple[Block, ...]) -> tuple[Block, ...] | None:
        if Thinking not in map(type, content):
            return None
        return tuple(block for block in content if type(block) is not Thinking) or None  # no message may be empty
