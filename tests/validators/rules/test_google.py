"""The validator of requests to Google."""

import re
from typing import Any

import pytest
from servers.recordings import exchanges
from validators.google import violations

Json = dict[str, Any]

HI: Json = {"role": "user", "parts": [{"text": "Hi"}]}
CAW: Json = {"role": "model", "parts": [{"text": "Caw"}]}
FLY: Json = {"functionCall": {"name": "fly", "args": {}}}
SIT: Json = {"functionCall": {"name": "sit", "id": "t2", "args": {}}}
FLOWN: Json = {"functionResponse": {"name": "fly", "response": {"output": "done"}}}
SAT: Json = {"functionResponse": {"name": "sit", "id": "t2", "response": {}}}
SIGNED: Json = FLY | {"thoughtSignature": "c2lnbmVk"}
TOOLS: list[Json] = [{"functionDeclarations": [{"name": "fly", "parametersJsonSchema": {"type": "object"}}]}]


ULTRA: Json = {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}
SEARCH: Json = {"googleSearch": {}}
METHOD: Json = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF", "method": "SEVERITY"}
REPORTED: Json = {"includeServerSideToolInvocations": True}


def user(*parts: Json) -> Json:
    return {"role": "user", "parts": [*parts]}


def model(*parts: Json) -> Json:
    return {"role": "model", "parts": [*parts]}


def body(*contents: Json, **more: object) -> Json:
    return {"contents": [*contents] or [HI], **more}


def with_picture(media_type: str) -> Json:
    """A function response with an image."""
    picture = {"inlineData": {"mimeType": media_type, "data": "YQ=="}}
    return {"functionResponse": {"name": "fly", "response": {}, "parts": [picture]}}


def with_thinking(**config: object) -> Json:
    return with_generation_config(thinkingConfig=config)


def with_calling_config(**calling: object) -> Json:
    return body(tools=TOOLS, toolConfig={"functionCallingConfig": calling})


def with_generation_config(**config: object) -> Json:
    return body(generationConfig=config)


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body(HI, CAW, HI, systemInstruction={"parts": [{"text": "Be a raven"}]}),
        body(HI, HI, CAW, HI),
        body(HI, model(FLY, SIT), user(SAT, FLOWN)),
        body(HI, model({"text": "Off I go"}, SIGNED), user(FLOWN, {"text": "And now?"})),
        body(HI, model({"text": "Hm", "thought": True, "thoughtSignature": "YQ"}, {"text": "Caw"}), HI),
        body(HI, model({"executableCode": {}}, {"codeExecutionResult": {}}, {"thoughtSignature": "YQ=="}), HI),
        body(user({"inlineData": {"mimeType": "image/png", "data": "YQ=="}})),
        body(user({"file_data": {"mime_type": "application/pdf", "file_uri": "gs://rook/a.pdf"}})),
        with_calling_config(mode="ANY", allowedFunctionNames=["fly"]),
        with_generation_config(
            temperature=2, topK=40, seed=-1, stopSequences=["Nevermore"], thinkingConfig={"thinkingBudget": 0}
        ),
        with_generation_config(responseMimeType="application/json", responseJsonSchema={"type": "object"}),
        with_generation_config(thinkingConfig={"thinkingLevel": "low"}, mediaResolution="MEDIA_RESOLUTION_LOW"),
        body(safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}], serviceTier="flex"),
        body(cachedContent="cachedContents/nest", labels={"team": "birds"}),
        body(user({"fileData": {"mimeType": "image/png", "fileUri": "gs://rook/a"}, "mediaResolution": ULTRA})),
        body(HI, model(FLY), user(with_picture("image/png"))),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"contents": []}, "length >= 1"),
        (body(CAW, HI), "must be the user's"),
        (body(HI, CAW), "end with a user role"),
        (body({"role": "assistant", "parts": [{"text": "Caw"}]}, HI), "enum"),
        (body({"role": "user", "parts": []}), "length >= 1"),
        (body(user({})), "oneof"),
        (body(user({"text": "a", "inlineData": {"mimeType": "image/png", "data": "YQ=="}})), "oneof"),
        (body(user(FLY)), "only the model may send"),
        (body(user({"text": "a", "thoughtSignature": "YQ=="})), "only the model may send"),
        (body(HI, model({"text": "a", "thoughtSignature": "a b"}), HI), "Base64"),
        (body(user({"inlineData": {"mimeType": "image/png", "data": "%"}})), "Base64"),
        (body(user({"inlineData": {"mimeType": "png", "data": "YQ=="}})), "regex"),
        (body(user({"fileData": {"fileUri": "gs://rook/a"}})), "mimeType"),
        (body(HI, model(FLY), HI), "number of function response parts"),
        (body(HI, model(FLY, SIT), user(FLOWN)), "number of function response parts"),
        (body(HI, model(FLY), user(FLOWN), user(FLOWN)), "number of function response parts"),
        (body(HI, model(FLY), user(SAT)), "names of function calls"),
        (body(HI, model(SIT), user({"functionResponse": SAT["functionResponse"] | {"id": "t3"}})), "ids of function"),
        (body(user(FLOWN)), "come in pairs"),
        (body(HI, model(FLY)), "come in pairs"),
        (body(HI, model({"functionCall": {"name": "7up"}}), user(FLOWN)), "regex"),
        (body(HI, model({"functionCall": {"name": "f" * 129}}), user(FLOWN)), "regex"),
        (body(HI, model(FLY), model(FLOWN), HI), "comes from the user"),
        (body(tools=TOOLS * 2), "duplicate function declaration"),
        (body(tools=[{"functionDeclarations": [{"name": f"f{n}"} for n in range(513)]}]), "at most 512"),
        (body(toolConfig={"functionCallingConfig": {"mode": "AUTO"}}), "without function declarations"),
        (with_calling_config(mode="AUTO", allowedFunctionNames=["fly"]), "ANY or VALIDATED"),
        (with_calling_config(mode="ANY", allowedFunctionNames=["sit"]), "not declared"),
        (with_calling_config(mode="REQUIRED"), "enum"),
        (with_generation_config(temperature=2.5), "temperature"),
        (with_generation_config(seed=1 << 31), "seed"),
        (with_generation_config(stopSequences=["a"] * 6), "length <= 5"),
        (with_generation_config(responseJsonSchema={}), "mime type"),
        (
            with_generation_config(thinkingConfig={"thinkingBudget": 1, "thinkingLevel": "LOW"}),
            "not supported together",
        ),
        (with_generation_config(thinkingConfig={"thinkingLevel": "MAX"}), "regex"),
        (with_generation_config(mediaResolution="MEDIA_RESOLUTION_ULTRA_HIGH"), "enum"),
        (body(serviceTier="FLEX"), "enum"),
        (body(safetySettings=[{"category": "HARASSMENT", "threshold": "OFF"}]), "regex"),
        (body(cachedContent="cachedContents/nest", tools=TOOLS), "when using cached content"),
        (body(HI, model(FLY), user(with_picture("image/gif"))), "unsupported media in a function response"),
        (
            body(HI, model(FLY), user({"functionResponse": {"name": "fly", "response": {"a": [{"$ref": "b"}]}}})),
            "$ref in the function response",
        ),
        (body(stream=True), "unknown field `stream`"),
        (body(HI | {"turn": 1}), "unknown field `turn`"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken


def test_newer_models_need_a_signature_on_the_first_tool_use_of_each_step() -> None:
    old = (HI, model(FLY), user(FLOWN), CAW)

    assert violations(body(*old, HI, model(SIGNED, SIT), user(FLOWN, SAT)), needs_signatures=True) == []
    assert violations(body(*old, HI, model(FLY), user(FLOWN)), needs_signatures=False) == []
    [violation] = violations(body(*old, HI, model(FLY), user(FLOWN)), needs_signatures=True)
    assert "contents[5]: function call is missing a thought_signature" in violation


@pytest.mark.parametrize(
    ("model_name", "vertex", "good"),
    [
        ("gemini-2.0-flash", False, with_generation_config(presencePenalty=0.5)),
        ("gemini-2.5-flash", False, with_thinking(thinkingBudget=0)),
        ("gemini-2.5-pro", False, with_thinking(thinkingBudget=128)),
        ("gemini-2.5-flash", False, body(tools=[SEARCH])),
        ("gemini-3-flash-preview", False, with_thinking(thinkingLevel="MINIMAL")),
        ("gemini-3.1-pro-preview", True, with_thinking(thinkingBudget=0)),
        ("gemini-3.8-flash", False, body(tools=[*TOOLS, SEARCH], toolConfig=REPORTED)),
        ("gemini-3.8-flash", True, body(tools=[*TOOLS, SEARCH])),
        ("gemini-3.8-flash", False, with_generation_config(temperature=0.5)),
        ("gemini-4-hydrogen", False, with_thinking(thinkingLevel="XHIGH")),
        ("tuned", False, with_thinking(thinkingLevel="XHIGH")),
    ],
)
def test_a_request_that_fits_its_model_has_no_violations(model_name: str, vertex: bool, good: Json) -> None:
    assert violations(good, model=model_name, vertex=vertex) == []


@pytest.mark.parametrize(
    ("model_name", "vertex", "bad", "problem"),
    [
        ("gemini-2.0-flash", False, with_thinking(includeThoughts=True), "thinking is not enabled"),
        ("gemini-2.5-flash-image", False, with_thinking(thinkingBudget=0), "thinking is not enabled"),
        ("gemini-2.5-flash", False, with_thinking(thinkingLevel="LOW"), "level is not supported"),
        ("gemini-2.5-pro", False, with_thinking(thinkingBudget=0), "budget 0 is invalid"),
        ("gemini-2.5-pro", False, with_thinking(thinkingBudget=32_769), "between 128 and 32768"),
        ("gemini-3-pro-preview", False, with_thinking(thinkingLevel="MEDIUM"), "level MEDIUM is not supported"),
        ("gemini-3.1-pro-preview", False, with_thinking(thinkingBudget=0), "budget 0 is invalid"),
        ("gemini-3.8-flash", False, with_thinking(thinkingLevel="MINIMAL"), "level MINIMAL is not supported"),
        ("gemini-flash-latest", False, with_thinking(thinkingLevel="MINIMAL"), "level MINIMAL is not supported"),
        ("gemini-4-argon", False, with_thinking(thinkingLevel="XHIGH"), "level XHIGH is not supported"),
        ("gemini-3.6-flash", False, with_generation_config(frequencyPenalty=0.5), "penalty is not enabled"),
        ("gemini-3.6-flash", False, body(HI, CAW), "ending with a model turn"),
        ("gemini-4-argon", False, body(cachedContent="cachedContents/nest"), "explicit caching"),
        ("gemini-2.5-flash", False, body(tools=[*TOOLS, SEARCH]), "multiple tools"),
        ("gemini-2.5-flash", False, body(tools=[SEARCH], toolConfig=REPORTED), "context circulation"),
        (
            "gemini-2.5-flash",
            False,
            body(tools=TOOLS, generationConfig={"responseMimeType": "application/json"}),
            "response mime type",
        ),
        ("gemini-3.8-flash", False, body(tools=[*TOOLS, SEARCH]), "please enable"),
        ("gemini-3.8-flash", True, body(tools=[*TOOLS, SEARCH], toolConfig=REPORTED), "Gemini API only"),
        ("gemini-3.8-flash", True, body(serviceTier="flex"), "in a header"),
        ("gemini-3.8-flash", False, body(safetySettings=[METHOD]), "the method of a safety setting"),
        ("gemini-3.8-flash", True, body(HI, model({"toolCall": {}}), HI), "tool calls of the server"),
        ("gemini-2.0-flash", False, with_calling_config(mode="VALIDATED"), "VALIDATED is not supported"),
        ("gemini-3-pro-image", False, body(tools=TOOLS), "tool use is not enabled"),
        ("gemini-2.5-flash", False, body(HI, model(FLY), user(with_picture("image/png"))), "media in a function"),
        ("gemini-3.8-flash", False, body(HI, model(FLY), user(FLOWN)), "missing a thought_signature"),
        (
            "gemini-3.8-flash",
            False,
            with_calling_config(mode="AUTO", streamFunctionCallArguments=True),
            "Vertex AI only",
        ),
    ],
)
def test_a_request_that_does_not_fit_its_model_has_its_violation(
    model_name: str, vertex: bool, bad: Json, problem: str
) -> None:
    broken = violations(bad, model=model_name, vertex=vertex)

    assert any(problem in violation for violation in broken), broken


@pytest.mark.parametrize("file", ["gemini", "vertex"])
def test_requests_that_google_accepted_break_no_rule_of_their_models(file: str) -> None:
    accepted = [exchange.record for exchange in exchanges(file, "generate_content") if exchange.record["status"] == 200]
    requests = [(record["path"], record["request"]) for record in accepted if record["request"]]

    for path, request in requests:
        [name] = re.findall(r"models/([^:]+):", path)
        assert violations(request, model=name, vertex=file == "vertex") == [], path
    if not requests:
        pytest.skip(f"no {file}.jsonl among the recordings")
