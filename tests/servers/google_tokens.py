"""Google's tokens: a service account, and the server from which it gets one."""

from functools import cache

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from servers.loopback import Loopback, answers

TOKEN = "ya29.this-one-is-secret-too"


def token_server() -> Loopback:
    """A server that gives ``TOKEN`` to everybody."""
    body = b'{"access_token":"%b","expires_in":3600}' % TOKEN.encode()
    return Loopback(answers(body, content_type="application/json"))


@cache
def _private_key() -> str:
    """A private key as service accounts have it, made for this run."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


def service_account(token_url: str) -> str:
    """The credentials of a service account that gets its tokens from *token_url*."""
    account = {"type": "service_account", "client_email": "raven@rookery.example", "private_key": _private_key()}
    return msgspec.json.encode(account | {"token_uri": token_url, "project_id": "rookery"}).decode()
