"""Keeps an observed application from mailing or calling anyone but this machine."""

import socket
import sys
from types import ModuleType
from typing import Any

from unslow.observe import _imports, _record, _wire

_LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})
_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "smtplib.connect"})

_allowed: set[str] = set()
_reported: set[tuple[str, int, str]] = set()


def install() -> None:
    """Refuse mail, and sockets to other hosts, from now on."""
    sys.addaudithook(_audit)
    _imports.after("uvloop", _install_uvloop)


def _install_uvloop(module: ModuleType) -> None:
    """libuv connects without an audit event; its methods are C and are overridden, not patched."""
    base = module.Loop

    async def create_connection(
        self: Any, protocol_factory: Any, host: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        port = args[0] if args else kwargs.get("port", 0)
        if host is not None and not is_local(str(host)):
            raise refuse(str(host), int(port or 0), "socket")
        return await super(base, self).create_connection(protocol_factory, host, *args, **kwargs)

    base.create_connection = create_connection


def allow(host: str) -> None:
    """Let this host be reached: the collector named it as the place of a database."""
    if not host or host.startswith("/") or host in _allowed:
        return
    _allowed.add(host)
    try:
        _allowed.update(str(info[4][0]) for info in socket.getaddrinfo(host, None))
    except OSError:
        return


def refuse(host: str, port: int, what: str) -> ConnectionRefusedError:
    """Report the attempt; returns the error to raise."""
    record = _record.current()
    if record is not None and host not in record.blocked:
        record.blocked.append(host)
    if (host, port, what) not in _reported:
        _reported.add((host, port, what))
        _wire.send({"type": "blocked", "host": host, "port": port, "what": what})
    return ConnectionRefusedError(f"unslow does not let the observed application reach {host}")


def is_local(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address; names are not resolved."""
    host = host.partition("%")[0].strip("[]").lower()
    if host in _LOCAL_NAMES or host in _allowed:
        return True
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event in _EVENTS:
        refusal = _judge(event, args)
        if refusal is not None:
            raise refusal


@_wire.safely
def _judge(event: str, args: tuple[Any, ...]) -> ConnectionRefusedError | None:
    if event == "smtplib.connect":
        return refuse(str(args[1]), int(args[2] or 0), "mail")
    peer, address = args[0], args[1]
    if peer.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
        return None
    host = address[0].decode() if isinstance(address[0], bytes) else str(address[0])
    return None if is_local(host) else refuse(host, int(address[1]), "socket")
