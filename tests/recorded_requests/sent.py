"""What the clients send, received by a proxy on the loopback interface. Nothing reaches a vendor."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import pytest
from servers.loopback import Loopback, answers

from rayconteur.providers.models import with_model_facts
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.client import Client
from rayconteur.providers.schema.config import HTTPConfig
from rayconteur.providers.schema.errors import InvalidRequest, RayconteurError
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.request import Request
from rayconteur.providers.transport.proxies import proxy_of
from recorded_requests.expression import Expression
from recorded_requests.json_values import JSON

_KEY = "sk-not-a-real-key"
_ACCESS: dict[str, JSON] = {
    "anthropic": {"api_key": _KEY, "base_url": "http://api.anthropic.com"},
    "openai": {"api_key": _KEY, "base_url": "http://api.openai.com/v1"},
    "azureopenai": {"api_key": _KEY, "endpoint": "http://any.openai.azure.com"},
    "google": {"api_key": _KEY, "base_url": "http://generativelanguage.googleapis.com"},
    "cohere": {"api_key": _KEY, "base_url": "http://api.cohere.com"},
    "bedrock": {
        "bearer_token": _KEY,
        "region": "us-east-1",
        "endpoint_url": "http://bedrock-runtime.us-east-1.amazonaws.com",
    },
}
"""The vendors' addresses without TLS, so that a proxy sees the requests."""

_refuse = answers(b"{}", status=400, content_type="application/json", connection="close")


@dataclass(frozen=True)
class Sent:
    """A request as the vendor would have received it."""

    target: str
    body: JSON


async def send_all(expressions: Mapping[str, Expression]) -> dict[str, Sent | RayconteurError]:
    """What is sent for each of *expressions*, or the error that rejects it before."""
    clients: dict[bytes, Client] = {}
    results: dict[str, Sent | RayconteurError] = {}
    proxy_of.cache_clear()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("no_proxy", "")
        async with Loopback(_refuse) as proxy:
            environment.setenv("http_proxy", proxy.url)
            try:
                for key, expression in expressions.items():
                    results[key] = await _result(expression, clients, proxy)
            finally:
                for client in clients.values():
                    await client.aclose()
    proxy_of.cache_clear()
    return results


async def _result(expression: Expression, clients: dict[bytes, Client], proxy: Loopback) -> Sent | RayconteurError:
    try:
        await _send(expression, _client(expression.config, clients))
    except RayconteurError as error:
        return error
    received = proxy.received[-1]
    return Sent(received.target, msgspec.json.decode(received.body))


def _client(config: HTTPConfig, clients: dict[bytes, Client]) -> Client:
    """The client for *config* with what is known of its model, as a session has it, at the vendor's address."""
    key = msgspec.json.encode(config)
    if key not in clients:
        known = with_model_facts(config)
        clients[key] = open_client(msgspec.structs.replace(known, **_ACCESS[config.name]).resolved({}))
    return clients[key]


async def _send(expression: Expression, client: Client) -> None:
    """Check and send *expression*, as a session does."""
    client.check_settings(expression.settings)
    for message in expression.messages:
        if message.role is Role.USER:
            client.check_content(message.content)
    request = Request(1, expression.messages, expression.settings)
    with suppress(InvalidRequest):
        if expression.settings.streaming:
            await client.stream(request, lambda _: None)
        else:
            await client.complete(request)
