"""The certificates that servers are checked against."""

import os
import ssl
import sys
from contextlib import suppress
from functools import cache


@cache
def trusted_certificates() -> ssl.SSLContext:
    """The certificates to trust, as the SDKs' HTTP library finds them: shared by all clients of a process.

    They are those of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` alone, or those of the system. Reading them takes 20 to 90
    ms and up to 11 MB.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    if sys.platform in ("win32", "darwin"):
        with suppress(ModuleNotFoundError):  # it comes with the SDKs
            import truststore

            return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context()
