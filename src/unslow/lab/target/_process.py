"""Starts and stops process trees, and reads their CPU from the kernel."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TERMINATE_S = 1.0  # what a server gets to stop by itself; nothing of value is in it
MARK = "UNSLOW_SOCKET"  # in the environment of every process we start, children included
PROC = Path("/proc")
CPUCLOCK_SCHED = 2  # include/linux/posix-timers.h: the clock of all threads, ended ones included


def start(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a command in its own session, output to `log`. Raises OSError."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], mark: str) -> None:
    """Stop a command and everything it started, politely first."""
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(TERMINATE_S)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    kill_marked(mark)


def kill_marked(mark: str) -> None:
    """Kill every process of ours whose socket lies below the folder `mark`."""
    needle = f"{MARK}={mark}".encode()
    for pid in all_pids():
        with contextlib.suppress(OSError):
            environment = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
            if pid != os.getpid() and any(entry.startswith(needle) for entry in environment):
                os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> tuple[int, ...]:
    """`pid` and all processes below it that live."""
    found = [pid] if (PROC / str(pid)).exists() else []
    for parent in found:
        found += _children(parent)
    return tuple(found)


def cpu_ns(pid: int) -> int | None:
    """CPU time of a process since its start, all threads, in ns; None when it is gone."""
    try:
        return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        return None


def waiting_ns(pid: int) -> dict[int, int]:
    """Per thread, how long it was ready and waited for a core, in ns (schedstat, 2nd number)."""
    waits = {}
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                waits[int(thread)] = int(file.read().split()[1])
    return waits


def command_line(pid: int) -> str:
    """The command line of a process, "" when it is gone or not ours to read."""
    try:
        return (
            (PROC / str(pid) / "cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode("utf-8", "replace")
        )
    except OSError:
        return ""


def in_namespace(pid: int, needle: str) -> int | None:
    """Our number of the process that a container calls `pid` and whose title has `needle`."""
    for candidate in all_pids():
        if needle in command_line(candidate):
            with contextlib.suppress(OSError):
                for line in (PROC / str(candidate) / "status").read_text().splitlines():
                    if line.startswith("NSpid:") and line.split()[-1] == str(pid):
                        return candidate
    return None


def listening_ports(pids: Sequence[int]) -> tuple[int, ...]:
    """The TCP ports on which any of these processes listens."""
    inodes = {inode for pid in pids for inode in _socket_inodes(pid)}
    ports = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return tuple(sorted(ports))


def tail(log: Path, lines: int) -> str:
    """The last lines of a file, indented by two spaces; "" when it is gone."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        text = file.read().decode("utf-8", "replace")
        return "\n".join("  " + line for line in text.splitlines()[-lines:])
    return ""


def _socket_inodes(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    yield target[8:-1]


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                children += map(int, file.read().split())
    return children


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()] if PROC.exists() else []


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
