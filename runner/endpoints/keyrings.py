"""Keys from the system's keyring: macOS Keychain, Windows Credential Locker, Secret Service, through `keyring`."""

from __future__ import annotations

from ..errors import ConfigError
from ..files.addresses import shown_name
from ..files.model import Endpoint

__all__ = ["key_from_keyring"]


def key_from_keyring(endpoint: Endpoint, name: str) -> str:
    """The key kept under `name` (SERVICE/USER). Raises ConfigError where there is none, or no keyring."""
    service, _, user = name.partition("/")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ConfigError(
            f"the endpoint {endpoint.name!r} takes its key from the keyring, which needs one more package",
            location=endpoint.location,
            hint="pip install 'prompt-runner[keyring]'",
        ) from None
    try:
        key = keyring.get_password(service, user)
    except KeyringError as error:
        raise ConfigError(
            f"the keyring does not give the key of endpoint {endpoint.name!r}: {error}",
            location=endpoint.location,
            hint="is there a keyring on this machine, and is it unlocked? In a CI name a variable: api_key_env",
        ) from None
    if not key:
        raise ConfigError(
            f"the keyring has no key under {shown_name(name)}, which the endpoint {endpoint.name!r} names",
            location=endpoint.location,
            hint=f"keyring set {service} {user}" if shown_name(name) == name else None,
            secret=shown_name(name) != name,
        )
    return key
