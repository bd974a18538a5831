"""What Anthropic's SDK sends."""

import anthropic
import httpx2

from ...schema.checks.addresses import http_url
from ...schema.config import RequestForm, RequestForms
from ...sdk.captured import run_apart
from ...sdk.changes import uses
from ...sdk.httpx2_capture import Capture, timeouts
from ...transport import http
from ..config import Anthropic
from .authority import has_authority
from .headers import BETA, MESSAGES


def request_forms(config: Anthropic) -> RequestForms:
    """The form of requests of *config*, resolved, whose headers for its model are still to be filled in.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    return {MESSAGES: run_apart(_form(config))}


@uses("anthropic")
async def _form(config: Anthropic) -> RequestForm:
    has_key = not has_authority(config)
    async with Capture() as capture:
        sdk = anthropic.AsyncAnthropic(
            # Without a key of its own, the SDK would look for one in the environment.
            api_key=http.header_value(config.api_key or "", "provider.api_key") if has_key else "unused",
            base_url=http_url(config.base_url, "provider.base_url"),
            timeout=timeouts(config.connect_timeout_s, config.idle_timeout_s),
            max_retries=0,
            default_headers={BETA: "unknown yet", **(config.extra_headers or {})},
            http_client=capture.client,
        )
        await sdk.post(
            MESSAGES,
            cast_to=httpx2.Response,
            content=b"{}",
            options={} if has_key else {"headers": {"Authorization": anthropic.Omit()}},
            stream=True,
            stream_cls=anthropic.AsyncStream[bytes],
        )
    if capture.form is None:
        raise TypeError("post() sends nothing through the HTTP client that the SDK was given")
    return capture.form
