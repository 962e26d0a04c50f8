"""The certificate authorities that the process trusts, read once for all transports."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

import certifi

from ..errors import ConfigError

__all__ = ["tls_context"]


@lru_cache(maxsize=2)
def tls_context(*, trusting: bool) -> ssl.SSLContext:
    """Return the process's verifying TLS context, which is cached because reading the authorities takes some 50 ms.

    The authorities are those of SSL_CERT_FILE or SSL_CERT_DIR, the variables of OpenSSL, else Mozilla's from certifi.
    Without `trusting`, for http:// URLs, the context trusts no authority, so that a mistake fails closed. Raises
    ConfigError if the authorities cannot be read.
    """
    if not trusting:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = _trusting_context()
    context.set_alpn_protocols(["http/1.1"])  # or a server may choose HTTP/2
    return context


def _trusting_context() -> ssl.SSLContext:
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        return ssl.create_default_context(
            cafile=file or (None if folder else certifi.where()), capath=folder or None
        )
    except OSError as error:
        raise ConfigError(
            f"the certificate authorities in {file or folder or certifi.where()} cannot be read: {error.strerror}",
            hint="check the variables SSL_CERT_FILE and SSL_CERT_DIR",
        ) from None
