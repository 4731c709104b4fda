"""Plan: what has to be done, from digests and paths alone.

Pure; no lockfile is read and nothing is solved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gitstore.model.environment import LoadedEnvironment, SpecTree
from gitstore.model.identity import Recipe
from gitstore.model.plan import Plan, PlanItem, Update, Verb
from gitstore.model.records import BuildFacts, History, build_key, lock_key


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanContext:
    """What else decides: the runner's platforms, the targets of each kind, the time, the wishes.

    ``now`` is written as records write it; ``selected`` is None for every environment;
    ``retry`` takes up failed work at once; with ``update``, what is locked is locked again.
    """

    runner_platforms: tuple[str, ...]
    targets: dict[str, tuple[str, ...]]
    now: str
    selected: frozenset[str] | None = None
    retry: bool = False
    update: Update | None = None


@dataclass(kw_only=True, slots=True)
class Planner:
    """Decides about environments. ``building`` holds the keys of builds that are taken already."""

    history: History
    context: PlanContext
    building: set[str] = field(default_factory=set)

    def plan(self, tree: SpecTree) -> Plan:
        """Decide for every environment of a revision, each decision with its reason."""
        items: list[PlanItem] = []
        for environment in tree.environments:
            items += self._plan_environment(environment, tree.settings.freeze)
        return Plan(namespace=tree.namespace, revision=tree.revision, items=tuple(items))

    def _plan_environment(
        self, environment: LoadedEnvironment, freeze: str | None
    ) -> list[PlanItem]:
        name, selected = environment.name, self.context.selected
        if selected is not None and name not in selected:
            return [_skip(name, "not-selected")]
        if freeze is not None:
            return [_skip(name, "frozen", detail=freeze)]
        if not environment.is_valid:
            return [_skip(name, "spec-invalid", detail=f"{environment.path}: `gitstore check`")]
        if environment.spec is None:
            return [self._plan_without_spec(environment)]
        if environment.input is None or environment.recipe is None:
            raise AssertionError(f"a valid spec without digests: {name}")
        solve = self.history.solve(name, environment.input)
        if solve is None or environment.lock is None or solve.lock != environment.lock.oid:
            return [self._plan_lock(environment, environment.input)]
        if self.context.update is not None:
            key = lock_key(environment.input, None)
            return [PlanItem(environment=name, verb="lock", reason="update-asked", key=key)]
        items = [
            self.plan_build(name, platform, content, environment.recipe)
            for platform, content in sorted(solve.content.items())
        ]
        elsewhere = [item for item in items if item.reason == "no-runner"]
        here = [item for item in items if item.reason not in ("no-runner", "up-to-date")]
        return [*(here or [_skip(name, "up-to-date")]), *elsewhere]

    def _plan_without_spec(self, environment: LoadedEnvironment) -> PlanItem:
        lock = environment.lock
        if lock is not None and self.history.knows_lock(environment.name, lock.oid):
            return PlanItem(environment=environment.name, verb="retire", reason="spec-deleted")
        return _skip(environment.name, "lock-only")

    def _plan_lock(self, environment: LoadedEnvironment, input_digest: str) -> PlanItem:
        name, lock = environment.name, environment.lock
        restore = unverified = None
        if lock is None:
            known = self.history.solve(name, input_digest)
            restore = known.lock if known else None
            reason = "lock-restored" if restore else "new"
        elif self.history.knows_lock(name, lock.oid):
            reason = "input-changed"
        else:
            reason, unverified = "lock-unverified", lock.oid
        return self._unless_failed(
            PlanItem(
                environment=name,
                verb="lock",
                reason=reason,
                key=lock_key(input_digest, unverified),
                restore=restore,
            )
        )

    def plan_build(self, name: str, platform: str, content: str, recipe: Recipe) -> PlanItem:
        """Decide about one platform of a locked environment."""
        if platform not in self.context.runner_platforms:
            return _skip(name, "no-runner", platform=platform, detail=f"no runner for {platform}")
        build = self.history.build(platform, content, recipe.digest)
        verb: Verb = "build"
        reason = "not-built"
        if build is not None:
            if not self._missing_targets(recipe, build):
                return _skip(name, "up-to-date", platform=platform)
            verb, reason = "publish", "target-added"
        key = build_key(platform, content, recipe.digest)
        if key in self.building:
            return _skip(name, "same-content", platform=platform)
        self.building.add(key)
        return self._unless_failed(
            PlanItem(
                environment=name,
                verb=verb,
                reason=reason,
                platform=platform,
                key=key,
                content=content,
            )
        )

    def _missing_targets(self, recipe: Recipe, build: BuildFacts) -> set[str]:
        return {
            target
            for kind in recipe.kinds
            for target in self.context.targets.get(kind, ())
            if target not in build.published.get(kind, ())
        }

    def _unless_failed(self, item: PlanItem) -> PlanItem:
        """Turn work that failed before into a skip, until its time comes or ``--retry``."""
        failure = self.history.failure(item.environment, item.key) if item.key else None
        if failure is None or self.context.retry or not failure.blocks(self.context.now):
            return item
        return PlanItem(
            environment=item.environment,
            verb="skip",
            reason="failed-before",
            platform=item.platform,
            key=item.key,
            retry_after=failure.retry_after,
            detail=f"{failure.code}: {failure.message}",
        )


def _skip(name: str, reason: str, *, platform: str | None = None, detail: str = "") -> PlanItem:
    return PlanItem(environment=name, verb="skip", reason=reason, platform=platform, detail=detail)
