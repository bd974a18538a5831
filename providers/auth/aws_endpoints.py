"""The addresses of the vendors' own APIs at AWS.

https://docs.aws.amazon.com/bedrock/latest/userguide/endpoints.html
"""

from itertools import pairwise
from typing import NamedTuple

from ..wire.hosts import host_of

_SERVICES = {
    "bedrock-runtime": "bedrock",
    "bedrock-runtime-fips": "bedrock",
    "bedrock-mantle": "bedrock-mantle",
    "aws-external-anthropic": "aws-external-anthropic",
}
_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "api.amazonwebservices.com.cn")


class AWSEndpoint(NamedTuple):
    """The *service* and the *region* that requests to an endpoint are signed for."""

    service: str
    region: str


def aws_endpoint(url: str | None) -> AWSEndpoint | None:
    """The endpoint of AWS at *url*; ``None`` if it is an address of somebody else.

    It may also be a private one, ``vpce-….bedrock-runtime.us-east-1.vpce.amazonaws.com``.
    """
    host = host_of(url)
    if not host.endswith(tuple(f".{domain}" for domain in _DOMAINS)):
        return None
    labels = host.split(".")
    for label, region in pairwise(labels):
        if label in _SERVICES:
            return AWSEndpoint(_SERVICES[label], region)
    return None
