"""Runs the benchmarks one after another: `make bench`, or some by name: `make bench ONLY=aa`.

Those in `field/` install and audit a real application; start them by themselves.
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(names: list[str]) -> int:
    known = sorted(["overhead", *(path.stem for path in FOLDER.glob("[a-z]*.py"))])
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {unknown[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    failed = False
    for name in names or known:
        print(f"== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
