"""``python -m gitstore`` and the ``gitstore`` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and end the process."""
    try:
        from gitstore.cli.boundary import run  # noqa: PLC0415  an interrupt may come this early

        code = run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except KeyboardInterrupt:
        os.write(2, b"error: interrupted\n")
        code = 130
    except BrokenPipeError:
        # Who read our output has enough of it.
        code = 141
    # CPython can crash while it takes itself apart after py-rattler has run; nothing is left to do.
    os._exit(code)


if __name__ == "__main__":
    main()
