"""Django: every statement with the relation and the queryset that it was run for."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from unslow.observe import (
    _application,
    _django_describe,
    _django_handler,
    _django_login,
    _django_queryset,
    _django_relations,
    _django_sql,
    _django_templates,
    _record,
    _renders,
)
from unslow.observe._patch import Function, wrap

MODULES = (
    "django.apps.registry",
    "django.db.backends.utils",
    "django.db.backends.base.base",
    "django.db.backends.postgresql.base",
    "django.core.handlers.base",
    "django.db.models",
    "django.contrib.contenttypes.fields",
    "django.template.base",
    "django.template.backends.django",
)

login = _django_login.login
users = _django_login.users
describe = _django_describe.describe


def install(module: ModuleType) -> None:
    """Hook what the level of detail needs of the module that was just imported."""
    if _record.level() == "off":
        return
    if module.__name__ == "django.db.backends.utils":
        _django_sql.install(module)
    elif module.__name__ == "django.db.backends.base.base":
        _django_sql.install_connect(module)
    elif module.__name__ == "django.db.backends.postgresql.base":
        _django_sql.install_health_check(module)
    elif module.__name__ == "django.core.handlers.base":
        _django_handler.install(module)
    elif _record.level() == "full":
        _install_full(module)


def _install_full(module: Any) -> None:
    if module.__name__ == "django.apps.registry":
        wrap(module.Apps, "populate", _populate)
    elif module.__name__ == "django.db.models":
        _django_queryset.install(module.query)
        _django_relations.install_prefetch(module.query)
        _django_relations.install_deferred(module.query_utils, module.Model)
        _django_relations.install_descriptors(module.fields.related_descriptors)
    elif module.__name__ == "django.contrib.contenttypes.fields":
        _django_relations.install_generic(module)
    elif module.__name__ == "django.template.base":
        _django_templates.install(module)
    elif module.__name__ == "django.template.backends.django":
        wrap(module.Template, "render", _renders.counted(_django_templates.name))


def _populate(original: Function) -> Function:
    """Know the application's packages before its modules build querysets at class level."""

    def populate(self: Any, *args: Any, **kwargs: Any) -> Any:
        _application.look()
        return original(self, *args, **kwargs)

    return populate
