"""How Google's config is resolved with the environment, and which configs it rejects."""

from pathlib import Path
from typing import Any

import pytest

from rayconteur.providers.google.config import Google
from rayconteur.providers.schema.errors import InvalidConfig, MissingKey

SECRET = "AIza-nevermore"
ACCOUNT = f'{{"type":"service_account","project_id":"rookery","private_key":"{SECRET}"}}'
VERTEX_ENVIRON = {"GOOGLE_GENAI_USE_VERTEXAI": "True", "GOOGLE_CLOUD_PROJECT": "rookery"}


def resolved(environ: dict[str, str], **fields: Any) -> Google:
    config = Google(model="gemini-3-flash", **fields).resolved(environ)
    assert config.resolved(environ) == config
    return config


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"GEMINI_API_KEY": "g"}, "g"),
        ({"GOOGLE_API_KEY": "k", "GEMINI_API_KEY": "g"}, "k"),
        ({"GOOGLE_API_KEY": " ", "GEMINI_API_KEY": "g"}, "g"),
    ],
)
def test_the_key_is_read_from_the_first_of_its_variables_that_is_set(environ: dict[str, str], key: str) -> None:
    config = resolved(environ)

    assert (config.api_key, config.vertex, config.api_version) == (key, False, "v1beta")
    assert resolved(environ, api_key="configured").api_key == "configured"


def test_a_missing_key_is_named_with_its_variable() -> None:
    with pytest.raises(MissingKey) as caught:
        Google(model="m").resolved({})

    assert (caught.value.field, caught.value.variable) == ("api_key", "GOOGLE_API_KEY")


@pytest.mark.parametrize(
    ("environ", "fields"),
    [
        (VERTEX_ENVIRON, {}),
        ({}, {"project": "rookery"}),
        ({}, {"vertex": True, "project": "rookery"}),
        ({"GOOGLE_CLOUD_PROJECT": "rookery"}, {"location": "global"}),
        ({}, {"credentials": ACCOUNT}),
        ({"GOOGLE_API_KEY": "k"}, {"credentials": ACCOUNT}),
    ],
)
def test_vertex_is_selected_by_the_environment_or_the_config(environ: dict[str, str], fields: dict[str, Any]) -> None:
    config = resolved(environ, **fields)

    assert (config.vertex, config.project, config.location) == (True, "rookery", "global")
    assert (config.api_key, config.api_version) == (None, "v1beta1")


def test_the_location_is_read_from_its_variable_unless_configured() -> None:
    environ = {**VERTEX_ENVIRON, "GOOGLE_CLOUD_LOCATION": "europe-west4"}

    assert resolved(environ).location == "europe-west4"
    assert resolved(environ, location="us-east1").location == "us-east1"


def test_a_configured_key_selects_the_gemini_api_unless_vertex_is_configured() -> None:
    assert resolved(VERTEX_ENVIRON, api_key="k").vertex is False
    express = resolved(VERTEX_ENVIRON, api_key="k", vertex=True)
    assert (express.vertex, express.project, express.api_key) == (True, None, "k")


@pytest.mark.parametrize("by_variable", [True, False])
def test_a_credentials_file_is_read_where_the_session_is_spawned(tmp_path: Path, by_variable: bool) -> None:
    file = tmp_path / "account.json"
    file.write_text(ACCOUNT)

    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)} if by_variable else {}

    config = resolved(environ, vertex=True, credentials=None if by_variable else str(file))

    assert (config.credentials, config.project) == (ACCOUNT, "rookery")
    assert SECRET not in repr(config)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_the_api_version_and_the_base_url_are_kept(version: str) -> None:
    environ = {"GOOGLE_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": "http://oak"}

    assert resolved(environ, api_version=version).api_version == version
    assert resolved(environ).base_url == "http://oak"
    assert resolved(environ, base_url="http://elm").base_url == "http://elm"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": ""}, "provider.model"),
        ({"model": "../m"}, "provider.model"),
        ({"model": "m?key=x"}, "provider.model"),
        ({"vertex": False, "project": "p"}, "provider.vertex"),
        ({"api_key": SECRET, "project": "p"}, "provider.api_key"),
        ({"vertex": True}, "provider.project"),
        ({"project": "p", "credentials": "/no/such/file"}, "provider.credentials"),
        ({"project": "p", "credentials": f'{{"key":"{SECRET}"}}'}, "provider.credentials"),
    ],
)
def test_an_invalid_config_is_an_error_that_names_the_field(fields: dict[str, Any], field: str) -> None:
    all_fields: dict[str, Any] = {"model": "m"} | fields

    with pytest.raises(InvalidConfig) as caught:
        Google(**all_fields).resolved({})

    assert caught.value.field == field
    assert SECRET not in f"{caught.value!r} {caught.value}"
