"""The validators of messages to servers with OpenAI's API."""

from typing import Any

import pytest
from validators.openai.compatible import Rule, deepseek, gemini, groq, kimi, mistral, strict

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "Hi"}
CAW: Json = {"role": "assistant", "content": "Caw"}
CALL: Json = {"id": "a", "type": "function", "function": {"name": "fly", "arguments": "{}"}}
CALLS: Json = {"role": "assistant", "content": None, "tool_calls": [CALL]}
FLOWN: Json = {"role": "tool", "tool_call_id": "a", "content": "ok"}
THOUGHT: Json = {"reasoning_content": "Hm."}


@pytest.mark.parametrize(
    ("rule", "messages", "problem"),
    [
        (mistral, [HI, CAW, HI, CALLS, FLOWN, CAW, HI], None),
        (mistral, [{"role": "system", "content": "Be brief."}, HI], None),
        (mistral, [HI, HI], "must alternate"),
        (mistral, [HI, CALLS, FLOWN, HI], "after role 'tool'"),
        (deepseek, [HI, CAW, HI, CALLS | THOUGHT, FLOWN, CAW | THOUGHT, HI], None),
        (deepseek, [HI, CALLS, FLOWN], "must be passed back"),
        (deepseek, [HI, CALLS | THOUGHT, FLOWN, CAW, HI], "must be passed back"),
        (kimi, [HI, CALLS | THOUGHT, FLOWN, CAW, HI], None),
        (kimi, [HI, CALLS, FLOWN], "at index 1"),
        (gemini, [HI, CAW, HI], None),
        (gemini, [HI, CALLS, FLOWN], "missing a thought_signature"),
        (groq, [HI, CALLS | {"reasoning": "Hm."}, FLOWN], None),
        (groq, [HI, CALLS | THOUGHT, FLOWN], "'reasoning_content' is unsupported"),
        (strict, [HI, CALLS | {"reasoning": "Hm."}, FLOWN], "'reasoning' is unsupported"),
    ],
)
def test_each_server_rejects_what_it_documents(rule: Rule, messages: list[Json], problem: str | None) -> None:
    found = rule(messages)

    assert (found is None) if problem is None else (problem in str(found))
