"""Bedrock's client on a real socket: what it sends, who it says it is, and how its answers end."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import StructureShape
from botocore.session import Session
from builders.eventstream import START, THINKS_AND_CALLS, delta, fault
from fixtures.clients import ASKED, HI, KEY, gathered, opened
from servers.loopback import Loopback, Received, answers

from rayconteur.providers.bedrock.client import SDK_ERRORS
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.bedrock.credentials import Access
from rayconteur.providers.bedrock.errors import FAULTS, read_aws_fault
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.content import Document, Text
from rayconteur.providers.schema.deltas import AnswerEnded, AnswerStarted, Delta
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidRequest,
    Overloaded,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
    UnsupportedContent,
)
from rayconteur.providers.schema.request import Request, Settings

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEBYaDH/session"
REFUSED = b'{"message":"no"}'


def bedrock(url: str, **more: Any) -> ProviderConfig:
    given: dict[str, Any] = {"model": MODEL, "region": "us-east-1", "access_key_id": "AKIDEXAMPLE", **more}
    return Bedrock(secret_access_key=SECRET, endpoint_url=url, **given)


def received(config: Callable[..., ProviderConfig] = bedrock, asked: Request = ASKED, **more: Any) -> Received:
    """The request that the server gets."""

    async def main() -> Loopback:
        async with opened(config, answers(REFUSED, 400), **more) as (client, server):
            with pytest.raises(InvalidRequest):
                await client.complete(asked)
            return server

    [request] = asyncio.run(main()).received
    return request


def failure(status: int, body: bytes = REFUSED, **headers: str) -> ProviderError:
    async def main() -> None:
        async with opened(bedrock, answers(body, status, **headers)) as (client, _):
            await gathered(client)

    with pytest.raises(ProviderError) as raised:
        asyncio.run(main())
    return raised.value


def signature(request: Received, token: str | None) -> str:
    """The signature that botocore makes for *request* as it was received."""
    headers = {name: value for name, value in request.headers.items() if name in ("content-type", "host")}
    again = AWSRequest("POST", f"http://{request.headers['host']}{request.target}", headers, request.body)
    again.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(ReadOnlyCredentials("AKIDEXAMPLE", SECRET, token), "bedrock", "us-east-1")
    again.headers["X-Amz-Date"] = request.headers["x-amz-date"]
    if token:
        again.headers["X-Amz-Security-Token"] = token
    return signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("model", [MODEL, ARN])
def test_a_request_is_signed_as_it_is_sent(model: str, token: str | None) -> None:
    request = received(model=model, session_token=token)

    assert request.target == f"/model/{model.replace(':', '%3A').replace('/', '%2F')}/converse"
    assert request.headers["content-type"] == "application/json"
    assert request.headers.get("x-amz-security-token") == token
    assert f"Signature={signature(request, token)}" in request.headers["authorization"]
    assert "/us-east-1/bedrock/aws4_request" in request.headers["authorization"]
    assert msgspec.json.decode(request.body, type=dict[str, Any]).keys() == {"messages"}


def test_a_request_goes_to_the_inference_profile_that_is_given_beside_the_model() -> None:
    request = received(inference_profile=ARN, asked=Request(1, (HI,), Settings(system="Be brief.")))

    assert request.target == f"/model/{ARN.replace(':', '%3A').replace('/', '%2F')}/converse"
    assert b"cachePoint" in request.body


def test_a_body_of_many_megabytes_is_signed_and_sent_in_pieces() -> None:
    long = Request(1, (msgspec.structs.replace(HI, content=(Text("x" * 5_000_000),)),), Settings())

    request = received(asked=long)

    assert len(request.body) > 5_000_000
    assert f"Signature={signature(request, None)}" in request.headers["authorization"]


def test_a_bearer_key_is_sent_as_it_is() -> None:
    def keyed(url: str) -> ProviderConfig:
        return Bedrock(model=MODEL, region="us-east-1", bearer_token=KEY, endpoint_url=url)

    request = received(keyed)

    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_session_with_a_key_loads_neither_boto3_nor_what_makes_its_clients() -> None:
    program = f"""
import sys
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.registry import open_client
open_client(Bedrock(model="m", region="us-east-1", access_key_id="AKID", secret_access_key={SECRET!r}))
print(*{{"boto3", "s3transfer", "botocore.session", "botocore.client", "httpx2", "httpx"}} & set(sys.modules))
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("us-gov-west-1", "bedrock-runtime.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_part_of_aws_has_its_address(region: str, host: str) -> None:
    config = Bedrock(model=MODEL, region=region, access_key_id="AKID", secret_access_key=SECRET)

    assert Access(config).endpoint == f"https://{host}"


def test_an_answer_has_the_id_of_its_request_and_is_the_same_streamed_and_whole() -> None:
    async def main() -> list[Delta]:
        stream = answers(THINKS_AND_CALLS, x_amzn_requestid="8090a430", content_type="application/octet-stream")
        async with opened(bedrock, stream) as (client, server):
            deltas = await gathered(client)
            assert server.received[0].target.endswith("/converse-stream")
            return deltas

    deltas = asyncio.run(main())

    assert deltas[0] == AnswerStarted("8090a430", MODEL)
    assert isinstance(deltas[-1], AnswerEnded)
    draft = Draft("bedrock")
    draft.add(deltas)
    assert draft.finish().content[1] == Text("Let me look.")


def test_documents_are_counted_before_a_message_is_taken() -> None:
    client = open_client(bedrock("https://x.example"))
    page = Document(data=b"x", media_type="text/plain")

    client.check_content([page] * 5)
    with pytest.raises(UnsupportedContent):
        client.check_content([page] * 6)


SHAPES = {
    "AccessDeniedException": AuthenticationFailed,
    "InternalServerException": ProviderUnavailable,
    "ModelErrorException": ProviderUnavailable,
    "ModelNotReadyException": Overloaded,
    "ModelStreamErrorException": ProviderUnavailable,
    "ModelTimeoutException": ProviderUnavailable,
    "ResourceNotFoundException": UnknownModel,
    "ServiceUnavailableException": Overloaded,
    "ThrottlingException": RateLimited,
    "ValidationException": InvalidRequest,
}


def test_each_error_of_the_service_model_is_one_of_ours_by_its_name_and_by_its_status() -> None:
    model = Session().get_service_model("bedrock-runtime")
    operations = [model.operation_model(name) for name in ("Converse", "ConverseStream")]
    named = {shape.name: shape.metadata for operation in operations for shape in operation.error_shapes}
    stream = operations[1].get_event_stream_output()
    assert isinstance(stream, StructureShape)
    named |= {shape.name: shape.metadata for shape in stream.members.values() if shape.metadata.get("exception")}

    assert named.keys() == SHAPES.keys()
    for name, metadata in named.items():
        status = metadata["error"]["httpStatusCode"]
        lower = name[:1].lower() + name[1:]
        assert type(FAULTS.error(read_aws_fault(REFUSED, f"{name}:http://x.example/"), status)) is SHAPES[name]
        assert type(FAULTS.error(read_aws_fault(REFUSED, lower))) is SHAPES[name]
        unnamed = FAULTS.error(read_aws_fault(REFUSED, None), status)
        assert unnamed.retryable is SHAPES[name].retryable


def below(root: type[Exception]) -> set[type[Exception]]:
    return {root, *(kind for child in root.__subclasses__() for kind in below(child))}


@pytest.mark.parametrize(
    "kind", sorted(below(BotoCoreError) | below(ClientError), key=str), ids=lambda kind: kind.__name__
)
def test_no_error_of_botocore_is_unforeseen(kind: type[Exception]) -> None:
    assert issubclass(kind, tuple(SDK_ERRORS.classes))


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (400, "ValidationException", "max_tokens must be positive", InvalidRequest),
        (400, "ValidationException", "Input is too long for requested model.", ContextOverflow),
        (400, "ValidationException", "prompt is too long: 903884 tokens > 200000 maximum", ContextOverflow),
        (400, "ValidationException", "input length and `max_tokens` exceed context limit: 2", ContextOverflow),
        (400, "ValidationException", "400 Bad Request: too many total text bytes: 5 > 4", ContextOverflow),
        (400, None, "The model returned: Input Tokens Exceeded: Number of input tokens exceeds", ContextOverflow),
        (400, None, "This model's maximum context length is 8192 tokens", ContextOverflow),
        (400, "ValidationException", "The provided model identifier is invalid.", UnknownModel),
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", RateLimited),
        (403, "UnrecognizedClientException", "The security token is invalid", AuthenticationFailed),
        (403, "ExpiredTokenException", "The security token is expired", AuthenticationFailed),
        (404, "ResourceNotFoundException", "Model use case details have not been submitted", UnknownModel),
        (424, None, "oops", ProviderUnavailable),
        (503, None, "oops", Overloaded),
        (418, None, "a teapot", InvalidRequest),
    ],
)
def test_a_fault_of_bedrock(status: int, name: str | None, message: str, kind: type[ProviderError]) -> None:
    headers = {"x_amzn_errortype": f"{name}:http://internal.amazon.com/"} if name else {}

    error = failure(status, msgspec.json.encode({"message": message}), **headers)

    assert type(error) is kind
    assert (error.message, error.status, error.vendor_code) == (message, status, name)


def test_a_fault_may_say_its_message_in_capitals_and_its_name_in_the_body() -> None:
    error = failure(403, b'{"Message":"User is not authorized","__type":"com.amazon#AccessDeniedException"}')

    assert (error.message, error.vendor_code) == ("User is not authorized", "AccessDeniedException")


def test_a_refusal_tells_when_to_come_back() -> None:
    assert failure(429, retry_after="7", x_amzn_errortype="ThrottlingException").retry_after_s == 7.0


@pytest.mark.parametrize("body", [THINKS_AND_CALLS[:-40] + b"x" * 40, b"<html></html>" * 9])
def test_a_damaged_stream_is_an_error_of_protocol(body: bytes) -> None:
    assert type(failure(200, body)) is ProtocolError


def test_an_exception_in_the_stream_is_an_error_of_ours() -> None:
    error = failure(200, START + delta(0, text="Caw") + fault("throttlingException", "slow down"))

    assert type(error) is RateLimited
    assert error.__cause__ is None


def test_no_secret_is_in_an_error_though_aws_says_it_again() -> None:
    said = f"The Canonical String should have been x-amz-security-token:{TOKEN} {SECRET}"

    async def main() -> None:
        refusal = answers(msgspec.json.encode({"message": said}), 403)
        async with opened(bedrock, refusal, session_token=TOKEN) as (client, _):
            await gathered(client)

    with pytest.raises(AuthenticationFailed) as raised:
        asyncio.run(main())
    assert TOKEN not in repr(raised.value.args)
    assert SECRET not in repr(raised.value.args)
