"""AWS credentials that several vendors share, and the signatures made with them."""

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from rayconteur.providers.auth.aws_credentials import NO_CREDENTIALS


def with_subclasses(root: type[Exception]) -> set[type[Exception]]:
    """*root* and all its subclasses."""
    return {root, *(kind for child in root.__subclasses__() for kind in with_subclasses(child))}


@pytest.mark.parametrize(
    "kind",
    sorted(with_subclasses(BotoCoreError) | with_subclasses(ClientError), key=str),
    ids=lambda kind: kind.__name__,
)
def test_every_error_class_of_botocore_is_mapped(kind: type[Exception]) -> None:
    assert issubclass(kind, tuple(NO_CREDENTIALS))
