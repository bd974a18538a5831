"""What Google's SDK sends."""

import ssl
from typing import Any, cast

from google import genai
from google.genai.types import HttpOptions
from google.oauth2.credentials import Credentials

from ...schema.checks.addresses import http_url
from ...schema.config import RequestForm, RequestForms
from ...sdk.captured import run_apart
from ...sdk.changes import uses
from ...sdk.httpx2_capture import Capture
from ...transport import http
from ..config import Google
from .addresses import RESOURCES, Resource, has_authority
from .authority import credentials_in

# A model of each kind of address, as the SDK gets it.
_MODELS: dict[Resource, str] = {"model": "publishers/google/models/m", "project": "projects/p/locations/l/models/m"}


def request_forms(config: Google) -> RequestForms:
    """The forms of requests of *config*, resolved, whose addresses go on with the path of the model.

    Raises:
        InvalidConfig: no request can be made of it.
    """

    if has_authority(config):
        credentials_in(config.credentials)  # before anything is started with them

    async def forms() -> RequestForms:
        return {resource: await _form(config, _model(config, resource)) for resource in RESOURCES}

    return run_apart(forms())


def _model(config: Google, resource: Resource) -> str:
    return _MODELS[resource] if config.vertex else "models/m"


@uses("google-genai")
async def _form(config: Google, model: str) -> RequestForm:
    async with Capture(b"{}") as capture:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        sdk = genai.Client(
            vertexai=bool(config.vertex),
            api_key=http.header_value(config.api_key, "provider.api_key") if config.api_key else None,
            project=config.project,
            location=config.location,
            credentials=_stand_in() if has_authority(config) else None,
            http_options=HttpOptions(
                api_version=config.api_version,
                base_url=http_url(config.base_url, "provider.base_url"),
                headers=config.extra_headers,
                httpx_async_client=capture.client,
                # The SDK opens two transports more, which nothing uses: they need not read certificates.
                client_args={"verify": tls},
                async_client_args={"verify": tls, "ssl": tls},
            ),
        )
        await sdk.aio.models.generate_content(model=model, contents="unused")
        sdk.close()
    path = f"{model}:generateContent"
    if capture.form is None or not capture.form.url.endswith(path):
        raise TypeError(f"generate_content() sends nothing to .../{path} through the HTTP client it was given")
    return RequestForm(capture.form.method, capture.form.url.removesuffix(path), capture.form.headers)


@uses("google-auth")
def _stand_in() -> Credentials:
    """Credentials for a header that the authority replaces."""
    return cast(Credentials, cast(Any, Credentials)(token="unused"))  # google-auth has no type hints for it
