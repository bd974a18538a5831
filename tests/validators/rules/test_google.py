"""The validator of requests to Google."""

from typing import Any

import pytest
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


def user(*parts: Json) -> Json:
    return {"role": "user", "parts": [*parts]}


def model(*parts: Json) -> Json:
    return {"role": "model", "parts": [*parts]}


def body(*contents: Json, **more: object) -> Json:
    return {"contents": [*contents] or [HI], **more}


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
