"""The models endpoint: what it says about a model, and what happens when it says nothing."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest
from fixtures.aws.signatures import KEY_ID, SECRET, assert_signed
from fixtures.clients import KEY
from servers.loopback import Exchange, Loopback, Received, Respond, answers

from rayconteur.providers import served_facts
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.anthropic.endpoint.models import facts_in
from rayconteur.providers.auth.aws_config import AWSAuth
from rayconteur.providers.claude.models import claude_facts
from rayconteur.providers.models import with_model_facts
from rayconteur.providers.schema.errors import InvalidConfig, ProtocolError
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.served_facts import learn_facts

YES, NO = {"supported": True}, {"supported": False}
LEVELS = dict.fromkeys(("low", "medium", "high", "max"), YES)
CAPABILITIES: dict[str, Any] = {
    "image_input": YES,
    "pdf_input": NO,
    "structured_outputs": YES,
    "compaction": {"supported": True, "summarize": YES},
    "effort": {"supported": True, **LEVELS, "xhigh": None},
    "thinking": {"supported": True, "types": {"adaptive": YES, "enabled": NO, "disabled": YES, "between_tools": NO}},
    "something_new": {"supported": True},
}


def model_body(**capabilities: Any) -> bytes:
    """An answer of the endpoint, with these capabilities changed."""
    return msgspec.json.encode(
        {
            "type": "model",
            "id": "claude-next",
            "max_input_tokens": 2_000_000,
            "max_tokens": 256_000,
            "capabilities": {**CAPABILITIES, **capabilities},
        }
    )


FACTS = ModelFacts(
    context_limit_tokens=2_000_000,
    output_limit_tokens=256_000,
    takes_images=True,
    takes_documents=False,
    fits_schemas=True,
    thinks=True,
    thinking_types=("adaptive", "disabled"),
    efforts=("none", "low", "medium", "high", "max"),
    compacts=True,
)


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins in a process that has asked nothing."""
    monkeypatch.setattr(served_facts, "_learned", {})


def learned(respond: Respond, times: int = 1, **fields: Any) -> tuple[ModelFacts, list[Received]]:
    """The facts of a config with *fields* after asking the endpoint, and the requests that this took."""

    async def main() -> tuple[ModelFacts, list[Received]]:
        async with Loopback(respond) as server:
            all_fields: dict[str, Any] = {"model": "claude-next", "api_key": KEY, "fetch_model_facts": True, **fields}
            config = Anthropic(base_url=server.url, **all_fields).resolved({})
            for _ in range(times):
                await learn_facts(config)
            return with_model_facts(config).facts, server.received

    return asyncio.run(main())


def test_the_answer_of_the_endpoint_becomes_facts() -> None:
    assert facts_in(model_body()) == FACTS


@pytest.mark.parametrize(
    ("capabilities", "facts"),
    [
        ({"thinking": {"supported": True, "types": {"adaptive": YES}}}, {"efforts": ("low", "medium", "high", "max")}),
        ({"thinking": {"supported": False, "types": {"disabled": YES}}}, {"thinks": False, "thinking_types": ()}),
        ({"effort": NO}, {"efforts": ("none",)}),
        ({"effort": None}, {"efforts": None}),
        ({"compaction": None}, {"compacts": None}),
        ({"compaction": {"supported": True}}, {"compacts": False}),
        ({"compaction": {"supported": False, "summarize": YES}}, {"compacts": False}),
        ({"image_input": None}, {"takes_images": None}),
    ],
)
def test_what_the_endpoint_does_not_offer_or_tell_is_known_or_unknown(
    capabilities: dict[str, Any], facts: dict[str, Any]
) -> None:
    found = msgspec.structs.asdict(facts_in(model_body(**capabilities)))

    assert {name: found[name] for name in facts} == facts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"[]",
        b'{"type":"error"}',
        b'{"id":"m","max_tokens":-1}',
        b'{"id":"m","max_tokens":"many"}',
        b'{"id":"m","capabilities":{"thinking":true}}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_rejected_as_a_whole(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="models endpoint"):
        facts_in(body)


def test_the_endpoint_takes_precedence_over_the_documents_and_the_config_over_both() -> None:
    own = ModelFacts(output_limit_tokens=10)

    facts, _ = learned(answers(model_body()), model="claude-opus-5-5", facts=own)

    assert facts.output_limit_tokens == 10
    assert facts.context_limit_tokens == 2_000_000
    assert facts.binds_thinking is claude_facts("claude-opus-5-5").binds_thinking is True


def test_the_request_has_the_key_the_beta_of_compaction_and_the_headers_of_the_config() -> None:
    _, [request] = learned(
        answers(model_body()), model="a model/1", betas=("b-1",), extra_headers={"anthropic-workspace-id": "w"}
    )

    assert (request.method, request.target) == ("GET", "/v1/models/a%20model%2F1")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["anthropic-beta"] == "compact-2026-09-04,b-1"
    assert request.headers["anthropic-version"]
    assert request.headers["anthropic-workspace-id"] == "w"


def test_the_request_is_signed_on_claude_platform_on_aws() -> None:
    aws = AWSAuth(region="us-east-1", service="aws-external-anthropic", access_key_id=KEY_ID, secret_access_key=SECRET)

    facts, [request] = learned(answers(model_body()), api_key=None, aws=aws)

    assert facts.output_limit_tokens == 256_000
    assert_signed(request, "aws-external-anthropic")


def test_a_process_asks_once_about_each_model() -> None:
    _, requests = learned(answers(model_body()), times=3)

    assert len(requests) == 1


def test_who_asks_at_the_same_time_shares_the_answer() -> None:
    async def main() -> int:
        async with Loopback(answers(model_body())) as server:
            config = Anthropic(model="claude-next", api_key=KEY, base_url=server.url, fetch_model_facts=True)
            await asyncio.gather(*(learn_facts(config) for _ in range(10)))
            return len(server.received)

    assert asyncio.run(main()) == 1


def test_nothing_is_asked_unless_the_config_says_so() -> None:
    facts, requests = learned(answers(model_body()), fetch_model_facts=False)

    assert requests == []
    assert facts.output_limit_tokens != 256_000


async def hang(exchange: Exchange) -> None:
    await exchange.hang()


async def begin_and_hang(exchange: Exchange) -> None:
    await exchange.send_head()
    await exchange.send_chunk(b'{"id":')
    await exchange.hang()


async def drop(exchange: Exchange) -> None:
    await exchange.drop()


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (hang, "no answer within 0.5 s"),
        (begin_and_hang, "no answer within 0.5 s"),
        (drop, "ServerDisconnected"),
        (answers(b'{"error":{"message":"secret"}}', 500), "HTTP 500"),
        (answers(b'{"error":{"type":"not_found_error","message":"secret"}}', 404), "HTTP 404"),
        (answers(model_body(), 302, location="/elsewhere"), "HTTP 302"),
        (answers(b"secret nonsense"), "protocol"),
        (answers(b'{"id":"secret","max_tokens":0}'), "protocol"),
    ],
)
def test_without_a_usable_answer_what_is_documented_applies_and_one_line_is_logged(
    respond: Respond, reason: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if respond in (hang, begin_and_hang):
        monkeypatch.setattr(served_facts, "TIMEOUT_S", 0.5)
    with caplog.at_level(logging.INFO):
        facts, requests = learned(respond, times=3, model="claude-opus-5-5")

    assert facts.output_limit_tokens == 128_000
    assert len(requests) == 1
    [line] = [record.getMessage() for record in caplog.records if record.name == served_facts.__name__]
    assert "claude-opus-5-5" in line
    assert line.endswith(reason)
    assert "secret" not in line


def test_an_endpoint_that_failed_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_facts, "_RETRY_AFTER_S", 0.0)

    _, requests = learned(answers(b"", 500), times=2)

    assert len(requests) == 2


def test_one_who_stops_waiting_does_not_take_the_answer_from_the_others() -> None:
    async def main() -> ModelFacts:
        asked, answer = asyncio.Event(), asyncio.Event()

        async def respond(exchange: Exchange) -> None:
            asked.set()
            await answer.wait()
            await exchange.send_answer(model_body())

        async with Loopback(respond) as server:
            config = Anthropic(model="claude-next", api_key=KEY, base_url=server.url, fetch_model_facts=True)
            first, second = (asyncio.ensure_future(learn_facts(config)) for _ in range(2))
            await asked.wait()
            first.cancel()
            answer.set()
            await second
            return with_model_facts(config).facts

    assert asyncio.run(main()).output_limit_tokens == 256_000


@pytest.mark.parametrize(
    "base_url",
    ["https://bedrock-runtime.us-east-1.amazonaws.com/anthropic", "https://x.services.ai.azure.com/anthropic"],
)
def test_a_platform_without_the_endpoint_is_named(base_url: str) -> None:
    with pytest.raises(InvalidConfig, match=r"provider\.fetch_model_facts"):
        Anthropic(model="m", base_url=base_url, fetch_model_facts=True)
