"""Tells whether a process is still there."""

import os


def is_alive(pid: int) -> bool:
    """Whether a process has this number, also one of somebody else."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
