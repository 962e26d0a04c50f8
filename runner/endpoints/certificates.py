"""The certificate authorities a process trusts, read once for all its transports."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

import certifi

from ..errors import ConfigError

__all__ = ["tls_context"]


@lru_cache(maxsize=2)
def tls_context(*, trusting: bool) -> ssl.SSLContext:
    """The process's one verifying context: reading the authorities takes some 50 ms.

    They are those of SSL_CERT_FILE or SSL_CERT_DIR, the variables of OpenSSL, else Mozilla's as certifi packs them.
    Not `trusting`, for http:// URLs, it trusts nobody and costs nothing: a mistake fails closed. Raises ConfigError
    for authorities that cannot be read.
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
            hint="look at the variables SSL_CERT_FILE and SSL_CERT_DIR",
        ) from None
