"""The authority of a config with AWS credentials."""

from ..schema.errors import MissingExtra
from ..sdk.changes import opening_error
from ..transport.authority import Authority
from .aws_config import AWSAuth


def aws_authority(auth: AWSAuth, provider: str) -> Authority:
    """What authenticates *provider*'s requests by *auth*, the resolved ``aws`` of a config.

    Raises:
        MissingExtra: botocore is not installed.
        IncompatibleSDK: botocore has changed in a part that this package uses.
        MissingKey: AWS's chain has no credentials here.
        InvalidConfig: there is no such profile, or no region.
    """
    try:
        from .aws_credentials import AWSAccess
    except ModuleNotFoundError as error:
        raise opening_error(error, provider, "bedrock") or MissingExtra(provider, "bedrock") from None
    return AWSAccess(auth, auth.service or "bedrock", provider, "provider.aws").authority
