"""Keeps one server alive for as long as standard input stays open, then stops it and its folder.

Runs as a script in its own session: a Ctrl-C meant for the owner does not reach the server, and an
owner that is killed closes the pipe, so that nothing is left behind. Ends with the server's status.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

STOP_TIMEOUT_S = 10


def keep(folder: str, stop_signal: signal.Signals, user: int | None, command: list[str]) -> int:
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=folder, **identity)  # type: ignore[call-overload]
    released = threading.Event()

    def stop_when_released() -> None:
        while os.read(0, 4096):  # not sys.stdin, whose lock would be held when this process ends
            pass
        released.set()
        server.send_signal(stop_signal)
        try:
            server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()

    threading.Thread(target=stop_when_released, daemon=True).start()
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    print(server.pid, flush=True)
    status: int = server.wait()
    if released.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return abs(status)


if __name__ == "__main__":
    folder, stop_signal, user, *command = sys.argv[1:]
    sys.exit(keep(folder, signal.Signals[stop_signal], int(user) if user else None, command))
