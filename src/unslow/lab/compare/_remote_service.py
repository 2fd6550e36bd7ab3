"""A service on this machine that somebody else started: where it is, and what it costs."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from unslow.errors import UsageError
from unslow.lab.compare._remote_cpu import Accounting

REACH_S = 5.0
LOCAL = "load goes to this machine only: name http://127.0.0.1:PORT"


@dataclass(frozen=True)
class Service:
    """A service by the address that it was named by. `base_url` has no path."""

    label: str
    base_url: str
    accounting: Accounting

    @property
    def port(self) -> int:
        return self.accounting.port


def service(url: str) -> Service:
    """The service at a URL. Raises `UsageError` when it is not on this machine, or not there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError as error:
        raise UsageError(f"{url}: not an address ({error}); write http://127.0.0.1:8001") from error
    if parts.scheme != "http":
        raise UsageError(f"{url}: only plain HTTP can be measured; name http://127.0.0.1:PORT")
    if parts.path.strip("/") or parts.query or parts.username:
        raise UsageError(
            f"{url}: name the service alone, http://{host}:{port}, and paths by --endpoint "
            "'GET /path'"
        )
    address = _address(url, host, port)
    shown = f"[{address}]" if ":" in address else address
    return Service(url.rstrip("/"), f"http://{shown}:{port}", Accounting(port))


def _address(url: str, host: str, port: int) -> str:
    """The loopback address that answers."""
    try:
        found = [
            str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{url}: {host} is not known; {LOCAL}") from error
    if not all(ip_address(one.partition("%")[0]).is_loopback for one in found):
        raise UsageError(f"{url}: {host} is not on the loopback interface; {LOCAL}")
    problem: OSError | None = None
    for one in dict.fromkeys(found):
        try:
            socket.create_connection((one, port), REACH_S).close()
        except OSError as error:
            problem = error
        else:
            return one
    raise UsageError(f"{url} does not answer ({problem}); start the service first")


def answers(service: Service) -> bool:
    """Whether anybody still accepts connections there."""
    parts = urlsplit(service.base_url)
    try:
        socket.create_connection((parts.hostname, parts.port), REACH_S).close()
    except OSError:
        return False
    return True
