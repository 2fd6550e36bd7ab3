"""Logs existing users of a Django application in, by a session row in its database."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

KINDS = {
    "a user without rights": {"is_staff": False, "is_superuser": False},
    "a member of the staff": {"is_staff": True, "is_superuser": False},
    "a superuser": {"is_superuser": True},
}


def users() -> dict[str, str]:
    """An active user of each kind that there is, by name; {} where Django has no users."""
    if "django" not in sys.modules or not import_module("django.apps").apps.ready:
        return {}
    if not import_module("django.apps").apps.is_installed("django.contrib.auth"):
        return {}
    model = import_module("django.contrib.auth").get_user_model()
    known = {field.name for field in model._meta.get_fields()}
    found = {}
    for kind, rights in KINDS.items():
        if known >= rights.keys():
            active = {"is_active": True} if "is_active" in known else {}
            user = model._default_manager.filter(**rights, **active).order_by("pk").first()
            if user is not None:
                found[kind] = str(user.get_username())
    return found


def login(user: str) -> dict[str, str] | None:
    """Headers that authenticate as `user` (the user name); None where Django is not in use.

    Raises LookupError if there is no such user or the application has no sessions.
    """
    if "django" not in sys.modules:
        return None
    settings = import_module("django.conf").settings
    if not settings.configured or not import_module("django.apps").apps.ready:
        return None
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={_session(_user(user))}"}


def _user(name: str) -> Any:
    model = import_module("django.contrib.auth").get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist:
        raise LookupError(
            f"no user has {model.USERNAME_FIELD} {name!r}; create one or pass another --login"
        ) from None


def _session(user: Any) -> str:
    auth = import_module("django.contrib.auth")
    engine = import_module(import_module("django.conf").settings.SESSION_ENGINE)
    session = engine.SessionStore()
    session[auth.SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[auth.BACKEND_SESSION_KEY] = _backend(user)
    session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _backend(user: Any) -> str:
    for backend in import_module("django.contrib.auth").get_backends():
        get_user = getattr(backend, "get_user", None)
        if get_user is not None and get_user(user.pk) is not None:
            return f"{type(backend).__module__}.{type(backend).__qualname__}"
    raise LookupError(f"no authentication backend accepts {user}; is the user active?")
