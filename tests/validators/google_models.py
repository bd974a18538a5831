"""The rules that differ between Gemini models, for the body of a request to generateContent.

They come from the guides to thinking, to function calling and tool combination, and to caching, from the pages of the
models in the documentation of the Gemini Enterprise Agent Platform, and from the errors of both APIs.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

NEWEST = {
    "gemini-flash-latest": "gemini-3.8-flash",
    "gemini-flash-lite-latest": "gemini-3.5-flash-lite",
    "gemini-pro-latest": "gemini-3.1-pro-preview",
}
ALL = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
NO_MINIMAL = ("LOW", "MEDIUM", "HIGH")
LEVELS = (
    ("gemini-3-pro-preview", ("LOW", "HIGH")),
    ("gemini-3-flash", ALL),
    ("gemini-3.1-pro", NO_MINIMAL),
    ("gemini-3.1-flash-lite", ALL),
    ("gemini-3.5-flash", ALL),
    ("gemini-3.6-flash", ALL),
    ("gemini-3.7-flash", NO_MINIMAL),
    ("gemini-3.8-flash", NO_MINIMAL),
    ("gemini-4-argon", NO_MINIMAL),
    ("gemini-4-carbon", NO_MINIMAL),
    ("gemini-4-hydrogen", (*NO_MINIMAL, "XHIGH")),
)
BUDGETS = (
    ("gemini-2.5-pro", 128, 32_768),
    ("gemini-2.5-flash-lite", 512, 24_576),
    ("gemini-2.5-flash", 1, 24_576),
)
TAKE_NO_PENALTIES = (
    "gemini-3.5-flash-lite",
    "gemini-3.6-flash",
    "gemini-3.7-flash",
    "gemini-3.8-flash",
    "gemini-4-argon",
    "gemini-4-carbon",
    "gemini-4-hydrogen",
)


def model_violations(body: Json, model: str, vertex: bool) -> list[str]:
    """The reasons for which *model* would reject *body*, whose names are in camelCase."""
    model, number = NEWEST.get(model, model), _number(model)
    if number is None:
        return []
    return [
        *_thinking(body.get("generationConfig", {}), model, number, vertex),
        *_generation(body, model, number),
        *_tools(body, model, number, vertex),
        *_results(body, number),
        *_endpoint(body, number, vertex),
    ]


def signs_calls(model: str) -> bool:
    """True if *model* rejects unsigned tool uses of the current turn: Gemini 3 and later."""
    return (_number(model) or 0) >= 3


def _number(model: str) -> float | None:
    """The version of *model*, such as 3.1; ``None`` where its name has none."""
    found = re.match(r"gemini-(\d+)(?:\.(\d+))?-", NEWEST.get(model, model))
    return int(found[1]) + int(found[2] or 0) / 10 if found else None


def _thinking(config: Json, model: str, number: float, vertex: bool) -> Iterator[str]:
    thinking = config.get("thinkingConfig")
    if thinking is None:
        return
    if number < 2.5 or model.startswith("gemini-2.5-flash-image"):
        yield "thinking is not enabled for this model"
        return
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    levels = next((levels for name, levels in LEVELS if model.startswith(name)), None)
    if "image" in model:  # Vertex AI takes all levels where the Gemini API takes two
        levels = ("MINIMAL", "HIGH") if number > 3 and not vertex else ALL
    if level is not None and number < 3:
        yield "thinking level is not supported for this model"
    elif level is not None and levels is not None and level.upper() not in levels:
        yield f"thinking level {level} is not supported for this model; please retry with other thinking level"
    if budget == 0:
        is_off = model.startswith("gemini-2.5-flash") or (vertex and model.startswith("gemini-3.1-pro"))
        if not is_off:
            yield "budget 0 is invalid; this model only works in thinking mode"
    elif budget not in (None, -1):
        limits = next((limits for name, *limits in BUDGETS if model.startswith(name)), None)
        if limits is not None and not limits[0] <= budget <= limits[1]:
            yield f"the thinking budget {budget} is invalid; please choose a value between {limits[0]} and {limits[1]}"


def _generation(body: Json, model: str, number: float) -> Iterator[str]:
    config = body.get("generationConfig", {})
    is_late = model.startswith(TAKE_NO_PENALTIES)
    if is_late and (config.get("presencePenalty") or config.get("frequencyPenalty")):
        yield "penalty is not enabled for this model"
    if is_late and body["contents"][-1]["role"] == "model":
        yield "requests ending with a model turn are not supported"
    if number >= 4 and "cachedContent" in body:
        yield "explicit caching is not supported for this model"


def _tools(body: Json, model: str, number: float, vertex: bool) -> Iterator[str]:
    kinds = {name for tool in body.get("tools", ()) for name in tool}
    has_functions, config = "functionDeclarations" in kinds, body.get("toolConfig", {})
    has_both = has_functions and len(kinds) > 1
    reports = config.get("includeServerSideToolInvocations", False)
    if (has_functions and "image" in model) or (kinds and model.startswith("gemini-2.5-flash-image")):
        yield "tool use is not enabled for this model"
    if number < 3:
        if has_both:
            yield "multiple tools are supported only when they are all search tools"
        if kinds and body.get("generationConfig", {}).get("responseMimeType") == "application/json":
            yield "tool use with a response mime type: 'application/json' is unsupported"
        if reports:
            yield "tool call context circulation is not enabled"
    elif has_both and not vertex and not reports:
        yield "please enable tool_config.include_server_side_tool_invocations to use built-in tools with functions"
    if vertex and reports:
        yield "include_server_side_tool_invocations is of the Gemini API only"
    if config.get("functionCallingConfig", {}).get("mode") == "VALIDATED" and (number < 2.5 or "image" in model):
        yield "the function calling mode VALIDATED is not supported for this model"


def _results(body: Json, number: float) -> Iterator[str]:
    for index, content in enumerate(body["contents"]):
        for part in content["parts"]:
            if number < 3 and part.get("functionResponse", {}).get("parts"):
                yield f"contents[{index}]: media in a function response are not supported for this model"
            if number < 3 and "mediaResolution" in part:
                yield f"contents[{index}]: the media resolution of a part is not supported for this model"


def _endpoint(body: Json, number: float, vertex: bool) -> Iterator[str]:
    parts = [part for content in body["contents"] for part in content["parts"]]
    if any("toolCall" in part or "toolResponse" in part for part in parts) and (vertex or number < 3):
        yield "tool calls of the server are not supported by this model or endpoint"
    if not vertex and any("method" in setting for setting in body.get("safetySettings", ())):
        yield "the method of a safety setting is of Vertex AI only"
    if vertex and "serviceTier" in body:
        yield "Vertex AI takes the service tier in a header"
    streams = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("streamFunctionCallArguments")
    if streams and not vertex:
        yield "stream_function_call_arguments is of Vertex AI only"
