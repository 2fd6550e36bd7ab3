"""smtplib: that a mail server was asked for, which the sandbox refuses."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record
from unslow.observe._patch import Function, wrap

MODULES = ("smtplib",)


def install(module: ModuleType) -> None:
    if _record.is_sent():
        wrap(module.SMTP, "connect", _connect)


def _connect(original: Function) -> Function:
    def connect(
        self: Any, host: Any = "localhost", port: Any = 0, *args: Any, **kwargs: Any
    ) -> Any:
        _effects.note("connection to a mail server", host=str(host), port=str(port))
        return original(self, host, port, *args, **kwargs)

    return connect
