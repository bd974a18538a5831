"""Bedrock's client on a real socket: its requests, its signatures and its errors."""

import asyncio
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from botocore.model import StructureShape
from botocore.session import Session
from builders.eventstream import START, THINKS_AND_CALLS, delta, exception_frame
from fixtures.aws.bedrock_requests import MODEL, REJECTED, bedrock, sent_request
from fixtures.aws.signatures import SECRET, TOKEN, assert_signed
from fixtures.clients import HI, KEY, client_and_server, collect_deltas
from servers.loopback import answers

from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.bedrock.endpoints import endpoint
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
    ThinkingRejected,
    UnknownModel,
    UnsupportedContent,
)
from rayconteur.providers.schema.request import Request, Settings

ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"
BOUND = (
    "Invalid `signature` in `thinking` block. The block is bound to a different conversation. Remove the block, or set "
    '`thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
)


def failure(status: int, body: bytes = REJECTED, **headers: str) -> ProviderError:
    """The error of a request that is answered with *status* and *body*."""

    async def main() -> None:
        async with client_and_server(bedrock, answers(body, status, **headers)) as (client, _):
            await collect_deltas(client)

    with pytest.raises(ProviderError) as raised:
        asyncio.run(main())
    return raised.value


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("model", [MODEL, ARN])
def test_the_signature_is_of_the_request_that_is_sent(model: str, token: str | None) -> None:
    request = sent_request(model=model, session_token=token)

    assert request.target == f"/model/{model.replace(':', '%3A').replace('/', '%2F')}/converse"
    assert request.headers["content-type"] == "application/json"
    assert request.headers.get("x-amz-security-token") == token
    assert_signed(request, "bedrock", token)
    assert msgspec.json.decode(request.body, type=dict[str, Any]).keys() == {"messages"}


def test_a_request_is_sent_to_the_configured_inference_profile() -> None:
    request = sent_request(inference_profile=ARN, to_send=Request(1, (HI,), Settings(system="Be brief.")))

    assert request.target == f"/model/{ARN.replace(':', '%3A').replace('/', '%2F')}/converse"
    assert b"cachePoint" in request.body


def test_a_large_body_is_signed_and_sent_in_pieces() -> None:
    long = Request(1, (msgspec.structs.replace(HI, content=(Text("x" * 5_000_000),)),), Settings())

    request = sent_request(to_send=long)

    assert len(request.body) > 5_000_000
    assert_signed(request, "bedrock")


def test_a_bearer_token_is_sent_unsigned() -> None:
    def with_token(url: str) -> ProviderConfig:
        return Bedrock(model=MODEL, region="us-east-1", bearer_token=KEY, endpoint_url=url)

    request = sent_request(with_token)

    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_client_with_an_access_key_loads_neither_boto3_nor_botocore_s_clients() -> None:
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
def test_each_aws_partition_has_its_own_endpoint(region: str, host: str) -> None:
    assert endpoint(region) == f"https://{host}"


def test_a_streamed_answer_has_the_request_id_of_its_response() -> None:
    async def main() -> list[Delta]:
        stream = answers(THINKS_AND_CALLS, x_amzn_requestid="8090a430", content_type="application/octet-stream")
        async with client_and_server(bedrock, stream) as (client, server):
            deltas = await collect_deltas(client)
            assert server.received[0].target.endswith("/converse-stream")
            return deltas

    deltas = asyncio.run(main())

    assert deltas[0] == AnswerStarted("8090a430", MODEL)
    assert isinstance(deltas[-1], AnswerEnded)
    draft = Draft("bedrock")
    draft.add(deltas)
    assert draft.finish().content[1] == Text("Let me look.")


def test_a_message_with_too_many_documents_is_rejected() -> None:
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


def test_each_error_in_botocore_s_service_model_is_known_by_name_and_by_status() -> None:
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
        assert type(FAULTS.error(read_aws_fault(REJECTED, f"{name}:http://x.example/"), status)) is SHAPES[name]
        assert type(FAULTS.error(read_aws_fault(REJECTED, lower))) is SHAPES[name]
        unnamed = FAULTS.error(read_aws_fault(REJECTED, None), status)
        assert unnamed.retryable is SHAPES[name].retryable


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
        (400, "ValidationException", f"The model returned: messages.1.content.0: {BOUND}", ThinkingRejected),
        (400, "ValidationException", "messages.1.content.0: Invalid `signature` in `thinking` block", ThinkingRejected),
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", RateLimited),
        (403, "UnrecognizedClientException", "The security token is invalid", AuthenticationFailed),
        (403, "ExpiredTokenException", "The security token is expired", AuthenticationFailed),
        (404, "ResourceNotFoundException", "Model use case details have not been submitted", UnknownModel),
        (424, None, "oops", ProviderUnavailable),
        (503, None, "oops", Overloaded),
        (418, None, "a teapot", InvalidRequest),
    ],
)
def test_each_error_of_bedrock_is_mapped_to_ours(
    status: int, name: str | None, message: str, kind: type[ProviderError]
) -> None:
    headers = {"x_amzn_errortype": f"{name}:http://internal.amazon.com/"} if name else {}

    error = failure(status, msgspec.json.encode({"message": message}), **headers)

    assert type(error) is kind
    assert (error.message, error.status, error.vendor_code) == (message, status, name)


def test_a_capitalized_message_and_a_name_in_the_body_are_read() -> None:
    error = failure(403, b'{"Message":"User is not authorized","__type":"com.amazon#AccessDeniedException"}')

    assert (error.message, error.vendor_code) == ("User is not authorized", "AccessDeniedException")


def test_the_retry_delay_of_a_rejected_request_is_read() -> None:
    assert failure(429, retry_after="7", x_amzn_errortype="ThrottlingException").retry_after_s == 7.0


@pytest.mark.parametrize("body", [THINKS_AND_CALLS[:-40] + b"x" * 40, b"<html></html>" * 9])
def test_a_damaged_stream_is_a_protocol_error(body: bytes) -> None:
    assert type(failure(200, body)) is ProtocolError


def test_an_exception_in_the_stream_is_raised_as_our_error() -> None:
    error = failure(200, START + delta(0, text="Caw") + exception_frame("throttlingException", "slow down"))

    assert type(error) is RateLimited
    assert error.__cause__ is None


def test_secrets_that_aws_repeats_are_removed_from_errors() -> None:
    message = f"The Canonical String should have been x-amz-security-token:{TOKEN} {SECRET}"

    async def main() -> None:
        rejection = answers(msgspec.json.encode({"message": message}), 403)
        async with client_and_server(bedrock, rejection, session_token=TOKEN) as (client, _):
            await collect_deltas(client)

    with pytest.raises(AuthenticationFailed) as raised:
        asyncio.run(main())
    assert TOKEN not in repr(raised.value.args)
    assert SECRET not in repr(raised.value.args)
