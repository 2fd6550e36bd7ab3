"""The environment of the applications that are measured, made once from its lock."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "bench.txt"


def python() -> Path:
    """The interpreter of an environment with all peers, outside of the repository."""
    lock = LOCK.read_bytes()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = f"{version}-{hashlib.sha256(lock).hexdigest()[:12]}"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "unslow" / "overhead" / name
    done = folder / "installed"
    if not done.exists():
        print(f"installing {LOCK.relative_to(ROOT)} into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)]
        subprocess.run([str(folder / "bin" / "python"), *install], check=True)
        done.touch()
    return folder / "bin" / "python"
