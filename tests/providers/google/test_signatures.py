"""A session on Gemini whose history holds signatures: they go back to their model, and to no other."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from fixtures.clients import KEY
from fixtures.session import running_session
from servers.loopback import Exchange, Loopback
from validators.google import violations

import rayconteur as rc

SIGNATURE, SENTINEL = "c2lnbmVk", "skip_thought_signature_validator"
CALL = {"functionCall": {"id": "c1", "name": "fly", "args": {"to": "oak"}}, "thoughtSignature": SIGNATURE}
REJECTED = {"error": {"code": 400, "message": "Corrupted thought signature.", "status": "INVALID_ARGUMENT"}}


def chunk(*parts: dict[str, Any]) -> dict[str, Any]:
    """An answer of *parts*."""
    return {"candidates": [{"content": {"role": "model", "parts": [*parts]}, "finishReason": "STOP"}]}


class Gemini:
    """A server that gives each of *answers* once, in order."""

    def __init__(self, answers: Sequence[dict[str, Any]]) -> None:
        self._answers = iter(answers)

    async def __call__(self, exchange: Exchange) -> None:
        answer = next(self._answers)
        body = msgspec.json.encode(answer)
        if "error" in answer:
            await exchange.send_answer(body, 400, content_type="application/json")
        else:
            await exchange.send_answer(b"data: %b\n\n" % body)


def conversation(*answers: dict[str, Any], then: rc.Configure | None = None) -> list[dict[str, Any]]:
    """The requests of a turn with a tool use and, after *then*, of one more turn, to a model that gives *answers*."""

    async def main() -> list[dict[str, Any]]:
        async with Loopback(Gemini(answers)) as server:
            provider = rc.Google(model="gemini-3.8-flash", api_key=KEY, base_url=server.url).resolved({})
            config = rc.SessionConfig(provider=provider, tools=(rc.Tool(name="fly"),))
            async with running_session(config) as session:
                turn = session.ask("Fly!")
                await session.wait_for_event(rc.ToolBatch, turn)
                results = (rc.ToolResult(tool_use_id="c1", content=(rc.Text("landed"),)),)
                session.tell(rc.ToolResults(results=results))
                await session.wait_for_event(rc.Completed, turn)
                if then is not None:
                    session.tell(then)
                    await session.wait_for_event(rc.Completed, session.ask("And now?"))
            return [msgspec.json.decode(request.body) for request in server.received]

    return asyncio.run(main())


def signatures(request: dict[str, Any]) -> list[str]:
    parts = [part for content in request["contents"] for part in content["parts"]]
    return [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]


def test_a_signature_goes_back_to_its_model_and_is_omitted_for_another() -> None:
    said = chunk({"text": "Done."})

    _, same, other = conversation(chunk(CALL), said, said, then=rc.Configure(model="gemini-4-argon"))

    assert signatures(same) == [SIGNATURE]
    assert signatures(other) == [SENTINEL]
    assert violations(same, model="gemini-3.8-flash") == violations(other, model="gemini-4-argon") == []


def test_a_rejected_signature_is_omitted_and_the_request_repeated_once() -> None:
    said = chunk({"text": "Done."})

    _, rejected, repeated, later = conversation(chunk(CALL), REJECTED, said, said, then=rc.Configure(temperature=0.5))

    assert [signatures(request) for request in (rejected, repeated, later)] == [[SIGNATURE], [SENTINEL], [SENTINEL]]
    assert violations(repeated, model="gemini-3.8-flash") == violations(later, model="gemini-3.8-flash") == []
