"""Read keys from the system's keyring (macOS Keychain, Windows Credential Locker, Secret Service) through `keyring`."""

from __future__ import annotations

from ..errors import ConfigError
from ..extras import load_extra
from ..files.addresses import shown_name
from ..files.model import Endpoint

__all__ = ["key_from_keyring"]


def key_from_keyring(endpoint: Endpoint, name: str) -> str:
    """Return the key stored under `name` (SERVICE/USER). Raises ConfigError if there is no key or no keyring."""
    service, _, user = name.partition("/")
    keyring = load_extra("keyring", "keyring", f"the key of endpoint {endpoint.name!r}", endpoint.location)
    try:
        key = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            f"the key of endpoint {endpoint.name!r} cannot be read from the keyring: {error}",
            location=endpoint.location,
            hint="is there a keyring on this machine, and is it unlocked? In CI use a variable: api_key_env",
        ) from None
    if not key:
        raise ConfigError(
            f"the keyring has no key {shown_name(name)}, which the endpoint {endpoint.name!r} needs",
            location=endpoint.location,
            hint=f"keyring set {service} {user}" if shown_name(name) == name else None,
            secret=shown_name(name) != name,
        )
    return str(key)
