"""Anthropic's Messages API at other platforms: signed requests at AWS, keys and tokens in Foundry."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from fixtures import clients
from fixtures.aws.signatures import KEY_ID, SECRET, TOKEN, assert_signed
from fixtures.clients import HI, KEY, MESSAGES, client_and_server, collect_deltas
from servers.loopback import Exchange, Received, Respond, answers

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.auth.aws_config import AWSAuth
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ConfigError,
    InvalidConfig,
    InvalidRequest,
    MissingExtra,
    MissingKey,
    ProviderError,
)
from rayconteur.providers.schema.request import Request, Settings

RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com/anthropic"
MANTLE = "https://bedrock-mantle.us-east-1.api.aws/anthropic"
FOUNDRY = "https://mine.services.ai.azure.com/anthropic"
KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
ANSWERS = answers(MESSAGES)
SIGNED = AWSAuth(region="us-east-1", service="bedrock", access_key_id=KEY_ID, secret_access_key=SECRET)


def sent_requests(respond: Respond = ANSWERS, count: int = 1, **fields: Any) -> list[Received]:
    """The requests of a client whose config has *fields*."""

    def config(url: str) -> ProviderConfig:
        return Anthropic(model="claude-x", base_url=f"{url}/anthropic", **fields).resolved({})

    return clients.sent_requests(config, respond, count)


def resolved(environ: Mapping[str, str], **fields: Any) -> Anthropic:
    config = Anthropic(model="m", **fields).resolved(environ)
    assert config.resolved(environ) == config
    return config


@pytest.mark.parametrize("service", ["bedrock", "bedrock-mantle", "aws-external-anthropic"])
@pytest.mark.parametrize("token", [None, TOKEN])
def test_each_request_is_signed_for_its_service(service: str, token: str | None) -> None:
    auth = msgspec.structs.replace(SIGNED, service=service, session_token=token)

    requests = sent_requests(aws=auth, count=4)  # the last two bypass the SDK

    assert {request.target for request in requests} == {"/anthropic/v1/messages"}
    for request in requests:
        assert_signed(request, service, token)


def test_a_large_body_is_signed_whole_and_sent_in_pieces() -> None:
    async def main() -> Received:
        def config(url: str) -> ProviderConfig:
            return Anthropic(model="claude-x", base_url=url, aws=SIGNED).resolved({})

        async with client_and_server(config, answers(MESSAGES)) as (client, server):
            message = msgspec.structs.replace(HI, content=(Text("x" * 3_000_000),))
            await collect_deltas(client, Request(1, (message,), Settings()))
            return server.received[0]

    request = asyncio.run(main())

    assert len(request.body) > 3_000_000
    assert request.headers["content-length"] == str(len(request.body))
    assert_signed(request, "bedrock")


def test_a_bedrock_api_key_is_sent_as_a_bearer_token() -> None:
    [as_key] = sent_requests(api_key=KEY, platform="bedrock")
    [as_token] = sent_requests(aws=AWSAuth(bearer_token=KEY))

    assert as_key.headers["authorization"] == as_token.headers["authorization"] == f"Bearer {KEY}"


def test_a_key_of_foundry_is_sent_in_the_headers_that_it_reads_and_not_as_a_token() -> None:
    requests = sent_requests(api_key=KEY, platform="foundry", count=3)

    for request in requests:
        assert (request.headers["x-api-key"], request.headers["api-key"]) == (KEY, KEY)
        assert "authorization" not in request.headers


def test_a_token_of_entra_is_sent_as_a_bearer_token_and_a_function_is_asked_for_each_request() -> None:
    [fixed] = sent_requests(ad_token=KEY)
    changing = sent_requests(ad_token_provider="servers.entra_tokens:changing_token", count=6)

    assert fixed.headers["authorization"] == f"Bearer {KEY}"
    assert len({request.headers["authorization"] for request in changing}) >= 3
    assert not any("x-api-key" in request.headers or "api-key" in request.headers for request in [fixed, *changing])


@pytest.mark.parametrize(
    "fields",
    [{"aws": SIGNED}, {"api_key": KEY, "platform": "foundry"}, {"ad_token": KEY}],
    ids=["aws", "foundry", "entra"],
)
def test_credentials_do_not_follow_a_redirect_to_another_server(fields: dict[str, Any]) -> None:
    async def respond(exchange: Exchange) -> None:
        targets.append(exchange.request.target)
        if exchange.request.target == "/elsewhere":
            await exchange.send_answer(MESSAGES)
        await exchange.send_answer(b"", status=307, location="/elsewhere")

    targets: list[str] = []
    with pytest.raises(ProviderError):
        sent_requests(respond, **fields)

    assert targets == ["/anthropic/v1/messages"]


def test_a_failing_token_function_fails_the_request_as_an_authentication_and_shows_no_token() -> None:
    with pytest.raises(AuthenticationFailed, match="RuntimeError") as raised:
        sent_requests(ad_token_provider="servers.entra_tokens:failing_token")

    assert raised.value.__cause__ is None
    assert "a-token" not in repr(raised.value.args)


@pytest.mark.parametrize(
    ("fields", "secret"),
    [
        ({"aws": msgspec.structs.replace(SIGNED, session_token=TOKEN)}, TOKEN),
        ({"aws": SIGNED}, SECRET),
        ({"aws": AWSAuth(bearer_token=KEY)}, KEY),
        ({"api_key": KEY, "platform": "foundry"}, KEY),
        ({"ad_token": KEY}, KEY),
    ],
    ids=["session token", "secret key", "bearer token", "foundry key", "entra token"],
)
def test_no_secret_is_shown_stored_or_repeated_in_an_error(fields: dict[str, Any], secret: str) -> None:
    config = Anthropic(model="m", base_url="http://x.example", **fields).resolved({})
    echo = answers(b'{"error":{"message":"no access for %b"}}' % secret.encode(), 400)

    with pytest.raises(InvalidRequest) as raised:
        sent_requests(echo, **fields)

    stored = msgspec.msgpack.encode(config.public())
    assert secret not in repr(config) + repr(config.public()) + repr(raised.value.args)
    assert secret.encode() not in stored
    assert msgspec.msgpack.decode(stored, type=Anthropic) == config.public()


def test_a_public_config_says_where_its_credentials_come_from() -> None:
    aws = Anthropic(model="m", base_url=RUNTIME, aws=AWSAuth(profile="birds")).resolved({}).public().aws

    assert aws == AWSAuth(profile="birds", region="us-east-1", service="bedrock")


@pytest.mark.parametrize(
    ("base_url", "platform", "service", "region"),
    [
        (RUNTIME, "bedrock", "bedrock", "us-east-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/anthropic/", "bedrock", "bedrock", "us-gov-west-1"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn/anthropic", "bedrock", "bedrock", "cn-north-1"),
        (MANTLE, "bedrock", "bedrock-mantle", "us-east-1"),
        ("https://aws-external-anthropic.eu-west-1.api.aws", "aws", "aws-external-anthropic", "eu-west-1"),
        (
            "https://vpce-0a1-b2.bedrock-runtime.eu-west-3.vpce.amazonaws.com/anthropic",
            "bedrock",
            "bedrock",
            "eu-west-3",
        ),
    ],
)
def test_an_address_of_aws_tells_platform_service_and_region(
    base_url: str, platform: str, service: str, region: str
) -> None:
    config = resolved(KEYS | {"AWS_REGION": "eu-north-1"}, base_url=base_url)

    assert config.platform == platform
    assert config.aws is not None
    assert (config.aws.service, config.aws.region) == (service, region)
    assert config.aws.access_key_id == KEY_ID


def test_a_key_of_anthropic_goes_to_no_other_platform_unless_the_environment_names_its_address() -> None:
    environ = {"ANTHROPIC_API_KEY": KEY}

    at_aws = resolved(environ, base_url=RUNTIME)
    told = resolved(environ | {"ANTHROPIC_BASE_URL": RUNTIME})

    assert at_aws.api_key is None
    assert at_aws.aws == AWSAuth(region="us-east-1", service="bedrock")
    assert (told.api_key, told.aws) == (KEY, None)
    with pytest.raises(MissingKey, match="ANTHROPIC_FOUNDRY_API_KEY"):
        resolved(environ, base_url=FOUNDRY)
    assert resolved(environ | {"ANTHROPIC_FOUNDRY_API_KEY": "k"}, base_url=FOUNDRY).api_key == "k"


def test_a_bearer_token_of_the_environment_takes_precedence_over_an_access_key_as_in_the_sdk() -> None:
    config = resolved(KEYS | {"AWS_BEARER_TOKEN_BEDROCK": KEY}, base_url=MANTLE)

    assert config.aws is not None
    assert (config.aws.bearer_token, config.aws.access_key_id) == (KEY, None)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"base_url": RUNTIME, "aws": AWSAuth(region="eu-west-1")}, r"provider\.aws\.region.*'us-east-1'"),
        ({"base_url": RUNTIME, "aws": AWSAuth(service="bedrock-mantle")}, r"provider\.aws\.service.*'bedrock'"),
        ({"base_url": "https://x.example/anthropic", "aws": AWSAuth()}, r"provider\.aws\.service"),
        ({"aws": AWSAuth()}, r"provider\.base_url"),
        ({"platform": "foundry", "api_key": KEY}, r"provider\.base_url"),
        ({"base_url": RUNTIME.removesuffix("/anthropic")}, r"provider\.base_url.*/anthropic"),
        ({"base_url": RUNTIME, "aws": AWSAuth(access_key_id=KEY_ID)}, "AWS_SECRET_ACCESS_KEY"),
        ({"base_url": RUNTIME, "ad_token": KEY}, r"provider\.ad_token"),
        ({"base_url": FOUNDRY, "aws": AWSAuth()}, r"provider\.aws"),
        ({"base_url": RUNTIME, "api_key": KEY, "aws": AWSAuth()}, "give one of"),
        ({"base_url": FOUNDRY, "ad_token_provider": "no function"}, r"provider\.ad_token_provider"),
        ({"base_url": RUNTIME, "aws": AWSAuth(profile="no such profile")}, "no profile 'no such profile'"),
        ({"base_url": FOUNDRY, "ad_token_provider": "servers.entra_tokens:NOT_A_FUNCTION"}, "no function"),
    ],
)
def test_credentials_and_addresses_that_do_not_fit_are_rejected(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as raised:
        open_client(Anthropic(model="m", **fields).resolved({}))

    assert KEY not in str(raised.value)


def test_credentials_of_two_kinds_are_rejected() -> None:
    with pytest.raises(InvalidConfig, match="one of them"):
        AWSAuth(profile="birds", bearer_token=KEY)


def test_a_missing_sdk_of_aws_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rayconteur.providers.auth.aws_credentials", None)

    with pytest.raises(MissingExtra, match=r"rayconteur\[bedrock\]"):
        open_client(Anthropic(model="m", base_url=RUNTIME, aws=SIGNED).resolved({}))


def test_the_source_of_an_answer_tells_accounts_apart_but_not_temporary_credentials_of_one() -> None:
    def source(auth: AWSAuth) -> str:
        return Anthropic(model="m", base_url=RUNTIME, aws=auth).resolved({}).source

    temporary = AWSAuth(access_key_id="ASIA1", secret_access_key="one", session_token="1")
    renewed = AWSAuth(access_key_id="ASIA2", secret_access_key="two", session_token="2")

    assert source(temporary) == source(renewed)
    assert len({source(AWSAuth(profile=name)) for name in ("birds", "cats")}) == 2
    assert len({source(AWSAuth(access_key_id=name, secret_access_key="s")) for name in ("A", "B")}) == 2
    assert source(AWSAuth(bearer_token="bedrock-api-key-1")) == source(AWSAuth(bearer_token="bedrock-api-key-2"))
    assert source(AWSAuth(bearer_token="ABSK1")) != source(AWSAuth(bearer_token="ABSK2"))


def test_a_rejected_signature_is_an_authentication_failure() -> None:
    body = b'{"message":"The request signature we calculated does not match the signature you provided."}'

    with pytest.raises(AuthenticationFailed):
        sent_requests(answers(body, 403), aws=SIGNED)


def test_requests_are_equal_but_for_their_signature() -> None:
    def unsigned(request: Received) -> Mapping[str, str]:
        return {name: value for name, value in request.headers.items() if name not in ("authorization", "x-amz-date")}

    first, *others = sent_requests(aws=SIGNED, count=4)

    assert all(unsigned(other) == unsigned(first) and other.body == first.body for other in others)
    assert first.headers["anthropic-version"]
