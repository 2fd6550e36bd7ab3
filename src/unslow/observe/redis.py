"""redis-py, sync and async: connections redirected to a database of the audit's own, and writes."""

import time
from types import ModuleType
from typing import Any

from unslow.observe import _cache_calls, _effects, _record, _redirect, _wire
from unslow.observe._patch import Function, wrap

MODULES = (
    "redis.connection",
    "redis.asyncio.connection",
    "redis.client",
    "redis.asyncio.client",
)

# Commands that change nothing, or nothing but the connection.
_READS = frozenset(
    """
    AUTH BITCOUNT BITPOS CLIENT CONFIG DBSIZE DUMP ECHO EXISTS EXPIRETIME GEODIST GEOPOS GET
    GETBIT GETRANGE HELLO HEXISTS HGET HGETALL HKEYS HLEN HMGET HRANDFIELD HSCAN HSTRLEN HVALS
    INFO KEYS LINDEX LLEN LPOS LRANGE MEMORY MGET OBJECT PEXPIRETIME PFCOUNT PING PSUBSCRIBE PTTL
    RANDOMKEY READONLY SCAN SCARD SCRIPT SDIFF SELECT SINTER SISMEMBER SLOWLOG SMEMBERS SMISMEMBER
    SRANDMEMBER SSCAN STRLEN SUBSCRIBE SUBSTR SUNION TIME TTL TYPE UNSUBSCRIBE UNWATCH WATCH XINFO
    XLEN XPENDING XRANGE XREAD XREVRANGE ZCARD ZCOUNT ZLEXCOUNT ZMSCORE ZRANGE ZRANGEBYLEX
    ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE
    """.split()  # noqa: SIM905 -- a list of words reads better than ninety quoted ones
)
_CONNECTION = frozenset({"AUTH", "CLIENT", "HELLO", "PING", "SELECT"})
_KEYLESS = frozenset({"EVAL", "EVALSHA", "FLUSHALL", "FLUSHDB"})


def install(module: ModuleType) -> None:
    """Watch how each kind of connection is made. Where it is sent, plain TCP is spoken."""
    if module.__name__.endswith("client"):
        _install_writes(module)
        return
    if not _redirect.is_wanted():
        return
    over_tcp = module.Connection._connect
    if ".asyncio." in module.__name__:
        wrap(module.Connection, "_connect", _connect_async)
        wrap(module.SSLConnection, "_connection_arguments", _arguments_without_tls)
    else:
        wrap(module.Connection, "_connect", _connect)
        wrap(module.SSLConnection, "_wrap_socket_with_ssl", _without_tls)
    # A coroutine function's call returns the coroutine, so one replacement serves both.
    wrap(module.UnixDomainSocketConnection, "_connect", lambda _: _instead_of_file(over_tcp))


def _install_writes(module: Any) -> None:
    if _record.level() == "off":
        return
    awaited = ".asyncio." in module.__name__
    wrap(module.Redis, "execute_command", _execute_async if awaited else _execute)
    for name in ("_execute_transaction", "_execute_pipeline"):
        wrap(module.Pipeline, name, _execute_many_async if awaited else _execute_many)


def _execute(original: Function) -> Function:
    def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        _note(args)
        started = time.perf_counter()
        answer = original(self, *args, **options)
        _call([args], started, answer)
        return answer

    return execute_command


def _execute_async(original: Function) -> Function:
    async def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        _note(args)
        started = time.perf_counter()
        answer = await original(self, *args, **options)
        _call([args], started, answer)
        return answer

    return execute_command


def _execute_many(original: Function) -> Function:
    def execute(self: Any, connection: Any, commands: Any, *args: Any, **kwargs: Any) -> Any:
        sent = _noted(commands)
        started = time.perf_counter()
        answer = original(self, connection, commands, *args, **kwargs)
        _call(sent, started, answer)
        return answer

    return execute


def _execute_many_async(original: Function) -> Function:
    async def execute(self: Any, connection: Any, commands: Any, *args: Any, **kwargs: Any) -> Any:
        sent = _noted(commands)
        started = time.perf_counter()
        answer = await original(self, connection, commands, *args, **kwargs)
        _call(sent, started, answer)
        return answer

    return execute


@_wire.safely
def _noted(commands: Any) -> list[Any]:
    """The commands of a pipeline, each reported if it writes."""
    sent = [command[0] for command in commands]
    for command in sent:
        _note(command)
    return sent


@_wire.safely
def _call(commands: list[Any], started: float, answer: Any) -> None:
    """A round trip with the application's own place."""
    names = [str(command[0]).upper().split()[0] for command in commands if command]
    if names and names[0] not in _CONNECTION:
        _cache_calls.note(
            commands,
            started,
            answer,
            writes=any(name not in _READS for name in names),
            named=names[0] not in _KEYLESS,
        )


@_wire.safely
def _note(command: Any) -> None:
    """A write, with the shape of its key; `SET user:*:profile`."""
    if not _record.is_sent() or _effects.is_within() or not command:
        return
    words = str(command[0]).upper().split()
    if not words or words[0] in _READS:
        return
    key, *rest = (*words[1:], *command[1:], "") if words[0] not in _KEYLESS else ("", *command[1:])
    name = f"cache {words[0]} {_effects.shape(key)}".strip()
    _effects.note(name, key=key, **_effects.numbered("argument", rest))


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
