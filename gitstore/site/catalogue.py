"""The catalogue: what the site shows, as frozen values, and how it follows from facts. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gitstore.model.problems import Problem
from gitstore.model.settings import NamespaceEntry
from gitstore.site.text import clean, first_line

State = Literal[
    "up-to-date", "locked", "waiting", "failed", "problems", "lock-only", "unreadable", "retired"
]
# The words of each state, and the sentence that explains it.
STATES: Mapping[State, tuple[str, str]] = {
    "up-to-date": ("Up to date", "Everything that its spec asks for is locked and built."),
    "locked": ("Locked, not built", "The packages are fixed; the archive is not built yet."),
    "waiting": ("Waiting", "Its spec is new or has changed, and is yet to be locked."),
    "failed": ("Failed", "The latest try did not succeed."),
    "problems": ("Spec has problems", "The spec must be corrected before it can be locked."),
    "lock-only": ("Lockfile only", "Somebody brought this lockfile; gitstore has not verified it."),
    "unreadable": ("Unreadable", "Its files or records in git cannot be read."),
    "retired": ("Retired", "Its spec was deleted. Putting the spec back restores it."),
}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SUFFIXES = {"archive": ".tar.zst"}
_KIND_WORDS = {"archive": "Archive"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One package; ``size`` and ``license`` are None where no record tells them."""

    name: str
    version: str
    build: str
    size: int | None = None
    license: str | None = None
    manager: str = "conda"


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """One artifact. ``key`` is its place in the target folder ``root``, None for other targets."""

    platform: str
    kind: str
    name: str
    digest: str
    size: int
    key: str
    root: str | None = None

    @property
    def words(self) -> str:
        return _KIND_WORDS.get(self.kind, self.kind)

    @property
    def sha256(self) -> str:
        return self.digest.removeprefix("sha256:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What an environment has on one platform; ``direct`` are the packages its spec names."""

    platform: str
    direct: tuple[Package, ...]
    others: tuple[Package, ...]
    downloads: tuple[Download, ...] = ()

    @property
    def count(self) -> int:
        return len(self.direct) + len(self.others)

    @property
    def size(self) -> int | None:
        """What the packages weigh; None where that of one is unknown."""
        sizes = [package.size for package in (*self.direct, *self.others)]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why the latest try of something failed. ``retry_after`` None waits for a person."""

    platform: str | None
    code: str
    message: str
    hint: str
    retry_after: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One problem of a file that people wrote."""

    code: str
    message: str
    hint: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """One version; ``time`` is seconds since 1970, ``verified`` whether a record knows it."""

    number: int
    commit: str
    time: int
    subject: str
    body: str
    verified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One environment. ``shown`` is the version whose contents are listed; history is newest first.

    ``lock`` is the blob of that version's lockfile, or None where none may be offered.
    """

    namespace: str
    name: str
    state: State
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    contents: tuple[Content, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    history: tuple[Release, ...] = ()
    shown: Release | None = None
    lock: str | None = None

    @property
    def state_words(self) -> str:
        return STATES[self.state][0]

    @property
    def state_sentence(self) -> str:
        return STATES[self.state][1]

    @property
    def path(self) -> str:
        """The folder of its page, from the root of the site."""
        return f"environments/{self.namespace}/{self.name}"

    @property
    def downloads(self) -> tuple[Download, ...]:
        return tuple(found for content in self.contents for found in content.downloads)


@dataclass(frozen=True, kw_only=True, slots=True)
class Namespace:
    """One namespace at one revision. ``frozen`` is the reason of a freeze."""

    name: str
    visibility: str
    revision: str | None = None
    frozen: str | None = None
    findings: tuple[Finding, ...] = ()
    environments: tuple[Environment, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """Everything on the site. ``public`` says that only public namespaces went in."""

    title: str
    store: str
    public: bool
    base_url: str | None = None
    namespaces: tuple[Namespace, ...] = ()

    @property
    def environments(self) -> tuple[Environment, ...]:
        return tuple(found for namespace in self.namespaces for found in namespace.environments)

    def count_states(self) -> dict[State, int]:
        """Count the environments in each state, in the order of ``STATES``."""
        counts = Counter(environment.state for environment in self.environments)
        return {state: counts[state] for state in STATES if counts[state]}


def visible_entries(entries: Iterable[NamespaceEntry], *, public: bool) -> list[NamespaceEntry]:
    """Return the namespaces that go into a site: all of them, or those that are public."""
    return [entry for entry in entries if not public or entry.visibility == "public"]


def make_catalogue(
    namespaces: Sequence[Namespace],
    *,
    store: str,
    title: str | None,
    base_url: str | None,
    public: bool,
) -> Catalogue:
    """Put the namespaces together, by name; in each, what is retired comes last."""
    return Catalogue(
        title=clean(title or f"Environments of {store}"),
        store=store,
        public=public,
        base_url=checked_base_url(base_url),
        namespaces=tuple(sorted(namespaces, key=lambda namespace: namespace.name)),
    )


def sort_environments(environments: Iterable[Environment]) -> tuple[Environment, ...]:
    return tuple(sorted(environments, key=lambda found: (found.state == "retired", found.name)))


def checked_base_url(url: str | None) -> str | None:
    """Return where the site is served, with a final slash; None for what no browser should open."""
    if url is None or not re.fullmatch(r"https?://[^\s<>\"'`\\]+", url):
        return None
    return url.rstrip("/") + "/"


def judge_state(
    *,
    has_spec: bool,
    is_current: bool,
    findings: Sequence[Finding],
    failures: Sequence[Failure],
    built: Iterable[str],
    unbuilt: Iterable[str],
) -> State:
    """Return the state of an environment that is there.

    ``is_current`` says that its lockfile answers its spec; ``unbuilt`` are the platforms that a
    runner here builds for and that have no build.
    """
    if findings:
        return "problems"
    if failures:
        return "failed"
    if not has_spec:
        return "lock-only"
    if not is_current:
        return "waiting"
    return "locked" if list(unbuilt) or not list(built) else "up-to-date"


def split_packages(
    packages: Iterable[Package], direct: frozenset[str]
) -> tuple[tuple[Package, ...], tuple[Package, ...]]:
    """Part the packages that the spec names from those that came with them, each by name."""
    ordered = sorted(packages, key=lambda package: (package.name.lower(), package.version))
    asked = tuple(package for package in ordered if package.name.lower() in direct)
    return asked, tuple(package for package in ordered if package.name.lower() not in direct)


def downloads_of(
    record: Mapping[str, Any], *, platform: str, stem: str, folders: Mapping[str, str]
) -> tuple[Download, ...]:
    """Return the artifacts of a build record, under file names that begin with ``stem``.

    ``folders`` are the targets that are folders. Records lie in the namespace's repository, where
    its members can write: names and places are made anew, from a digest that was checked.
    """
    downloads = []
    for artifact in record["artifacts"]:
        digest, kind = artifact["digest"], clean(str(artifact["kind"]))
        if not _DIGEST.fullmatch(digest):
            continue
        text = digest.removeprefix("sha256:")
        key = f"blobs/sha256/{text[:2]}/{text}"
        holders = [place["target"] for place in artifact["published"] if place["key"] == key]
        downloads.append(
            Download(
                platform=platform,
                kind=kind,
                name=f"{stem}-{platform}{_SUFFIXES.get(kind, '')}",
                digest=digest,
                size=int(artifact["size"]),
                key=key,
                root=next((folders[name] for name in holders if name in folders), None),
            )
        )
    return tuple(downloads)


def failure_of(record: Mapping[str, Any]) -> Failure:
    """Return what people need of a failure record."""
    platform = record["platform"]
    return Failure(
        platform=clean(str(platform)) if platform else None,
        code=clean(str(record["code"])),
        message=first_line(str(record["message"])),
        hint=clean(str(record["hint"] or "")),
        retry_after=clean(str(record["retry_after"])) if record["retry_after"] else None,
    )


def finding_of(problem: Problem) -> Finding:
    """Return what people need of a problem."""
    return Finding(
        code=problem.code,
        message=first_line(problem.message),
        hint=clean(problem.hint),
        place=clean(problem.place),
    )
