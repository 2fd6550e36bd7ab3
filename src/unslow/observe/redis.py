"""redis-py, sync and async: connections redirected to a database that is the audit's own."""

from types import ModuleType
from typing import Any

from unslow.observe import _redirect
from unslow.observe._patch import Function, wrap

MODULES = ("redis.connection", "redis.asyncio.connection")


def install(module: ModuleType) -> None:
    """Watch how each kind of connection is made. Where it is sent, plain TCP is spoken."""
    over_tcp = module.Connection._connect
    if ".asyncio." in module.__name__:
        wrap(module.Connection, "_connect", _connect_async)
        wrap(module.SSLConnection, "_connection_arguments", _arguments_without_tls)
    else:
        wrap(module.Connection, "_connect", _connect)
        wrap(module.SSLConnection, "_wrap_socket_with_ssl", _without_tls)
    # A coroutine function's call returns the coroutine, so one replacement serves both.
    wrap(module.UnixDomainSocketConnection, "_connect", lambda _: _instead_of_file(over_tcp))


def _connect(original: Function) -> Function:
    def connect(self: Any) -> Any:
        _send_elsewhere(self)
        return original(self)

    return connect


def _connect_async(original: Function) -> Function:
    async def connect(self: Any) -> Any:
        _send_elsewhere(self)
        return await original(self)

    return connect


def _without_tls(original: Function) -> Function:
    def wrap_socket_with_ssl(self: Any, sock: Any) -> Any:
        return sock

    return wrap_socket_with_ssl


def _arguments_without_tls(original: Function) -> Function:
    def connection_arguments(self: Any) -> dict[str, Any]:
        return {"host": self.host, "port": self.port}

    return connection_arguments


def _instead_of_file(over_tcp: Function) -> Function:
    def connect(self: Any) -> Any:
        _send_elsewhere(self)
        self._connection_arguments = lambda: {"host": self.host, "port": self.port}
        self.socket_keepalive = False
        self.socket_type = 0
        return over_tcp(self)

    return connect


def _send_elsewhere(connection: Any) -> None:
    if getattr(connection, "_unslow_sent", False):
        return
    from redis.exceptions import ConnectionError

    names = ("host", "port", "path", "db")
    given = {name: getattr(connection, name, None) for name in names}
    asked = {name: value for name, value in given.items() if value is not None}
    answer = _redirect.redis(asked, ConnectionError)
    connection._unslow_sent = True
    moved = any(asked.get(name) != answer[name] for name in ("host", "port"))
    connection.host = answer["host"]
    connection.port = int(answer["port"])
    connection.db = answer.get("db", connection.db)
    if moved:  # the credentials are those of the original server
        connection.credential_provider = None
        connection.username = answer.get("username")
        connection.password = answer.get("password")
