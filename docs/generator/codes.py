"""The pages of exit codes and of codes, from ``errors.py`` and ``model/codes.py``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from docs.generator.words import Words, WordsError, table
from gitstore import errors
from gitstore.model.codes import FAILURES, PROBLEMS, REASONS, VERBS, Code


def exit_codes() -> dict[int, str]:
    """Return the exit codes that are constants, each with its constant's name."""
    return {value: name for name, value in vars(errors).items() if name.startswith("EXIT_")}


def error_classes() -> list[type[errors.GitstoreError]]:
    """Return the exception classes, in the order of their module."""
    found = [value for value in vars(errors).values() if inspect.isclass(value)]
    return [kind for kind in found if issubclass(kind, errors.GitstoreError)]


def exit_codes_page(words: Words) -> str:
    """Return the page of exit codes."""
    constants, classes = exit_codes(), error_classes()
    rows = []
    for code in sorted({*constants, *(kind.exit_code for kind in classes)}):
        same = [kind for kind in classes if kind.exit_code == code]
        if code in constants:
            meaning = words.take("exit-codes", constants[code])
        else:
            meaning = _first_sentence(same[0])
        rows.append([str(code), meaning, _links(kind.default_code for kind in same)])
    retried = [
        [_links([kind.default_code]), _first_sentence(kind)] for kind in classes if kind.retryable
    ]
    return "\n".join(
        [
            *("# Exit codes", "", words.take("pages", "exit codes"), ""),
            *table(["Exit code", "Meaning", "Failure codes"], rows),
            *("", words.take("pages", "after exit codes"), ""),
            *("## What is tried again", "", words.take("pages", "retries"), ""),
            *table(["Failure code", "Meaning"], retried),
            *("", words.take("pages", "after retries")),
        ]
    )


def codes_page(words: Words) -> str:
    """Return the page of codes."""
    verbs = [[f"`{verb}`", words.take("verbs", verb)] for verb in VERBS]
    return "\n".join(
        [
            *("# Codes", "", words.take("pages", "codes"), ""),
            *("## Problem codes", "", words.take("pages", "problems"), ""),
            *table(
                ["Code", "Severity", "Meaning", "What to do"],
                [[_anchor("problem", c), c.severity, c.meaning, c.todo] for c in _of(PROBLEMS)],
            ),
            *("", "## Verbs of a plan", "", words.take("pages", "verbs"), ""),
            *table(["Verb", "What `gitstore apply` does"], verbs),
            *("", "## Reason codes", "", words.take("pages", "reasons"), ""),
            *table(["Code", "Meaning"], [[_anchor("reason", c), c.meaning] for c in _of(REASONS)]),
            *("", "## Failure codes", "", words.take("pages", "failures"), ""),
            *table(
                ["Code", "Meaning", "What to do"],
                [[_anchor("failure", c), c.meaning, c.todo] for c in _of(FAILURES)],
            ),
        ]
    )


def _of(codes: Mapping[str, Code]) -> Iterable[Code]:
    return codes.values()


def _anchor(kind: str, entry: Code) -> str:
    return f'<a id="{kind}-{entry.code}"></a>`{entry.code}`'


def _first_sentence(kind: type) -> str:
    """Return what a class's docstring says to everybody: what follows a `;` is for programmers."""
    text = (inspect.getdoc(kind) or "").partition("\n\n")[0].partition(";")[0]
    return " ".join(text.replace("``", "`").split()).rstrip(".") + "."


def _links(codes: Iterable[str]) -> str:
    found = list(dict.fromkeys(codes))
    if missing := [code for code in found if code not in FAILURES]:
        raise WordsError(f"FAILURES of gitstore/model/codes.py lacks {', '.join(missing)}")
    return ", ".join(f"[`{code}`](codes.md#failure-{code})" for code in found)
