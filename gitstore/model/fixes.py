"""Carry out the edits that mend problems: lines are changed, everything else stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

from gitstore.model.problems import Fix
from gitstore.model.yamltext import split_lines


def apply_fixes(text: str, fixes: Iterable[Fix]) -> tuple[str, int]:
    """Return the text with the edits made, and how many were made.

    An edit whose line does not hold what it should replace is left out. Line ends stay.
    """
    lines = split_lines(text)
    done = 0
    for fix in sorted(set(fixes), key=lambda fix: (-fix.line, fix.old)):
        at = fix.line - 1
        if not 0 <= at < len(lines) or fix.old not in lines[at]:
            continue
        if fix.new is None:
            del lines[at]
        else:
            lines[at] = lines[at].replace(fix.old, fix.new, 1)
        done += 1
    return "".join(lines), done
