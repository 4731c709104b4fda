"""Say why there is no solution, in plain words, and which small edits would make one.

The engine tells a tree. Here the wishes that clash are found by solving without each of them, and
an edit is proposed only after it was tried by solving with it.
"""

from __future__ import annotations

import difflib
import itertools
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rattler

from gitstore.model.channels import redact
from gitstore.model.edits import SpecEdit
from gitstore.model.matchspec import matchspec, name_of
from gitstore.model.work import PlatformRequest, SolveRequest

# Solves with other wishes or assumptions: the records, or None where there is no solution.
Trial = Callable[[Sequence[str], Mapping[str, str]], Awaitable["Sequence[Any] | None"]]

_BUDGET = 20.0  # seconds for all trials of one platform
_MOST_EDITS = 3
_VIRTUAL = re.compile(r"(__[a-z0-9_-]+)((?: [^,\s]+)*), for which no candidates")
_BOUND = re.compile(r"[>=]=?\s*([0-9][0-9.]*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """``clash`` in one line, what each side wants in ``details``, and ``edits`` that were tried."""

    clash: str
    details: tuple[str, ...] = ()
    edits: tuple[SpecEdit, ...] = ()


@dataclass(slots=True)
class Explainer:
    """Explains one platform that has no solution. ``tree`` is what the engine said."""

    request: SolveRequest
    platform: PlatformRequest
    gateway: rattler.Gateway
    trial: Trial
    tree: str
    _records: dict[str, list[Any]] = field(default_factory=dict)
    _until: float = 0.0

    async def explain(self) -> Explanation | None:
        """Return what could be found out in the time there is, or None."""
        self._until = time.monotonic() + _BUDGET
        wishes = list(dict.fromkeys(self.platform.dependencies))
        await self._read(wishes)
        for wish in wishes:
            if not self._of(wish) and not (name_of(wish) or "").startswith("__"):
                return await self._missing(wish)
        for wish in wishes:
            if (name_of(wish) or "").startswith("__"):
                continue
            if not self._matching(wish):
                return await self._no_version(wish)
        clash = await self._smallest_clash(wishes)
        if not clash:
            return None
        if virtual := await self._virtual(clash):
            return virtual
        return await self._clash(clash)

    async def _read(self, wishes: Sequence[str]) -> None:
        """Read the records of every wished name, on all its channels."""
        names = [rattler.MatchSpec(name) for wish in wishes if (name := name_of(wish))]
        groups = await self.gateway.query(
            list(self.request.channels), self._subdirs(), names, recursive=False
        )
        for record in itertools.chain.from_iterable(groups):
            self._records.setdefault(record.name.normalized, []).append(record)

    def _subdirs(self) -> Any:
        return [self.platform.platform, "noarch"]

    def _of(self, wish: str) -> list[Any]:
        return self._records.get(name_of(wish) or "", [])

    def _matching(self, wish: str) -> list[Any]:
        """Return the records that a wish allows, of the channel that strict priority leaves."""
        records = self._of(wish)
        spec = matchspec(wish)
        if self.request.channel_priority != "disabled" and spec.channel is None:
            first = self._first_channel(records)
            records = [record for record in records if _channel(record) == first]
        return [record for record in records if spec.matches(record)]

    def _first_channel(self, records: Sequence[Any]) -> str:
        having = {_channel(record) for record in records}
        ranked = (channel.rstrip("/") for channel in self.request.channels)
        return next((channel for channel in ranked if channel in having), "")

    async def _missing(self, wish: str) -> Explanation:
        name = name_of(wish) or wish
        where = self.platform.platform
        channels = ", ".join(map(_short, self.request.channels))
        elsewhere = await self._other_platforms(name)
        if elsewhere:
            return Explanation(
                clash=f"there is no `{name}` for {where}",
                details=(f"{channels} has it for {', '.join(elsewhere)}",),
                edits=await self._tried([SpecEdit(old=wish)]),
            )
        known = await self.gateway.names(list(self.request.channels), self._subdirs())
        names = [each.normalized for each in getattr(known, "names", known)]
        near = difflib.get_close_matches(name, names, n=_MOST_EDITS, cutoff=0.7)
        edits = await self._tried(
            [SpecEdit(old=wish, new=wish.replace(name, each)) for each in near]
        )
        meant = f": did you mean `{near[0]}`?" if near else ""
        return Explanation(clash=f"there is no package `{name}` in {channels}{meant}", edits=edits)

    async def _other_platforms(self, name: str) -> list[str]:
        others: Any = ["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"]
        wanted = [rattler.MatchSpec(name)]
        groups = await self.gateway.query(
            list(self.request.channels), others, wanted, recursive=False
        )
        return sorted({record.subdir for record in itertools.chain.from_iterable(groups)})

    async def _no_version(self, wish: str) -> Explanation:
        name = name_of(wish) or wish
        records = self._of(wish)
        spec = matchspec(wish)
        hidden = [record for record in records if spec.matches(record)]
        first = self._first_channel(records)
        if hidden and spec.channel is None:
            other = _channel(hidden[0])
            return Explanation(
                clash=f"`{wish}` is only in {_short(other)}, and {_short(first)} comes first",
                details=(
                    f"{_short(first)} has {name} {_versions(records, first)}",
                    "a package is taken from the first channel that has its name (strict priority)",
                ),
                edits=await self._tried(
                    [SpecEdit(old=wish, new=f"{_named(other)}::{wish}"), *self._looser(wish)]
                ),
            )
        return Explanation(
            clash=f"no version of `{name}` for {self.platform.platform} fits `{wish}`",
            details=(f"{_short(first)} has {name} {_versions(records, first)}",),
            edits=await self._tried(self._looser(wish)),
        )

    async def _smallest_clash(self, wishes: list[str]) -> list[str]:
        """Leave out wishes as long as the rest still clashes; what is left needs each of them."""
        told = [wish for wish in wishes if (name_of(wish) or wish) in self.tree]
        clash = wishes
        if 0 < len(told) < len(wishes) and await self._solves(told) is False:
            clash = told
        for wish in list(clash):
            if len(clash) == 1 or time.monotonic() > self._until:
                break
            rest = [other for other in clash if other != wish]
            if await self._solves(rest) is False:
                clash = rest
        return clash

    async def _solves(self, wishes: Sequence[str]) -> bool:
        return await self.trial(wishes, {}) is not None

    async def _virtual(self, clash: Sequence[str]) -> Explanation | None:
        """Look for an assumption about the machine that is all that is missing."""
        match = _VIRTUAL.search(self.tree)
        if match is None:
            return None
        name, wanted = match[1], match[2].strip()
        bound = _BOUND.search(wanted)
        version = bound[1] if bound else "0"
        where = self.platform.platform
        has = self.platform.virtual_packages.get(name)
        assumed = f"is assumed to have {has}" if has else "is assumed not to have it"
        edit = SpecEdit(virtual=(where, name, version))
        found = await self.trial(self.platform.dependencies, {name: version})
        wishes = " and ".join(f"`{wish}`" for wish in clash)
        return Explanation(
            clash=f"{wishes} needs `{name}{f' {wanted}' if wanted else ''}`, and {where} {assumed}",
            edits=(edit,) if found is not None else (),
        )

    async def _clash(self, clash: list[str]) -> Explanation:
        where = self.platform.platform
        shown = [f"`{wish}`" for wish in clash]
        if len(clash) == 1:
            said = f"{shown[0]} cannot be had for {where}"
        else:
            said = f"{', '.join(shown[:-1])} and {shown[-1]} cannot be together on {where}"
        details, missing = await self._wants(clash)
        edits = [edit for wish in clash for edit in self._looser(wish)]
        tried = await self._tried(edits)
        if not tried and len(clash) > 1:
            tried = await self._tried([SpecEdit(old=wish) for wish in clash])
        return Explanation(clash=missing or said, details=details, edits=tried)

    async def _wants(self, clash: list[str]) -> tuple[tuple[str, ...], str]:
        """Say what the newest of each wish needs of the others, or of one third package."""
        newest = {
            wish: max(self._matching(wish), key=_rank) for wish in clash if self._matching(wish)
        }
        needs: dict[str, list[tuple[str, str]]] = {}
        for wish, record in newest.items():
            for text in record.depends:
                needs.setdefault(text.partition(" ")[0], []).append((wish, text))
        names = {name_of(wish): wish for wish in clash}
        lines = []
        for name, wanted in needs.items():
            if name in names or len(wanted) > 1:
                for wish, text in wanted:
                    record = newest[wish]
                    lines.append(f"{record.name.normalized} {record.version} needs `{text}`")
        if not lines and len(clash) == 1 and newest:
            record = newest[clash[0]]
            gone = await self._gone(record)
            if gone:
                who = f"{record.name.normalized} {record.version}"
                return (), f"`{clash[0]}` cannot be had: {who} needs `{gone}`, which is not there"
        return tuple(dict.fromkeys(lines)), ""

    async def _gone(self, record: Any) -> str | None:
        wanted = [text for text in record.depends if not text.startswith("__")]
        for text in wanted:
            spec = rattler.MatchSpec(text, strict=False)
            groups = await self.gateway.query(
                list(self.request.channels), self._subdirs(), [spec], recursive=False
            )
            if not any(spec.matches(each) for each in itertools.chain.from_iterable(groups)):
                return str(text)
        return None

    def _looser(self, wish: str) -> list[SpecEdit]:
        """Propose to drop what a wish says about versions."""
        name = name_of(wish) or wish
        channel, found, _ = wish.partition("::")
        bare = f"{channel}::{name}" if found and "[" not in channel else name
        return [SpecEdit(old=wish, new=bare)] if bare != wish.lower() else []

    async def _tried(self, edits: Sequence[SpecEdit]) -> tuple[SpecEdit, ...]:
        """Keep the edits with which there is a solution, each with what it gives."""
        kept: list[SpecEdit] = []
        for edit in edits:
            if len(kept) == _MOST_EDITS or time.monotonic() > self._until:
                break
            wishes = [
                edit.new if wish == edit.old and edit.new is not None else wish
                for wish in self.platform.dependencies
                if wish != edit.old or edit.new is not None
            ]
            found = await self.trial(wishes, {})
            if found is not None:
                kept.append(_with_result(edit, found))
        return tuple(kept)


def _with_result(edit: SpecEdit, records: Sequence[Any]) -> SpecEdit:
    """Write the version that came out into the edit, as precise as the wish was."""
    if edit.new is None:
        return edit
    name = name_of(edit.new)
    version = next((str(r.version) for r in records if r.name.normalized == name), "")
    gives = f"{name} {version}" if version else ""
    precise = re.search(r"=\s*([0-9][0-9.]*[0-9])", edit.old)
    if version and precise and "=" not in edit.new and not re.search(r"[<>]", edit.old):
        parts = len(precise[1].split("."))
        return SpecEdit(
            old=edit.old, new=f"{edit.new}={'.'.join(version.split('.')[:parts])}", gives=gives
        )
    return SpecEdit(old=edit.old, new=edit.new, gives=gives)


def _rank(record: Any) -> tuple[Any, int]:
    return (record.version, record.build_number)


def _channel(record: Any) -> str:
    return str(record.url).rsplit("/", 2)[0]


def _short(url: str) -> str:
    """Name a channel as people do."""
    return redact(url).removeprefix("https://conda.anaconda.org/")


_named = _short


def _versions(records: Sequence[Any], channel: str) -> str:
    """Say which versions there are: all of a few, else the ends."""
    found = sorted({r.version for r in records if _channel(r) == channel})
    words = [str(version) for version in found]
    return ", ".join(words) if len(words) <= 4 else f"{words[0]} to {words[-1]}"
