"""Watches the requests of an ASGI application: `app = Middleware(app)`."""

from typing import Any

from unslow.kit import _checks, _parts, _settings, profiling, telemetry
from unslow.observe import _boundary


class Middleware:
    """An ASGI application around another one. Websockets and lifespan pass as they are."""

    def __init__(self, app: _boundary.ASGI, **settings: Any) -> None:
        self.settings = _settings.read(settings)
        _parts.start(self.settings)
        _checks.around(app, Middleware)
        self._is_checked = False
        # Parts of the kit that answer requests themselves go around `app` here.
        self.app = telemetry.asgi(profiling.asgi(app, self.settings), self.settings)

    async def __call__(
        self, scope: _boundary.Scope, receive: _boundary.Receive, send: _boundary.Send
    ) -> None:
        if not self._is_checked:
            self._is_checked = True
            _checks.outermost(scope.get("app"), Middleware)
        await _boundary.run_asgi(self.app, scope, receive, send)
