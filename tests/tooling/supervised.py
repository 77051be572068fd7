"""Supervises stand-ins of Sluice's processes: `python -m tests.tooling.supervised FOLDER PORT [--stubborn]`.

Each stand-in writes the number of its process to a file in FOLDER and then does nothing; a stubborn one ignores the
request to stop.
"""

import sys

from config.run import Child, Supervisor

STAND_IN = """
import os, pathlib, signal, sys, time
if sys.argv[2] == "--stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
file = pathlib.Path(sys.argv[1])
file.with_suffix(".new").write_text(str(os.getpid()))
file.with_suffix(".new").rename(file)
time.sleep(60)
"""


def main(folder: str, port: str, manner: str = "") -> None:
    children = [
        Child(name, [sys.executable, "-c", STAND_IN, f"{folder}/{name}", manner]) for name in ("first", "second")
    ]
    Supervisor(children, int(port), stop_seconds=1.0).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
