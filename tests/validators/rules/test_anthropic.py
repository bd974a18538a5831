"""The validator of requests to Anthropic."""

from typing import Any

import pytest
from validators.anthropic import violations

Json = dict[str, Any]

HI: Json = {"role": "user", "content": "Hi"}
CAW: Json = {"type": "text", "text": "Caw"}
SIGNED: Json = {"type": "thinking", "thinking": "Shiny", "signature": "s"}
FLY: Json = {"type": "tool_use", "id": "t1", "name": "fly", "input": {}}
SIT: Json = {"type": "tool_use", "id": "t2", "name": "sit", "input": {}}
FLOWN: Json = {"type": "tool_result", "tool_use_id": "t1", "content": "done"}
SAT: Json = {"type": "tool_result", "tool_use_id": "t2", "content": [CAW]}
TOOL: Json = {"name": "fly", "input_schema": {"type": "object"}}
THINKING: Json = {"type": "enabled", "budget_tokens": 1024}


MARK: Json = {"cache_control": {"type": "ephemeral"}}
LONG: Json = {"type": "ephemeral", "ttl": "1h"}
LONG_MARK: Json = {"cache_control": LONG}
ANY: Json = {"type": "any"}
ADAPTIVE: Json = {"type": "adaptive", "display": "summarized"}
CLOSED: Json = {"name": "fly", "strict": True, "input_schema": {"type": "object", "additionalProperties": False}}
NESTED_OPEN: Json = {"type": "object", "additionalProperties": False, "properties": {"where": {"type": "object"}}}
SEARCH: Json = {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"}
SYSTEM: Json = {"role": "system", "content": "Be a raven."}
REMOVAL: Json = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "fly"}}
ADDITION: Json = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "fly"}}
INLINE: Json = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": TOOL | {"name": "sit"}}}
BETA = {"anthropic-beta": "inline-tools-2026-09-15"}
OLD, NEW = {"anthropic-version": "2023-06-01"}, {"anthropic-version": "2026-10-21"}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": [*blocks]}


def body(*messages: Json, **more: object) -> Json:
    return {"model": "claude-sonnet-4-5", "max_tokens": 2048, "messages": [*messages] or [HI], **more}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body(HI, assistant(CAW), HI),
        body(HI, assistant(SIGNED, CAW, FLY, SIT), user(FLOWN, SAT, CAW)),
        body(HI, assistant(FLY, SIT), user(SAT, FLOWN)),
        body(HI, assistant({"type": "redacted_thinking", "data": "x"}, FLY), user(FLOWN), thinking=THINKING),
        body(HI, assistant({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}, CAW), HI),
        body(HI, assistant({"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}, CAW), HI),
        body(HI, {"role": "assistant", "content": "The answer is"}),
        body(user(CAW, {"type": "image", "source": {"type": "url", "url": "https://example.com/raven.png"}})),
        body(user({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "eA=="}})),
        body(HI, assistant(FLY), user(FLOWN | {"is_error": True, "content": "no wind"})),
        body(HI, assistant(FLY), user({"type": "tool_result", "tool_use_id": "t1"})),
        body(system=[CAW | MARK], stream=True, stop_sequences=["Nevermore"]),
        body(user(CAW, CAW | MARK), assistant(FLY | MARK), user(FLOWN | MARK), system=[CAW | MARK]),
        body(thinking=THINKING, top_p=0.95, tools=[TOOL], tool_choice={"type": "none"}),
        body(tools=[TOOL], tool_choice={"type": "tool", "name": "fly", "disable_parallel_tool_use": True}),
        body(tools=[TOOL], tool_choice={"type": "auto"}, thinking=THINKING, temperature=1.0),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (body(assistant(CAW)), "first message"),
        (body(user(*[CAW | MARK] * 4), system=[CAW | MARK]), "maximum of 4"),
        (body(HI, assistant(SIGNED | MARK, CAW), HI), "cache_control"),
        (body(thinking=THINKING, top_k=5), "top_k"),
        (body(thinking=THINKING, top_p=0.9), "top_p"),
        (body(HI, HI), "alternate"),
        (body(HI, assistant(CAW), assistant(CAW), HI), "alternate"),
        (body(HI, assistant(CAW), {"role": "system", "content": "Be a raven"}, HI), "must follow a user message"),
        (body({"role": "system", "content": "Be a raven"}, HI), "must follow a user message"),
        (body(HI, {"role": "system", "content": "Be a raven"}, HI), "followed by an assistant"),
        (body(HI, assistant(FLY), {"role": "system", "content": "."}, user(FLOWN)), "must follow a user message"),
        (body(HI, assistant(CAW, SIGNED), HI), "final block"),
        (body(metadata={"name": "Raven"}), "unknown field `name`"),
        (body(service_tier="flex"), "flex"),
        (body(output_config={"verbosity": "low"}), "unknown field `verbosity`"),
        (body(thinking={"type": "between_tools", "display": "omitted"}), "unknown field `display`"),
        (body(thinking={"type": "disabled", "display": "omitted"}), "unknown field `display`"),
        (body(thinking={"type": "adaptive", "display": "full"}), "full"),
        (
            body(system=[CAW | MARK], tools=[TOOL | {"cache_control": LONG}]) | {"messages": [user(CAW | LONG_MARK)]},
            "1h",
        ),
        (body(tools=[TOOL | {"defer_loading": True}]), "must be non-deferred"),
        (body(tools=[TOOL, TOOL | {"name": "sit", "defer_loading": True} | MARK]), "cannot have cache_control"),
        (body(tools=[TOOL | {"strict": True}]), "additionalProperties"),
        (body(tools=[TOOL | {"strict": True, "input_schema": NESTED_OPEN}]), "additionalProperties"),
        (body(tools=[CLOSED | {"name": f"f{number}"} for number in range(21)]), "at most 20"),
        (body(tools=[{"type": "web_search_20260318"}]), "name"),
        (body(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}}), "additionalProperties"),
        (body(HI, assistant(), HI), "length >= 1"),
        (body({"role": "user", "content": ""}), "regex"),
        (body(user({"type": "text", "text": " \n"})), "regex"),
        (body(user({"type": "text", "text": "\u200b"})), "regex"),
        (body(HI, assistant({"type": "text", "text": ""}), HI), "regex"),
        (body(HI, assistant(FLY), HI), "no tool_result for the tool_use 't1'"),
        (body(HI, assistant(FLY)), "no tool_result"),
        (body(HI, assistant(FLY, SIT), user(FLOWN)), "no tool_result for the tool_use 't2'"),
        (
            body(HI, assistant(FLY), user(CAW), assistant(CAW), user(FLOWN)),
            "'t1', which is not a tool_use of the message before",
        ),
        (body(user(FLOWN)), "'t1', which"),
        (body(HI, assistant(FLY), user(FLOWN, FLOWN)), "a single result"),
        (body(HI, assistant(FLY), user(CAW, FLOWN)), "before other content"),
        (body(HI, assistant(FLY), user(FLOWN), assistant(FLY), user(FLOWN)), "unique"),
        (body(HI, assistant(FLY, FLY), user(FLOWN)), "unique"),
        (body(HI, assistant(FLOWN), HI), "tool_result"),
        (body(user(FLY), assistant(CAW), HI), "tool_use"),
        (body(HI, assistant(FLY | {"id": "call:1"}), user(FLOWN)), "regex"),
        (body(HI, assistant(FLY | {"id": ""}), user(FLOWN)), "regex"),
        (body(HI, assistant(FLY | {"input": "{}"}), user(FLOWN)), "input"),
        (body(HI, assistant(FLY), user(FLOWN | {"content": "", "is_error": True})), "cannot be empty"),
        (
            body(
                HI,
                assistant(FLY),
                user(
                    FLOWN
                    | {
                        "is_error": True,
                        "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com"}}],
                    }
                ),
            ),
            "type `text`",
        ),
        (body(HI, assistant(FLY, SIGNED), user(FLOWN)), "before tool_use"),
        (body(HI, assistant({"type": "thinking", "thinking": "Shiny"}, CAW), HI), "signature"),
        (body(HI, assistant(SIGNED | {"signature": ""}, CAW), HI), "signature"),
        (body(HI, assistant(CAW, FLY), user(FLOWN), thinking=THINKING), "start with a thinking block"),
        (body(HI, {"role": "assistant", "content": "The answer is "}), "trailing whitespace"),
        (body(HI, assistant({"type": "text", "text": "The answer is\n"})), "trailing whitespace"),
        (body(max_tokens=0), "max_tokens"),
        ({"model": "claude", "messages": [HI]}, "max_tokens"),
        ({"max_tokens": 1, "messages": [HI]}, "model"),
        ({"model": "claude", "max_tokens": 1, "messages": []}, "length >= 1"),
        (body(system=""), "system"),
        (body(tools=[TOOL, TOOL]), "unique"),
        (body(tools=[TOOL | {"name": "fly away"}]), "regex"),
        (body(tools=[TOOL | {"name": "f" * 129}]), "regex"),
        (body(tools=[TOOL | {"input_schema": {"type": "array"}}]), "array"),
        (body(tool_choice={"type": "auto"}), "only be specified while providing tools"),
        (body(tools=[TOOL], tool_choice={"type": "tool", "name": "sit"}), "no tool 'sit'"),
        (body(tools=[TOOL], tool_choice={"type": "required"}), "tool_choice"),
        (body(tools=[TOOL], tool_choice={"type": "any"}, thinking=THINKING), "forces tool use"),
        (body(thinking=THINKING, max_tokens=1024), "budget_tokens"),
        (body(thinking=THINKING | {"budget_tokens": 1023}), "budget_tokens"),
        (body(thinking=THINKING, temperature=0.5), "temperature"),
        (body(temperature=1.5), "temperature"),
        (body(n=2), "unknown field `n`"),
        (body(user(CAW | {"turn": 1})), "unknown field `turn`"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken


def of(model: str, *messages: Json, **more: object) -> Json:
    """A request to *model*."""
    return body(*messages, **more) | {"model": model}


def system(*blocks: Json) -> Json:
    return {"role": "system", "content": [*blocks]}


@pytest.mark.parametrize(
    ("good", "headers"),
    [
        (of("claude-opus-5-5", thinking=ADAPTIVE, output_config={"effort": "max"}), NEW),
        (of("claude-sonnet-5-5", thinking={"type": "between_tools"}, output_config={"effort": "high"}), NEW),
        (of("claude-haiku-5-5", thinking={"type": "disabled"}, tools=[TOOL], tool_choice=ANY), NEW),
        (of("claude-opus-5", tools=[TOOL], tool_choice=ANY, thinking=ADAPTIVE), NEW),
        (of("claude-opus-4-6", tools=[TOOL], tool_choice=ANY, thinking=ADAPTIVE), OLD),
        (of("claude-opus-4-6", thinking=THINKING, temperature=1), OLD),
        (of("claude-opus-4-5", output_config={"effort": "high"}, temperature=0.5), OLD),
        (of("claude-haiku-4-5", HI, {"role": "assistant", "content": "The answer is"}, top_p=0.5), OLD),
        (of("claude-sonnet-4-0", temperature=0.5, top_p=0.5), OLD),
        (of("claude-opus-4-8", HI, SYSTEM), NEW),
        (of("claude-opus-5-5", HI, SYSTEM, assistant(FLY), user(FLOWN), system(CAW)), NEW),
        (of("claude-opus-5-5", HI, system(REMOVAL, INLINE), tools=[TOOL]), BETA),
        (of("claude-opus-5-5", HI, system(REMOVAL), assistant(CAW), HI, system(ADDITION), tools=[TOOL]), BETA),
        (of("claude-opus-5-5", HI, assistant({"type": "server_tool_use", "id": "s1"})), NEW),
        (body(tools=[TOOL | {"defer_loading": True}, SEARCH]), NEW),
        (body(tools=[CLOSED]), NEW),
        (body(system=[CAW | LONG_MARK]) | {"messages": [user(CAW | MARK)]}, NEW),
    ],
)
def test_a_request_that_its_model_and_version_take_is_valid(good: Json, headers: dict[str, str]) -> None:
    assert violations(good, headers) == []


@pytest.mark.parametrize(
    ("bad", "headers", "problem"),
    [
        (of("claude-opus-4-7", thinking=THINKING), NEW, "thinking.type.enabled"),
        (of("claude-opus-5-5", thinking={"type": "disabled"}), NEW, "thinking.type.disabled"),
        (of("claude-sonnet-5-5", thinking={"type": "disabled"}), NEW, "thinking.type.disabled"),
        (of("claude-haiku-5-5", thinking={"type": "between_tools"}), NEW, "thinking.type.between_tools"),
        (of("claude-sonnet-4-5", thinking=ADAPTIVE), OLD, "thinking.type.adaptive"),
        (of("claude-opus-5", thinking={"type": "disabled"}, output_config={"effort": "max"}), NEW, "requires thinking"),
        (of("claude-haiku-4-5", output_config={"effort": "low"}), OLD, "output_config.effort"),
        (of("claude-sonnet-4-6", output_config={"effort": "xhigh"}), OLD, "output_config.effort"),
        (of("claude-opus-4-7", temperature=0.5), OLD, "deprecated"),
        (of("claude-sonnet-4-6", temperature=0.5, top_p=0.5), OLD, "cannot both"),
        (of("claude-sonnet-4-6", temperature=0.5), NEW, "Extra inputs"),
        (of("claude-sonnet-4-6", thinking=ADAPTIVE, temperature=0.5), OLD, "adaptive mode"),
        (of("claude-fable-5-1", tools=[TOOL], tool_choice=ANY), NEW, "not supported for this model"),
        (of("claude-opus-4-6", HI, {"role": "assistant", "content": "The answer is"}), OLD, "prefill"),
        (of("claude-sonnet-5", HI, SYSTEM), NEW, "role 'system' is not supported"),
        (of("claude-opus-4-0", output_config={"format": {"type": "json_schema", "schema": {}}}), OLD, "structured"),
        (of("claude-haiku-4-5", max_tokens=64_001), OLD, "maximum allowed"),
        (of("claude-opus-5-5", HI, system(REMOVAL), tools=[TOOL]), NEW, "beta header"),
        (of("claude-opus-5-5", HI, system(REMOVAL)), BETA, "tool_reference_unresolved"),
        (body(user(CAW | {"citations": [{"type": "page_location"}]})), NEW, "citations"),
    ],
)
def test_what_the_model_or_the_version_rejects_is_a_violation(bad: Json, headers: dict[str, str], problem: str) -> None:
    broken = violations(bad, headers)

    assert any(problem in violation for violation in broken), broken
