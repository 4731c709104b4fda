"""The scripts inside an archive: ``conda-unpack``, ``activate`` and ``deactivate``.

They follow conda-pack's layout, so that what people know of it holds here. ``conda-unpack`` runs
with the environment's own Python, or else with any Python 3 of the machine.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from gitstore.builders.prefix import PrefixedFile

_UNPACK_HEAD = r"""#!/bin/sh
''':'
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
for python in "$here/python" "$here/python3" python3 python; do
    command -v "$python" >/dev/null 2>&1 && exec "$python" -I -B "$0" "$@"
done
echo "conda-unpack: no Python found to run with" >&2
exit 1
'''
# Written by gitstore. Puts the path of this environment into the files that hold a prefix.
import json
import os
import re
import sys

PREFIX = os.path.dirname(os.path.dirname(os.path.realpath(sys.argv[0])))
"""

_UNPACK_BODY = r"""

def text(data, placeholder):
    data = data.replace(placeholder, PREFIX.encode())
    first, newline, rest = data.partition(b"\n")
    # The kernel reads 127 bytes of a `#!` line and takes a space for its end.
    if first.startswith(b"#!" + PREFIX.encode()) and (len(first) > 127 or " " in PREFIX):
        program = re.match(rb"#!(.*/bin/[^\s/]+)(.*)", first)
        if program:
            name = os.path.basename(program[1])
            first = b"#!/usr/bin/env " + name + program[2]
    return first + newline + rest


def binary(data, placeholder):
    prefix = PREFIX.encode()
    if len(prefix) > len(placeholder):
        sys.exit("conda-unpack: %r is longer than %d characters, which is all the room there is"
                 % (PREFIX, len(placeholder)))

    def replace(match):
        found = match.group()
        new = found.replace(placeholder, prefix)
        return new + b"\0" * (len(found) - len(new))

    return re.sub(re.escape(placeholder) + rb"[^\0]*(?=\0)", replace, data)


def main():
    for path, placeholder, mode in RECORDS:
        path = os.path.join(PREFIX, path)
        with open(path, "rb") as stream:
            data = stream.read()
        new = (binary if mode == "binary" else text)(data, placeholder.encode())
        if new == data:
            continue
        aside = path + ".conda-unpack"
        with open(aside, "wb") as stream:
            stream.write(new)
        os.chmod(aside, os.stat(path).st_mode)
        os.replace(aside, path)


if __name__ == "__main__":
    main()
"""

_ACTIVATE = """\
# Source this file: `. bin/activate`. Written by gitstore.
if [ -n "${{BASH_SOURCE:-}}" ]; then
    _gitstore_here="${{BASH_SOURCE}}"
elif [ -n "${{ZSH_VERSION:-}}" ]; then
    eval '_gitstore_here="${{(%):-%x}}"'
else
    _gitstore_here="${{GITSTORE_ACTIVATE:-./bin/activate}}"
fi
_gitstore_prefix="$(CDPATH= cd -- "$(dirname -- "${{_gitstore_here}}")/.." && pwd -P)"
[ -z "${{CONDA_PREFIX:-}}" ] || . "${{_gitstore_prefix}}/bin/deactivate"
_GITSTORE_OLD_PATH="${{PATH}}"
export CONDA_PREFIX="${{_gitstore_prefix}}" PATH="${{_gitstore_prefix}}/bin:${{PATH}}"
export CONDA_DEFAULT_ENV="${{_gitstore_prefix##*/}}" CONDA_SHLVL=1
{exports}\
if [ -d "${{CONDA_PREFIX}}/etc/conda/activate.d" ]; then
    for _gitstore_script in "${{CONDA_PREFIX}}"/etc/conda/activate.d/*.sh; do
        [ ! -r "${{_gitstore_script}}" ] || . "${{_gitstore_script}}"
    done
fi
unset _gitstore_here _gitstore_prefix _gitstore_script
hash -r 2>/dev/null || true
"""

_DEACTIVATE = """\
# Source this file: `. bin/deactivate`. Written by gitstore.
if [ -n "${{CONDA_PREFIX:-}}" ] && [ -d "${{CONDA_PREFIX}}/etc/conda/deactivate.d" ]; then
    for _gitstore_script in "${{CONDA_PREFIX}}"/etc/conda/deactivate.d/*.sh; do
        [ ! -r "${{_gitstore_script}}" ] || . "${{_gitstore_script}}"
    done
    unset _gitstore_script
fi
[ -z "${{_GITSTORE_OLD_PATH:-}}" ] || export PATH="${{_GITSTORE_OLD_PATH}}"
unset CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL _GITSTORE_OLD_PATH{unsets}
hash -r 2>/dev/null || true
"""


def unpack_script(prefixed: Sequence[PrefixedFile]) -> bytes:
    """Return ``bin/conda-unpack``: a shell script that is Python too."""
    records = [[file.path, file.placeholder, file.mode] for file in prefixed]
    table = json.dumps(records, indent=0, ensure_ascii=True)
    return f'{_UNPACK_HEAD}RECORDS = json.loads(r"""{table}""")\n{_UNPACK_BODY}'.encode()


def activate_script(variables: Mapping[str, str]) -> bytes:
    """Return ``bin/activate`` for POSIX shells, with the environment's variables."""
    exports = "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())
    )
    return _ACTIVATE.format(exports=exports).encode()


def deactivate_script(variables: Mapping[str, str]) -> bytes:
    """Return ``bin/deactivate`` for POSIX shells."""
    unsets = "".join(f" {name}" for name in sorted(variables))
    return _DEACTIVATE.format(unsets=unsets).encode()
