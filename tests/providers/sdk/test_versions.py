"""The versions of the SDKs that are tested, and the modules they consist of."""

import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from rayconteur.providers.registry import PROVIDERS
from rayconteur.providers.sdk.versions import (
    MODULES,
    SDK_OF_EXTRA,
    TESTED,
    distribution_of,
    installed_version,
    requires,
)


def test_the_tested_versions_are_the_pins(root: Path) -> None:
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (root / "constraints.txt").read_text(), re.MULTILINE))

    assert dict(TESTED) == {name: pins[name] for name in TESTED}


def test_every_module_belongs_to_its_distribution() -> None:
    installed = packages_distributions()

    for module, distribution in MODULES.items():
        assert distribution in {canonicalize_name(name) for name in installed[module.partition(".")[0]]}
    assert set(MODULES.values()) == set(TESTED)


def test_every_provider_with_an_sdk_has_it_in_the_table() -> None:
    extras = {provider.extra for provider in PROVIDERS.values() if provider.extra}

    assert extras == set(SDK_OF_EXTRA)
    assert set(SDK_OF_EXTRA.values()) <= set(TESTED)


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("cohere", "cohere"),
        ("cohere.core.client_wrapper", "cohere"),
        ("google.genai._api_client", "google-genai"),
        ("google.oauth2.credentials", "google-auth"),
        ("httpx2._client", "httpx2"),
        ("httpx_aiohttp.client", None),
        ("google", None),
        ("google.protobuf", None),
        ("coherent", None),
        ("", None),
    ],
)
def test_a_module_belongs_to_the_distribution_of_the_longest_name(module: str, distribution: str | None) -> None:
    assert distribution_of(module) == distribution


def test_what_is_not_installed_has_no_version() -> None:
    assert installed_version("cohere")
    assert installed_version("rookery-sdk") is None


def test_an_extra_of_a_distribution_counts_as_its_requirement() -> None:
    assert requires("anthropic", "httpx2")
    assert requires("anthropic", "aiohttp")
    assert requires("cohere", "httpx-aiohttp")
    assert requires("rayconteur", "boto3")
    assert not requires("rookery-sdk", "boto3")
    assert not requires("anthropic", "http")
    assert not requires("anthropic", "cohere")
