"""What a client and a session report when an SDK has changed, when it is not installed, and when we have a bug."""

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from checkers.changed_sdk import ChangedSDKs, changed_sdks, errors_with_path
from fixtures.clients import EACH_PROVIDER, REQUEST, Config, client_and_server
from servers.loopback import answers

from rayconteur.providers.schema.errors import IncompatibleSDK, ProviderError
from rayconteur.providers.sdk.versions import TESTED, installed_version

# Each changes a part of an SDK that is used, as a new version might: it is gone, has other arguments, or does something
# else.
_POST_WITHOUT_CONTENT = """
async def post(self, path, *, cast_to, body=None, options={}, stream=False, stream_cls=None): ...
"""
_POST_THAT_SENDS_NOTHING = """
async def post(self, path, *, cast_to, content=None, options={}, stream=False, stream_cls=None): return object()
"""
REQUEST_CHANGES = {
    "bedrock: gone": ("bedrock", "botocore", "from botocore.auth import SigV4Auth; del SigV4Auth.add_auth"),
    "bedrock: other arguments": (
        "bedrock",
        "botocore",
        "from botocore.auth import SigV4Auth\nSigV4Auth.__init__ = lambda self, credentials, service, *, region: None",
    ),
    "anthropic at AWS: gone": (
        "anthropic-aws",
        "botocore",
        "from botocore.auth import SigV4Auth; del SigV4Auth.add_auth",
    ),
    "vertex: other arguments": (
        "vertex",
        "google-auth",
        "from google.auth.transport.requests import Request\nRequest.__init__ = lambda self, *, pool: None",
    ),
}
FORM_CHANGES = {
    "google: gone": ("google", "google-genai", "from google.genai.client import AsyncClient as c; del c.models"),
    "google: other arguments": (
        "google",
        "google-genai",
        "from google.genai.models import AsyncModels\n"
        "async def generate_content(self, *, model, prompt): ...\n"
        "AsyncModels.generate_content = generate_content",
    ),
    "google: sends nothing": (
        "google",
        "google-genai",
        "from google.genai.models import AsyncModels\n"
        "async def generate_content(self, *, model, contents): ...\n"
        "AsyncModels.generate_content = generate_content",
    ),
    "google: inside the SDK": (
        "google",
        "google-genai",
        "from google.genai import _api_client; del _api_client.get_timeout_in_seconds",
    ),
    "cohere: other arguments": (
        "cohere",
        "cohere",
        "import cohere\nasync def chat_stream(self, *, model): yield\ncohere.AsyncClientV2.chat_stream = chat_stream",
    ),
    "cohere: sends nothing": (
        "cohere",
        "cohere",
        "import cohere\n"
        "async def chat_stream(self, *, model, messages, request_options): yield\n"
        "cohere.AsyncClientV2.chat_stream = chat_stream",
    ),
    "cohere: inside the SDK": (
        "cohere",
        "cohere",
        "from cohere.core.client_wrapper import BaseClientWrapper as c; del c._get_token",
    ),
    "anthropic: other arguments": (
        "anthropic",
        "anthropic",
        f"import anthropic\n{_POST_WITHOUT_CONTENT}\nanthropic.AsyncAnthropic.post = post",
    ),
    "anthropic: sends nothing": (
        "anthropic",
        "anthropic",
        f"import anthropic\n{_POST_THAT_SENDS_NOTHING}\nanthropic.AsyncAnthropic.post = post",
    ),
    "openai: other arguments": (
        "openai",
        "openai",
        f"import openai\n{_POST_WITHOUT_CONTENT}\nopenai.AsyncOpenAI.post = post",
    ),
    "responses: sends nothing": (
        "responses",
        "openai",
        f"import openai\n{_POST_THAT_SENDS_NOTHING}\nopenai.AsyncOpenAI.post = post",
    ),
    "azure: gone": ("azure", "openai", "import openai._base_client as base; del base.AsyncAPIClient.post"),
    "the library under the SDK": ("anthropic", "httpx2", "import httpx2; del httpx2.MockTransport"),
}


def assert_incompatible(errors: dict[str, Any], distribution: str, at: str) -> None:
    """Check that *errors* name *distribution*, its version and what to do, after one attempt."""
    client, session = errors["client"], errors["session"]
    installed, tested = installed_version(distribution), TESTED[distribution]
    assert (client["type"], client["code"], client["at"]) == ("IncompatibleSDK", "incompatible_sdk", at), client
    assert (client["distribution"], client["installed"], client["tested"]) == (distribution, installed, tested)
    assert f"{distribution} {installed}" in client["message"]
    assert f"'{distribution}=={tested}'" in client["message"]
    assert not client["is_caused"]
    assert (session["code"], session["message"]) == (client["code"], client["message"])
    if at == "request":
        assert (session["retryable"], session["retries"]) == (False, 0)


@pytest.fixture(scope="module")
def sdks() -> Iterator[ChangedSDKs]:
    with changed_sdks() as sdks:
        yield sdks


@pytest.mark.parametrize(("config", "distribution", "change"), REQUEST_CHANGES.values(), ids=REQUEST_CHANGES)
def test_a_request_that_finds_an_sdk_changed_names_it_and_is_not_retried(
    sdks: ChangedSDKs, config: str, distribution: str, change: str
) -> None:
    assert_incompatible(sdks.errors_with(config, change), distribution, "request")


def test_a_request_that_is_not_streamed_names_a_changed_sdk_as_well(sdks: ChangedSDKs) -> None:
    config, distribution, change = REQUEST_CHANGES["bedrock: gone"]

    assert_incompatible(sdks.errors_with(config, change, streaming=False), distribution, "request")


@pytest.mark.parametrize(("config", "distribution", "change"), FORM_CHANGES.values(), ids=FORM_CHANGES)
def test_making_request_forms_with_a_changed_sdk_names_it(
    sdks: ChangedSDKs, config: str, distribution: str, change: str
) -> None:
    errors = sdks.errors_with(config, change)

    assert_incompatible(errors, distribution, "open")
    assert errors["requests"] == 0


@pytest.mark.parametrize(
    ("config", "distribution", "change"),
    [
        ("anthropic", "anthropic", "import anthropic; del anthropic.AsyncStream"),
        ("openai", "openai", "import openai; del openai.AsyncStream"),
        ("google", "google-genai", "import google.genai; del google.genai.Client"),
        ("google", "google-auth", "import google.oauth2.credentials as c; del c.Credentials"),
        ("bedrock", "botocore", "import botocore.auth; del botocore.auth.SigV4Auth"),
        ("anthropic-aws", "botocore", "import botocore.awsrequest as a; del a.AWSRequest"),
        ("cohere", "cohere", "import cohere.environment as e; del e.ClientEnvironment"),
        ("azure", "openai", "import openai; openai.AsyncAzureOpenAI = lambda *, endpoint: None"),
        ("cohere", "cohere", "from cohere.core.client_wrapper import BaseClientWrapper as c; del c.get_base_url"),
    ],
)
def test_opening_a_client_that_finds_an_sdk_changed_names_it(
    sdks: ChangedSDKs, config: str, distribution: str, change: str
) -> None:
    errors = sdks.errors_with(config, change)

    assert_incompatible(errors, distribution, "open")
    assert errors["requests"] == 0


def package_copy(folder: Path, package: str, replaced: str, source: str | None) -> Path:
    """A copy of the installed *package* in *folder*, made of links. Its module *replaced* has *source*, or is gone."""
    spec = find_spec(package)
    assert spec
    assert spec.submodule_search_locations
    original, copy = Path(spec.submodule_search_locations[0]), folder / package
    for parent in reversed(Path(replaced).parents):  # they can't be links themselves
        (copy / parent).unlink(missing_ok=True)
        (copy / parent).mkdir()
        for entry in (original / parent).iterdir():
            (copy / parent / entry.name).symlink_to(entry)
    (copy / replaced).unlink()
    if source is not None:
        (copy / replaced).write_text(source)
    return folder


@pytest.mark.parametrize(
    ("config", "package", "module", "source"),
    [
        ("cohere", "cohere", "core/client_wrapper.py", None),
        ("cohere", "cohere", "core/client_wrapper.py", "raise ImportError('moved to cohere.http')"),
        ("cohere", "cohere", "environment.py", "from cohere.nowhere import ClientEnvironment"),
        ("anthropic", "anthropic", "_base_client.py", None),
        ("openai", "openai", "_client.py", None),
        ("bedrock", "botocore", "awsrequest.py", None),
    ],
)
def test_a_module_that_is_gone_from_an_installed_sdk_is_not_a_missing_sdk(
    config: str, package: str, module: str, source: str | None, tmp_path: Path
) -> None:
    errors = errors_with_path(config, "", package_copy(tmp_path, package, module, source))

    assert_incompatible(errors, package, "open")


def installed_as(folder: Path, distribution: str, version: str) -> Path:
    """*folder* with the metadata of *distribution* in another *version*, which requires nothing."""
    metadata = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    return folder


def test_another_version_than_the_tested_one_is_named_with_the_one_to_install(tmp_path: Path) -> None:
    _, distribution, change = FORM_CHANGES["google: inside the SDK"]

    errors = errors_with_path("google", change, installed_as(tmp_path, distribution, "99.1"))

    assert errors["client"]["installed"] == "99.1"
    assert errors["session"]["message"] == (
        "google: this version of rayconteur can't use google-genai 99.1 "
        "(NameError: name 'get_timeout_in_seconds' is not defined); "
        f"it is tested with {TESTED[distribution]}: pip install 'google-genai=={TESTED[distribution]}'"
    )


def test_an_sdk_that_no_longer_requires_its_http_library_has_changed(tmp_path: Path) -> None:
    without_httpx2 = "import sys; sys.modules['httpx2'] = None  # as if it were not installed"

    missing = errors_with_path("anthropic", without_httpx2)
    changed = errors_with_path("anthropic", without_httpx2, installed_as(tmp_path, "anthropic", "99.1"))

    assert (missing["client"]["type"], missing["client"]["extra"]) == ("MissingExtra", "anthropic")
    assert (changed["client"]["type"], changed["client"]["installed"]) == ("IncompatibleSDK", "99.1")


@pytest.mark.parametrize(
    ("config", "bug"),
    [
        ("google", "import rayconteur.providers.google.requests as r; del r.config_members"),
        ("anthropic", "import rayconteur.providers.anthropic.client as c; del c.check_extras"),
        ("google", "import rayconteur.providers.google.requests as r; r.body = lambda request: b''"),
        ("cohere", "import rayconteur.providers.cohere.requests as r; r.body = lambda *_, streaming: None.nothing"),
        ("anthropic", "from rayconteur.providers.sdk import httpx2_capture as c; del c.form_of"),
        ("cohere", "from rayconteur.providers.cohere import request_forms as f; del f.form_of"),
        ("openai", "from rayconteur.providers.transport.form_sender import FormSender as s; del s._send"),
        ("google", "import rayconteur.providers.google.client as c; del c.GoogleClient._channel"),
    ],
)
def test_a_bug_of_this_package_is_not_blamed_on_an_sdk_or_retried(sdks: ChangedSDKs, config: str, bug: str) -> None:
    errors = sdks.errors_with(config, bug)

    assert errors["client"]["type"] in ("AttributeError", "NameError", "TypeError")
    assert errors["session"]["type" if errors["client"]["at"] == "open" else "code"] != "incompatible_sdk"
    assert errors["session"].get("retries", 0) == 0
    assert errors["requests"] == 0


@EACH_PROVIDER
@pytest.mark.parametrize("status", [400, 429, 500, 302, 600])
def test_an_error_response_of_any_shape_is_not_blamed_on_an_sdk(config: Config, stream: bytes, status: int) -> None:
    del stream
    bodies = [
        b"",
        b"null",
        b"1",
        b'"x"',
        b"[]",
        b'["x"]',
        b"[[]]",
        b'{"error":[1]}',
        b'{"error":{"message":1}}',
        b"\xff",
    ]

    async def main() -> set[type[Exception]]:
        kinds = set[type[Exception]]()
        for body in bodies:
            async with client_and_server(config, answers(body, status, content_type="application/json")) as (client, _):
                with pytest.raises(ProviderError) as raised:
                    await client.complete(REQUEST)
                kinds.add(raised.type)
        return kinds

    assert IncompatibleSDK not in asyncio.run(main())
