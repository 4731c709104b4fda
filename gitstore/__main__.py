"""``python -m gitstore`` and the ``gitstore`` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and end the process."""
    from gitstore.cli.boundary import run  # noqa: PLC0415  nothing loads before it is needed

    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # CPython can crash while it takes itself apart after py-rattler has run; nothing is left to do.
    os._exit(code)


if __name__ == "__main__":
    main()
