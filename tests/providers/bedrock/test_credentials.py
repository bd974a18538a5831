"""How Bedrock's credentials and region are resolved."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fixtures.clients import REQUEST
from servers.loopback import Loopback, answers

from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ConfigError,
    InvalidConfig,
    InvalidRequest,
    MissingKey,
    ProviderError,
)

ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "FwoGZXIvYXdzEBYaDH"
KEYS = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET}
EAST = {"AWS_REGION": "us-east-1"}
PROFILE = "birds"
CONFIG = """
[profile birds]
region = eu-west-1
credential_process = {python} {script}
"""


def resolved(environ: Mapping[str, str], **fields: Any) -> Bedrock:
    all_fields: dict[str, Any] = {"model": "m", **fields}
    return Bedrock(**all_fields).resolved(environ)


def test_an_access_key_is_read_from_the_usual_variables() -> None:
    config = resolved(KEYS | EAST | {"AWS_SESSION_TOKEN": TOKEN, "AWS_PROFILE": PROFILE})

    assert (config.access_key_id, config.secret_access_key, config.session_token) == (ID, SECRET, TOKEN)
    assert (config.region, config.profile, config.bearer_token) == ("us-east-1", None, None)


def test_a_bearer_token_takes_precedence_over_an_access_key_as_in_the_sdk() -> None:
    config = resolved(KEYS | EAST | {"AWS_BEARER_TOKEN_BEDROCK": "ABSKsecret"})

    assert (config.bearer_token, config.access_key_id) == ("ABSKsecret", None)


def test_the_config_takes_precedence_over_the_environment() -> None:
    environ = KEYS | EAST | {"AWS_BEARER_TOKEN_BEDROCK": "ABSKsecret", "AWS_SESSION_TOKEN": TOKEN}

    keyed = resolved(environ, access_key_id="mine", secret_access_key="mine, too", region="eu-west-1")
    profiled = resolved(environ, profile=PROFILE)

    assert (keyed.access_key_id, keyed.secret_access_key) == ("mine", "mine, too")
    assert (keyed.session_token, keyed.bearer_token, keyed.region) == (None, None, "eu-west-1")
    assert (profiled.access_key_id, profiled.bearer_token, profiled.profile) == (None, None, PROFILE)


@pytest.mark.parametrize(
    ("environ", "fields", "region"),
    [
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, {}, "eu-west-1"),
        (EAST | {"AWS_DEFAULT_REGION": "eu-west-1"}, {}, "us-east-1"),
        (EAST, {"model": "arn:aws:bedrock:eu-west-3:123456789012:inference-profile/x"}, "eu-west-3"),
        (EAST, {"model": "arn:aws:bedrock:::foundation-model/x"}, "us-east-1"),
        (EAST, {"inference_profile": "arn:aws:bedrock:eu-west-3:123456789012:inference-profile/x"}, "eu-west-3"),
    ],
)
def test_the_region_is_read_from_the_config_or_its_variables(
    environ: dict[str, str], fields: dict[str, Any], region: str
) -> None:
    assert resolved(KEYS | environ, **fields).region == region


@pytest.mark.parametrize(
    ("environ", "fields", "missing"),
    [
        (EAST | {"AWS_ACCESS_KEY_ID": ID}, {}, "AWS_SECRET_ACCESS_KEY"),
        (EAST | {"AWS_SECRET_ACCESS_KEY": SECRET}, {}, "AWS_ACCESS_KEY_ID"),
        (EAST, {"access_key_id": ID}, "AWS_SECRET_ACCESS_KEY"),
        (KEYS, {}, "AWS_REGION"),
        ({"AWS_BEARER_TOKEN_BEDROCK": "ABSKsecret"}, {}, "AWS_REGION"),
    ],
)
def test_a_missing_part_of_the_credentials_is_named(
    environ: dict[str, str], fields: dict[str, Any], missing: str
) -> None:
    with pytest.raises(ConfigError, match=missing) as raised:
        resolved(environ, **fields)

    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "fields", [{"access_key_id": ID, "bearer_token": "x"}, {"profile": "x", "session_token": TOKEN}]
)
def test_two_kinds_of_credentials_are_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        Bedrock(model="m", **fields)


def test_secrets_are_neither_shown_nor_stored() -> None:
    config = resolved(KEYS | EAST | {"AWS_SESSION_TOKEN": TOKEN})
    bearer = resolved(EAST, bearer_token="ABSKsecret")

    shown = repr(config) + repr(bearer) + repr(config.public()) + repr(bearer.public())

    assert ID in shown
    assert not any(secret in shown for secret in (SECRET, TOKEN, "ABSKsecret"))
    assert config.public().session_token is None


@pytest.fixture
def credential_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AWS's credential chain with only the profile birds, whose credentials a script prints. Returns their folder."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    script = tmp_path / "credentials.py"
    (tmp_path / "config").write_text(CONFIG.format(python=sys.executable, script=script))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def set_credentials(folder: Path, key_id: str, lifetime: timedelta, before: str = "") -> None:
    """Make the script print credentials with *lifetime*, after it has run the code *before*."""
    credentials = {
        "Version": 1,
        "AccessKeyId": key_id,
        "SecretAccessKey": SECRET,
        "SessionToken": TOKEN,
        "Expiration": (datetime.now(UTC) + lifetime).isoformat(),
    }
    (folder / "credentials.py").write_text(f"{before}\nprint({json.dumps(credentials)!r})\n")


async def key_ids(folder: Path, requests: int) -> list[str]:
    """The access keys of this many requests; from the second on, the script prints new credentials."""
    async with Loopback(answers(b"{}", 400)) as server:
        client = open_client(Bedrock(model="m", profile=PROFILE, endpoint_url=server.url).resolved({}))
        for _ in range(requests):
            with pytest.raises(InvalidRequest):
                await client.complete(REQUEST)
            set_credentials(folder, "SECOND", timedelta(hours=1))
        await client.aclose()
    authorizations = [request.headers["authorization"] for request in server.received]
    assert all("/eu-west-1/bedrock/" in header for header in authorizations)
    return [header.partition("Credential=")[2].partition("/")[0] for header in authorizations]


def test_the_region_and_credentials_of_a_profile_are_resolved_where_the_session_runs(credential_chain: Path) -> None:
    set_credentials(credential_chain, "FIRST", timedelta(hours=1))

    assert asyncio.run(key_ids(credential_chain, 2)) == ["FIRST", "FIRST"]


def test_credentials_are_renewed_before_they_expire(credential_chain: Path) -> None:
    # botocore may renew credentials in their last 15 minutes, and has to in their last 10.
    set_credentials(credential_chain, "FIRST", timedelta(minutes=12))

    assert asyncio.run(key_ids(credential_chain, 3))[-1] == "SECOND"


def test_renewing_credentials_does_not_block_the_event_loop(credential_chain: Path) -> None:
    started, go = credential_chain / "started", credential_chain / "go"
    os.mkfifo(started)
    os.mkfifo(go)
    wait = f"open({str(started)!r}, 'w').close(); open({str(go)!r}).read()"

    async def main() -> None:
        set_credentials(credential_chain, "FIRST", timedelta(minutes=5))
        async with Loopback(answers(b"{}", 400)) as server:
            client = open_client(Bedrock(model="m", profile=PROFILE, endpoint_url=server.url))
            set_credentials(credential_chain, "SECOND", timedelta(hours=1), before=wait)
            request = asyncio.ensure_future(client.complete(REQUEST))
            await asyncio.to_thread(lambda: started.open().close())  # the script runs, and waits for go
            assert not request.done()
            threading.Thread(target=lambda: go.open("w").close()).start()
            with pytest.raises(InvalidRequest):
                await request
            await client.aclose()
            assert "Credential=SECOND/" in server.received[0].headers["authorization"]

    asyncio.run(main())


def test_expired_credentials_that_cannot_be_renewed_fail_the_request(credential_chain: Path) -> None:
    async def main() -> None:
        set_credentials(credential_chain, "FIRST", timedelta(minutes=5))
        client = open_client(Bedrock(model="m", profile=PROFILE))
        (credential_chain / "credentials.py").write_text("raise SystemExit('log in again')")
        try:
            await client.complete(REQUEST)
        finally:
            await client.aclose()

    with pytest.raises(ProviderError) as raised:
        asyncio.run(main())
    assert type(raised.value) is AuthenticationFailed
    assert raised.value.__cause__ is None


def test_a_missing_profile_is_named_when_the_client_is_opened(credential_chain: Path) -> None:
    del credential_chain
    with pytest.raises(InvalidConfig, match="no profile 'crows'"):
        open_client(Bedrock(model="m", profile="crows"))


def test_missing_credentials_and_a_missing_region_are_named(credential_chain: Path) -> None:
    (credential_chain / "config").write_text("")

    with pytest.raises(MissingKey, match="AWS_ACCESS_KEY_ID"):
        open_client(Bedrock(model="m", region="us-east-1").resolved({}))
    with pytest.raises(ConfigError):
        open_client(Bedrock(model="m").resolved({}))


@pytest.mark.parametrize("region", ["us east 1", "x.example/?", "ü"])
def test_a_region_that_is_not_a_valid_host_label_is_rejected(region: str) -> None:
    with pytest.raises(InvalidConfig, match=r"provider\.region"):
        open_client(Bedrock(model="m", region=region, access_key_id=ID, secret_access_key=SECRET))


def test_a_user_name_in_the_endpoint_is_rejected_since_the_signature_replaces_it() -> None:
    config = Bedrock(
        model="m", region="us-east-1", bearer_token="key", endpoint_url="https://raven:caw@bedrock.invalid"
    )

    with pytest.raises(InvalidConfig, match="leave out the user name and password") as refused:
        open_client(config)
    assert "caw" not in str(refused.value)
