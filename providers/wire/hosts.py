"""The host of an address, by which some of a vendor's rules are chosen."""

from urllib.parse import urlsplit


def host_of(url: str | None) -> str:
    """The host of *url* in lower case; empty without one. What is not an address is rejected elsewhere."""
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""
