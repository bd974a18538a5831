"""The version of this package: all programs and actors of a namespace have the same."""

from functools import cache
from importlib.metadata import version

from ...api.errors import IncompatibleNamespace


@cache
def package_version() -> str:
    """The installed version."""
    return version("rayconteur")


def require_same_version(of_program: str) -> None:
    """Raises:
    IncompatibleNamespace: a program has another version than this actor.
    """
    if of_program != package_version():
        raise incompatible(f"version {package_version()}", of_program)


def incompatible(of_namespace: str, of_program: str) -> IncompatibleNamespace:
    """The error for a namespace whose actors have another version."""
    return IncompatibleNamespace(
        f"the namespace belongs to {of_namespace} of rayconteur, and this program has version {of_program}; install "
        "the same, use another namespace, or end that one with 'rayconteur shutdown --namespace'"
    )
