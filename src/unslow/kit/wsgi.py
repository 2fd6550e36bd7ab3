"""Watches the requests of a WSGI application: `application = Middleware(application)`."""

from collections.abc import Iterable
from typing import Any

from unslow.kit import _checks, _settings, metrics, profiling, query_log, slow_log, telemetry
from unslow.observe import _boundary, _embedded


class Middleware:
    """A WSGI application around another one."""

    def __init__(self, app: _boundary.WSGI, **settings: Any) -> None:
        self.settings = _settings.read(settings)
        _embedded.start()
        slow_log.start(self.settings)
        query_log.configure(self.settings.query_log)
        _checks.drivers()
        _checks.around(app, Middleware)
        if self.settings.metrics:
            metrics.start()
        # Parts of the kit that answer requests themselves go around `app` here.
        self.app = telemetry.wsgi(profiling.wsgi(app, self.settings), self.settings)

    def __call__(
        self, environ: _boundary.Environ, start_response: _boundary.StartResponse
    ) -> Iterable[bytes]:
        return _boundary.run_wsgi(self.app, environ, start_response)
