"""The versions of the SDKs, and of the HTTP libraries under them, that this package is tested with."""

from collections.abc import Mapping

TESTED: Mapping[str, str] = {
    "anthropic": "2.11.0",
    "botocore": "1.44.5",
    "cohere": "7.3.1",
    "google-auth": "2.62.2",
    "google-genai": "3.4.0",
    "httpx": "0.28.1",
    "httpx2": "2.16.2",
    "openai": "3.52.0",
}
"""The pins in ``constraints.txt``, by distribution."""

SDK_OF_EXTRA: Mapping[str, str] = {
    "anthropic": "anthropic",
    "openai": "openai",
    "google": "google-genai",
    "cohere": "cohere",
    "bedrock": "botocore",
}
"""The SDK that an extra installs. It brings what the extra does not require itself."""

_OTHER_MODULES = {
    "google.auth": "google-auth",
    "google.genai": "google-genai",
    "google.oauth2": "google-auth",
}
MODULES: Mapping[str, str] = _OTHER_MODULES | {name: name for name in TESTED if name not in _OTHER_MODULES.values()}
"""The distribution of each top module. ``google`` is a namespace that distributions share."""


def top_module(module: str) -> str:
    """The module at the top of *module*'s distribution."""
    names = module.split(".")
    paths = [".".join(names[:length]) for length in range(1, len(names) + 1)]
    return next((path for path in paths if path in MODULES), names[0])


def distribution_of(module: str) -> str | None:
    """The distribution in ``TESTED`` that *module* belongs to."""
    return MODULES.get(top_module(module))


def installed_version(distribution: str) -> str | None:
    """The installed version of *distribution*."""
    from importlib.metadata import PackageNotFoundError, version  # 50 ms, for errors only

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def requires(distribution: str, other: str) -> bool:
    """True if the installed *distribution* or one of its extras requires *other*."""
    import re
    from importlib.metadata import PackageNotFoundError, requires

    name = re.compile(rf"{re.escape(other)}(?![\w.-])", re.IGNORECASE)
    try:
        return any(name.match(line) for line in requires(distribution) or ())
    except PackageNotFoundError:
        return False
