"""Which sockets a running program holds, and what they lead to, from the kernel's own tables."""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

LISTEN = "0A"
STANDARD_STREAMS = frozenset({"0", "1", "2"})  # under systemd they lead to its journal

# linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h
_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2
_SHOW_NAME_AND_PEER = 0x1 | 0x4
_NAME, _PEER = 0, 2
_HEADER = struct.Struct("=IHHII")
_ASK = struct.Struct("=BBHIIIII")
_FOUND = struct.Struct("=BBBBIII")
_ATTRIBUTE = struct.Struct("=HH")

Address = tuple[IPv4Address | IPv6Address, int]


@dataclass(frozen=True)
class Tcp:
    """A TCP socket by its inode, with both of its ends."""

    inode: int
    local: Address
    remote: Address
    listens: bool


@dataclass(frozen=True)
class Unix:
    """A connected unix stream socket: the inode of its other end, and the path that was dialled."""

    inode: int
    peer: int
    path: str = ""


def tcp() -> Iterator[Tcp]:
    """All TCP sockets that some process holds."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{table}") as file:
            next(file, "")
            for line in file:
                words = line.split()
                if words[9] != "0":
                    ends = _address(words[1]), _address(words[2])
                    yield Tcp(int(words[9]), *ends, words[3] == LISTEN)


def unix() -> dict[int, Unix] | None:
    """All connected unix stream sockets by inode; None when the kernel does not tell."""
    found: dict[int, tuple[int, str]] = {}
    try:
        for message in _dump():
            kind = message[1]
            inode = _FOUND.unpack_from(message)[4]
            attributes = dict(_attributes(message[_FOUND.size :]))
            if kind == socket.SOCK_STREAM and len(attributes.get(_PEER, b"")) == 4:
                name = attributes.get(_NAME, b"").split(b"\0")[0].decode("utf-8", "replace")
                found[inode] = int.from_bytes(attributes[_PEER], sys.byteorder), name
    except (OSError, struct.error):
        return None
    # An accepted socket has the listener's name, the one that dialled it has none.
    return {
        inode: Unix(inode, peer, name or found.get(peer, (0, ""))[1])
        for inode, (peer, name) in found.items()
    }


def held(pids: Collection[int]) -> frozenset[int]:
    """The inodes of the sockets that these processes hold, their standard streams left out."""
    return frozenset(inode for pid in pids for inode in _inodes(pid))


def holders(inodes: Collection[int]) -> dict[int, int]:
    """A process for each of these sockets, as far as other processes may be looked into."""
    found: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            found.update(dict.fromkeys(set(_inodes(int(name))).intersection(inodes), int(name)))
    return found


def holders_of_port(port: int) -> frozenset[int]:
    """The processes that listen on a TCP port; none when they belong to somebody else."""
    inodes = {one.inode for one in tcp() if one.listens and one.local[1] == port}
    return frozenset(
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and not inodes.isdisjoint(_inodes(int(name)))
    )


def _inodes(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("socket:[") and entry.name not in STANDARD_STREAMS:
                    yield int(target[8:-1])


def _address(text: str) -> Address:
    """`0100007F:1F90`: words in the byte order of the machine, the port in the usual one."""
    host, _, port = text.partition(":")
    words = [bytes.fromhex(host[start : start + 8]) for start in range(0, len(host), 8)]
    step = -1 if sys.byteorder == "little" else 1
    found = ip_address(b"".join(word[::step] for word in words))
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found, int(port, 16)


def _dump() -> Iterator[bytes]:
    """The answers to "show all unix sockets", without their netlink headers."""
    body = _ASK.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _SHOW_NAME_AND_PEER, 0, 0)
    head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(5.0)
        kernel.send(head + body)
        while True:
            data = kernel.recv(1 << 16)
            while data:
                length, kind, *_ = _HEADER.unpack_from(data)
                if kind == _DONE:
                    return
                if kind == _ERROR or length < _HEADER.size:
                    raise OSError("the kernel does not list unix sockets")
                yield data[_HEADER.size : length]
                data = data[_aligned(length) :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3
