"""Changes of the system prompt and the tools by messages, which keep thinking and the prompt cache valid.

https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages: a message of the role ``system``
follows the user's message from which the change applies. The top-level ``system`` and ``tools`` never change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from ..schema.messages import Message, Role
from ..schema.request import Prompt
from ..schema.tools import ProviderTool, Tool
from ..wire.cache_points import system_text

_Object = dict[str, Any]
_AnyTool = Tool | ProviderTool
_REPLACED = "The system prompt has changed. These instructions replace all earlier ones:\n\n"
_REMOVED = "The system prompt no longer applies: disregard its instructions."
# https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages: not to be defined in messages.
_NEVER_INLINE = ("computer_", "mcp_toolset")


class PromptPlan(NamedTuple):
    """The prompt at the top level of a request, and the JSON of the system messages, by the message before each."""

    base: Prompt
    appended: Mapping[int, bytes] = {}


def prompt_plan(
    prompts: Sequence[Prompt],
    messages: Sequence[Message],
    forms: Sequence[bytes],
    define: Callable[[_AnyTool], _Object],
) -> PromptPlan:
    """How to send *prompts* along *messages*, whose encoded blocks are *forms*, with tools as *define* makes them.

    Changes before the first answer need no message. A change that no user message follows yet is not sent yet. Where a
    change has no form of its own (the first tools of a conversation, a deferred tool, a tool that can't be defined in a
    message), the last prompt replaces all others, as on models without such messages.
    """
    base, changes = prompts[0], dict[int, Prompt]()
    answers = (index for index, message in enumerate(messages) if message.role is Role.ASSISTANT and forms[index])
    first_answer = next(answers, len(messages))
    for prompt in prompts[1:]:
        place = _place(prompt.start, messages, forms)
        if place is not None and place < first_answer:
            base = prompt
        elif place is not None:
            changes[place] = prompt
    writer = _Writer(base, define)
    appended: dict[int, bytes] = {}
    for place, prompt in changes.items():
        content = writer.change_to(prompt)
        if content is None:
            return PromptPlan(prompts[-1])
        if content:
            appended[place] = msgspec.json.encode({"role": "system", "content": content})
    return PromptPlan(base, appended)


def _place(start: int, messages: Sequence[Message], forms: Sequence[bytes]) -> int | None:
    """The last of the first user messages in a row from *start* on: the API merges them into one."""
    place: int | None = None
    for index in range(start, len(messages)):
        if not forms[index]:
            continue
        if messages[index].role is Role.USER:
            place = index
        elif place is not None:
            break
    return place


@dataclass(slots=True)
class _Writer:
    """Writes the changes from one prompt to the next. *declared* is the last definition of each tool so far."""

    prompt: Prompt
    define: Callable[[_AnyTool], _Object]
    declared: dict[str, _AnyTool] = field(init=False)

    def __post_init__(self) -> None:
        self.declared = {tool.name: tool for tool in self.prompt.tools}

    def change_to(self, prompt: Prompt) -> list[_Object] | None:
        """The content of the message that changes to *prompt*: empty if nothing changes, ``None`` if it has no form."""
        before, after = self.prompt, prompt
        content: list[_Object] = []
        was, system = (system_text(each.system) for each in (before, after))
        if system.strip() != was.strip():
            content.append({"type": "text", "text": _REPLACED + system if system else _REMOVED})
        offered = {tool.name: tool for tool in before.tools}
        wanted = {tool.name: tool for tool in after.tools}
        removed = [name for name in offered if name not in wanted]
        content += [{"type": "tool_removal", "tool": {"type": "tool_reference", "name": name}} for name in removed]
        for tool in (tool for name, tool in wanted.items() if offered.get(name) != tool):
            addition = self._addition(tool)
            if addition is None:
                return None
            content.append(addition)
        self.prompt = prompt
        return content

    def _addition(self, tool: _AnyTool) -> _Object | None:
        known = self.declared.get(tool.name)
        if known == tool:
            return {"type": "tool_addition", "tool": {"type": "tool_reference", "name": tool.name}}
        if not self.declared or not _fits_in_message(tool) or (known is not None and type(known) is not type(tool)):
            return None
        self.declared[tool.name] = tool
        definition = {"type": "tool_definition", "definition": self.define(tool)}
        return {"type": "tool_addition", "tool": definition}


def _fits_in_message(tool: _AnyTool) -> bool:
    match tool:
        case Tool(deferred=deferred):
            return not deferred
        case ProviderTool(definition=definition):
            kind = str(definition.get("type", ""))
            return "name" in definition and not kind.startswith(_NEVER_INLINE) and not definition.get("defer_loading")
