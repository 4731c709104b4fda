"""``python -m gitstore.cli.front``: what conda-lock starts where it would start a conda."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Answer one call, and end before the engine is taken apart, which can crash (CPython 3.11)."""
    from gitstore.solvers.front import answer

    text, code = answer(sys.argv[1:], os.environ)
    sys.stdout.write(text)
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
