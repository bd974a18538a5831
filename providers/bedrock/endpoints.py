"""The address of Bedrock's runtime in a region."""

import re

from botocore.loaders import create_loader


def endpoint(region: str) -> str:
    """The address of *region*: each partition of AWS (China, the European one ...) has its own domain."""
    partitions = create_loader().load_data("partitions")["partitions"]
    domains = (part["outputs"]["dnsSuffix"] for part in partitions if re.match(part["regionRegex"], region))
    return f"https://bedrock-runtime.{region}.{next(domains, 'amazonaws.com')}"
