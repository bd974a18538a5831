"""What servers with OpenAI's API reject in the messages of a request, each in its own words."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

Json = dict[str, Any]
Rule = Callable[[Sequence[Json]], str | None]
"""The error for messages; ``None`` if they are valid."""


def mistral(messages: Sequence[Json]) -> str | None:
    """Mistral's template: ``conversation roles must alternate``, and its API: no user message after a tool message.

    https://huggingface.co/mistralai/Mistral-7B-Instruct-v0.3/blob/main/tokenizer_config.json,
    https://github.com/avante-corp/avante.nvim/issues/2562.
    """
    roles = [message["role"] for message in messages if message["role"] != "system"]
    if any(pair == ("tool", "user") for pair in pairwise(roles)):
        return "Unexpected role 'user' after role 'tool'"
    spoken = [message for message in messages if message["role"] in ("user", "assistant") and not _calls(message)]
    dialogue = [message["role"] for message in spoken]
    if any(role != ("user", "assistant")[index % 2] for index, role in enumerate(dialogue)):
        return "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."
    return _foreign_members(messages, "reasoning_content")


def deepseek(messages: Sequence[Json]) -> str | None:
    """DeepSeek's thinking with tools: https://api-docs.deepseek.com/guides/thinking_mode."""
    turns: list[list[Json]] = []
    for message in messages:
        if message["role"] == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    answers = (
        message for turn in turns if any(map(_calls, turn)) for message in turn if message["role"] == "assistant"
    )
    if all(message.get("reasoning_content") for message in answers):
        return None
    return "The `reasoning_content` in the thinking mode must be passed back to the API."


def kimi(messages: Sequence[Json]) -> str | None:
    """Kimi's thinking with tools: https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model."""
    for index, message in enumerate(messages):
        if _calls(message) and not message.get("reasoning_content"):
            place = f"assistant tool call message at index {index}"
            return f"thinking is enabled but reasoning_content is missing in {place}"
    return None


def gemini(messages: Sequence[Json]) -> str | None:
    """Gemini 3's signatures at its endpoint with this API: https://ai.google.dev/gemini-api/docs/thought-signatures."""
    for message in messages:
        if calls := _calls(message):
            signature = calls[0].get("extra_content", {}).get("google", {}).get("thought_signature")
            if signature not in (f"signed {calls[0]['id']}", "skip_thought_signature_validator"):
                return "Function call is missing a thought_signature in functionCall parts."
    return None


def groq(messages: Sequence[Json]) -> str | None:
    """Groq takes the thinking as ``reasoning``, and no members that it does not know."""
    return _foreign_members(messages, "reasoning")


def strict(messages: Sequence[Json]) -> str | None:
    """A server that sends thinking and does not take it: Cerebras, and Groq's models that do not think."""
    return _foreign_members(messages)


def _calls(message: Json) -> list[Json]:
    return message.get("tool_calls") or []


def _foreign_members(messages: Sequence[Json], *more: str) -> str | None:
    known = {"role", "content", "tool_calls", "tool_call_id", *more}
    for index, message in enumerate(messages):
        for name in message.keys() - known:
            problem = f"('messages.{index}' : property '{name}' is unsupported)"
            return f"'messages.{index}' : for 'role:assistant' the following must be satisfied[{problem}]"
    return None
