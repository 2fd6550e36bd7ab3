"""Watches the requests of a WSGI application: `application = Middleware(application)`."""

from collections.abc import Iterable
from typing import Any

from unslow.kit import _checks, _parts, _settings, profiling, telemetry
from unslow.observe import _boundary


class Middleware:
    """A WSGI application around another one."""

    def __init__(self, app: _boundary.WSGI, **settings: Any) -> None:
        self.settings = _settings.read(settings)
        _parts.start(self.settings)
        _checks.around(app, Middleware)
        # Parts of the kit that answer requests themselves go around `app` here.
        self.app = telemetry.wsgi(profiling.wsgi(app, self.settings), self.settings)

    def __call__(
        self, environ: _boundary.Environ, start_response: _boundary.StartResponse
    ) -> Iterable[bytes]:
        return _boundary.run_wsgi(self.app, environ, start_response)
