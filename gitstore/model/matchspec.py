"""Judge a conda dependency: read leniently, as conda users write, and refused where that misreads.

The engine reads almost everything as something: ``num py`` as version ``py`` of ``num``, and
``numpy >1 <2`` as a build named ``<2``. What nobody can have meant is told here, with the form
that was probably meant (CEP-29 has the grammar).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gitstore.model.channels import has_secret, redact

_REVERSED = re.compile(r"=\s*([<>])")
_TWO_RANGES = re.compile(r"([<>]=?|!=)\s*([\w.!+*]+)\s+(?=[<>!]=?)")
_SPACED_WORDS = re.compile(r"([A-Za-z_][\w.-]*)\s+([A-Za-z][A-Za-z_-]*)(\s+[A-Za-z][\w-]*)*")
_ODD_VERSION = re.compile(r"[A-Za-z_][\w.-]*\s+[\w.]*[@:^]")
_OTHER_OPERATOR = re.compile(r"([A-Za-z_][\w.-]*)\s*[@:^]\s*v?([0-9][\w.*]*)")
_GLUED_VERSION = re.compile(r"([A-Za-z][A-Za-z_-]*[A-Za-z])([0-9]+\.[0-9][0-9.]*)")
_EXTRAS = re.compile(r"([A-Za-z0-9][\w.-]*)\s*\[[\w.,\s-]*\]")
_QUOTED = re.compile(r"""(["'])(.*)\1""")
_URL = re.compile(r"[a-z0-9+]+://[^\s,\]\"']+", re.IGNORECASE)
_NAME = re.compile(r"(?:[^\s\[\]]+::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_FORMS = "write `name`, `name >=1.2` or `name=1.2`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with a dependency; ``better`` is what was probably meant, where that is sure.

    A fault that is not ``fatal`` is advice: it can be read as it stands.
    """

    code: str
    message: str
    hint: str = _FORMS
    better: str | None = None
    fatal: bool = True


def matchspec(text: str) -> Any:
    """Read a MatchSpec as leniently as conda does.

    Raises:
        rattler.exceptions.InvalidMatchSpecError: nobody can read it.
    """
    from rattler import MatchSpec  # noqa: PLC0415  0.1 s, and a warm memo never comes here

    return MatchSpec(text, strict=False)


def name_of(text: str) -> str | None:
    """Return the normalised name that a dependency asks for, None where a file is named."""
    if "://" in text.partition("::")[0] and "::" not in text:
        file = text.rpartition("/")[2]
        return file.rsplit("-", 2)[0].lower() if file.count("-") >= 2 else None
    match = _NAME.match(text.strip())
    return match[1].lower() if match else None


def judge_matchspec(text: str) -> Fault | None:
    """Return what is wrong with a dependency, or None."""
    fault = _obvious_fault(text)
    if fault is not None:
        return fault
    from rattler.exceptions import InvalidMatchSpecError  # noqa: PLC0415  see above

    try:
        spec = matchspec(text)
    except (InvalidMatchSpecError, ValueError) as exc:
        return _invalid(text, str(exc).splitlines()[0])
    if spec.name is None:
        return _invalid(text, "it names no package")
    build = str(spec.build or "")
    if build[:1] in ("<", ">", "=", "!"):
        better = _TWO_RANGES.sub(r"\1\2,", text)
        return _better(text, better, "two conditions on a version are joined by a comma")
    if glued := _GLUED_VERSION.fullmatch(text):
        better = f"{glued[1]}={glued[2]}"
        return Fault(
            code="spec-glued-version",
            message=f"`{text}` asks for a package of that name, not for version {glued[2]}",
            hint=f"did you mean `{better}`?",
            better=better,
            fatal=False,
        )
    return None


def _obvious_fault(text: str) -> Fault | None:
    """Find what the engine would misread, or explain worse."""
    if not text:
        return _invalid(text, "it is empty")
    if "\n" in text:
        return _invalid(text, "it runs over several lines")
    if any(has_secret(url) for url in _URL.findall(text)):
        return Fault(
            code="channel-secret",
            message=f"`{_shown(text)}` holds a password or a token",
            hint="remove it from the URL, and replace that secret at its source: who can read "
            "this file has read it",
        )
    if text.startswith("-"):
        return Fault(
            code="spec-option",
            message=f"`{_shown(text)}` is an option, not a package",
            hint="remove the line; a requirements file stands below `pip:`",
        )
    if quoted := _QUOTED.fullmatch(text):
        return _better(text, quoted[2].strip(), "it has quotes inside of quotes")
    if _REVERSED.search(text):
        better = _REVERSED.sub(r"\1=", text)
        return _better(text, better, "an operator is written the wrong way round")
    if other := _OTHER_OPERATOR.fullmatch(text):
        better = f"{other[1]}={other[2]}"
        return _better(text, better, "conda knows no such operator")
    if ";" in text.partition("[")[0]:
        said = "conditions after `;` belong to PyPI"
        return _invalid(text, said, "write `sel(win): name`, or put it below `pip:`")
    if extras := _EXTRAS.fullmatch(text):
        said = "extras in brackets belong to PyPI"
        return _invalid(text, said, f"write `{extras[1]}`, or put it below `pip:`")
    if _SPACED_WORDS.fullmatch(text) or _ODD_VERSION.match(text):
        return _invalid(text, "a version needs a digit", "write each package on its own line")
    if text.rstrip().endswith(","):
        return _better(text, text.rstrip(" ,"), "it ends with a comma")
    return None


def _better(text: str, better: str, reason: str) -> Fault:
    hint = f"did you mean `{_shown(better)}`?"
    return Fault(
        code="spec-invalid-matchspec",
        message=f"`{_shown(text)}` is not a MatchSpec: {reason}",
        hint=hint,
        better=better,
    )


def _invalid(text: str, reason: str, hint: str = _FORMS) -> Fault:
    return Fault(
        code="spec-invalid-matchspec",
        message=f"`{_shown(text)}` is not a MatchSpec: {redact(reason)}",
        hint=hint,
    )


def _shown(text: str) -> str:
    return redact(text[:80])
