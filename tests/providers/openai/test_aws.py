"""OpenAI's APIs at AWS: signed requests, and Bedrock's keys."""

from typing import Any

import msgspec
import pytest
from fixtures import clients
from fixtures.aws.signatures import KEY_ID, SECRET, TOKEN, assert_signed
from fixtures.clients import CHAT, KEY, RESPONSES
from servers.loopback import Received, Respond, answers

from rayconteur.providers.auth.aws_config import AWSAuth
from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.errors import ConfigError, InvalidRequest

RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"
SIGNED = AWSAuth(region="us-east-1", service="bedrock", access_key_id=KEY_ID, secret_access_key=SECRET)


def sent_requests(respond: Respond, count: int = 1, **fields: Any) -> list[Received]:
    """The requests of a client whose config has *fields*."""

    def config(url: str) -> ProviderConfig:
        return OpenAI(model="openai.gpt-x", base_url=f"{url}/openai/v1", **fields).resolved({})

    return clients.sent_requests(config, respond, count)


@pytest.mark.parametrize("service", ["bedrock", "bedrock-mantle"])
@pytest.mark.parametrize(
    ("api", "stream", "target"),
    [("chat", CHAT, "/openai/v1/chat/completions"), ("responses", RESPONSES, "/openai/v1/responses")],
)
def test_each_request_is_signed_for_its_service(api: str, stream: bytes, target: str, service: str) -> None:
    auth = msgspec.structs.replace(SIGNED, service=service, session_token=TOKEN)

    requests = sent_requests(answers(stream), 4, aws=auth, api=api)  # the last two bypass the SDK

    for request in requests:
        assert request.target == target
        assert_signed(request, service, TOKEN)


def test_a_bedrock_api_key_is_sent_as_a_bearer_token() -> None:
    [as_key] = sent_requests(answers(CHAT), api="chat", api_key=KEY)
    [as_token] = sent_requests(answers(CHAT), api="chat", aws=AWSAuth(bearer_token=KEY))

    assert as_key.headers["authorization"] == as_token.headers["authorization"] == f"Bearer {KEY}"


def test_a_key_of_openai_goes_to_aws_only_if_the_environment_names_the_address() -> None:
    environ = {"OPENAI_API_KEY": KEY}

    configured = OpenAI(model="m", base_url=RUNTIME).resolved(environ)
    told = OpenAI(model="m").resolved(environ | {"OPENAI_BASE_URL": RUNTIME})

    assert (configured.api_key, configured.aws) == (None, AWSAuth(region="us-east-1", service="bedrock"))
    assert (told.api_key, told.aws) == (KEY, None)
    assert configured.resolved(environ) == configured


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"base_url": RUNTIME, "aws": AWSAuth(region="eu-west-1")}, r"provider\.aws\.region.*'us-east-1'"),
        ({"base_url": RUNTIME.removesuffix("/v1")}, r"provider\.base_url.*/v1"),
        ({"aws": AWSAuth()}, r"provider\.base_url"),
        ({"base_url": RUNTIME, "api_key": KEY, "aws": AWSAuth()}, "give either"),
    ],
)
def test_credentials_and_addresses_that_do_not_fit_are_rejected(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        OpenAI(model="m", **fields).resolved({})


def test_no_secret_is_shown_stored_or_repeated_in_an_error() -> None:
    config = OpenAI(model="m", base_url=RUNTIME, aws=msgspec.structs.replace(SIGNED, session_token=TOKEN)).resolved({})
    echo = answers(b'{"error":{"message":"not %b, nor %b"}}' % (SECRET.encode(), TOKEN.encode()), 400)

    with pytest.raises(InvalidRequest) as raised:
        sent_requests(echo, aws=msgspec.structs.replace(SIGNED, session_token=TOKEN))

    shown = repr(config) + repr(config.public()) + repr(raised.value.args) + repr(msgspec.to_builtins(config.public()))
    assert not any(secret in shown for secret in (SECRET, TOKEN))
