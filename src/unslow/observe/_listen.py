"""Lets several copies of a command listen at once, even one that has its port written down."""

import os
import socket
from types import ModuleType
from typing import Any

from unslow.observe import _imports, _wire

_EVERYWHERE = ("", "0.0.0.0")


def install() -> None:
    """Move listening sockets to free ports; only where unslow cannot tell the server its port."""
    if not os.environ.get("UNSLOW_PORT"):
        return
    bind = socket.socket.bind

    def bind_moved(self: socket.socket, address: Any, /) -> None:
        bind(self, _moved(self, address) or address)

    socket.socket.bind = bind_moved  # type: ignore[method-assign, assignment]
    _imports.after("uvloop", _install_uvloop)


@_wire.safely
def _moved(listener: socket.socket, address: Any) -> Any:
    is_tcp = listener.type == socket.SOCK_STREAM
    if not is_tcp or listener.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    host, port, *rest = address
    return (_here(host), _free(port), *rest)


def _here(host: Any) -> Any:
    return "127.0.0.1" if host in _EVERYWHERE else host


def _free(port: Any) -> Any:
    """The port that unslow gave stays; any other may be taken by another copy."""
    return port if str(port) == os.environ["UNSLOW_PORT"] else 0


def _install_uvloop(module: ModuleType) -> None:
    """libuv binds in C, unless it is given a socket."""
    base = module.Loop

    async def create_server(
        self: Any, protocol_factory: Any, host: Any = None, port: Any = None, **kwargs: Any
    ) -> Any:
        if port:
            host, port = _here(host), _free(port)
        return await super(base, self).create_server(protocol_factory, host, port, **kwargs)

    base.create_server = create_server
