"""Signs the tokens that allow a profile for a while, and checks them."""

import hashlib
import hmac
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

from unslow.errors import UsageError

MIN_SECRET_CHARACTERS = 32  # 192 bits as `secrets.token_urlsafe` writes them; less can be guessed
MAX_TTL_S = 24 * 3600.0  # a token is a password that others see: in a shell's history, in a log
MAX_CHARACTERS = 1024
MAKE_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
_PURPOSE = b"unslow profile token, version 1\n"
_PARAMETER = re.compile(r"<(?:(\w+):)?\w+>|\{\w+(?::(\w+))?\}")


def check_secret(secret: str) -> None:
    """Raise `UsageError` for a secret that could be guessed."""
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise UsageError(
            f"the secret of profile tokens has {len(secret)} characters, it needs "
            f"{MIN_SECRET_CHARACTERS}; make one with: {MAKE_SECRET}"
        )


def sign(secret: str, *, ttl_s: float, route: str = "", now: float | None = None) -> str:
    """A token that allows profiles for `ttl_s` seconds, of one path or route template or of all.

    Raises `UsageError` for a secret that is too short, a time that is too long, or a route that is
    a regular expression.
    """
    check_secret(secret)
    if not 1 <= ttl_s <= MAX_TTL_S:
        raise UsageError("a token lasts between a second and 24 hours; write 15m")
    if re.search(r"[\\^$*+?|()\s]", route):
        raise UsageError(
            f"{route}: write a path or a route template, such as /orders/{{id}} or orders/<int:pk>/"
        )
    expires = int((time.time() if now is None else now) + ttl_s)
    payload = f"{expires}.{urlsafe_b64encode(route.encode()).decode().rstrip('=')}"
    return f"{payload}.{_seal(secret, payload.encode())}"


def allows(token: str, secret: str, path: str, now: float | None = None) -> bool:
    """Whether the token was signed with this secret, lasts, and is for this path."""
    if not secret or not token or len(token) > MAX_CHARACTERS:
        return False
    payload, _, seal = token.encode("utf-8", "surrogateescape").rpartition(b".")
    if not hmac.compare_digest(_seal(secret, payload).encode(), seal):
        return False
    expires, _, encoded = payload.decode().partition(".")
    route = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    return (time.time() if now is None else now) < int(expires) and _is_of(path, route)


def _seal(secret: str, payload: bytes) -> str:
    digest = hmac.digest(secret.encode(), _PURPOSE + payload, hashlib.sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _is_of(path: str, route: str) -> bool:
    """A parameter of the template stands for one segment, one of the kind `path` for several."""
    if not route:
        return True
    pattern, end = "", 0
    for found in _PARAMETER.finditer(route):
        several = "path" in (found[1], found[2])
        pattern += re.escape(route[end : found.start()]) + (".+" if several else "[^/]+")
        end = found.end()
    pattern += re.escape(route[end:])
    return re.fullmatch(pattern.lstrip("/"), path.lstrip("/")) is not None
