"""Names the route and the view of each Django request."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from unslow.observe import _connections, _record, _wire
from unslow.observe._django_routes import template
from unslow.observe._django_source import site_of_view
from unslow.observe._patch import Function, wrap


def install(base: ModuleType) -> None:
    """Hook `django.core.handlers.base`."""

    def make(original: Function) -> Function:
        def resolve_request(self: Any, request: Any) -> Any:
            match = original(self, request)
            _name(match, request)
            return match

        return resolve_request

    wrap(base.BaseHandler, "resolve_request", make)


@_wire.safely
def _name(match: Any, request: Any) -> None:
    record = _record.current()
    if record is None:
        return
    record.route = template(match.route) or "/"
    if _record.level() == "full":
        record.view = site_of_view(match.func, request.method.lower())
        _connections.note_debug(sys.modules["django.conf"].settings)
