"""What Cohere's SDK sends."""

import cohere
import httpx

from ..schema.checks.addresses import http_url
from ..schema.config import RequestForm, RequestForms
from ..sdk.captured import form_of, run_apart
from ..sdk.changes import uses
from ..transport import http
from .config import Cohere
from .requests import CHAT


def request_forms(config: Cohere) -> RequestForms:
    """The form of requests of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    return {CHAT: run_apart(_form(config))}


@uses("cohere")
async def _form(config: Cohere) -> RequestForm:
    sent: list[RequestForm] = []

    @uses("httpx")
    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(form_of(request))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        sdk = cohere.AsyncClientV2(
            http.header_value(config.api_key or "", "provider.api_key"),
            base_url=http_url(config.base_url, "provider.base_url"),
            httpx_client=client,
        )
        message = cohere.UserChatMessageV2(content="unused")
        more = cohere.core.RequestOptions(additional_headers=dict(config.extra_headers or {}))
        async for _ in sdk.chat_stream(model=config.model, messages=[message], request_options=more):
            pass
    if not sent:
        raise TypeError("chat_stream() sends nothing through the HTTP client that the SDK was given")
    return sent[-1]
