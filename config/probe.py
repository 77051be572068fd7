"""Ask the web server of this machine whether it is well, for containers: `python -m config.probe`."""

import os
import sys

from config.run import answers


def main() -> None:
    sys.exit(0 if answers(int(os.environ.get("PORT") or "8000")) else 1)


if __name__ == "__main__":
    main()
