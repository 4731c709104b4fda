"""Plan: what has to be done, from digests and paths alone. Pure; no lockfile is read, nothing solved."""

from __future__ import annotations

from dataclasses import dataclass

from gitstore.model.environment import LoadedEnvironment, SpecTree
from gitstore.model.identity import Recipe
from gitstore.model.plan import Plan, PlanItem, Verb
from gitstore.model.records import History, build_key, lock_key


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanContext:
    """What else decides: the runner's platforms, the targets of each kind, the time, the wishes.

    ``now`` is written as records write it; ``selected`` is None for every environment;
    ``retry`` takes up failed work at once.
    """

    runner_platforms: tuple[str, ...]
    targets: dict[str, tuple[str, ...]]
    now: str
    selected: frozenset[str] | None = None
    retry: bool = False


def make_plan(tree: SpecTree, history: History, context: PlanContext) -> Plan:
    """Decide for every environment of a revision, each decision with its reason."""
    items: list[PlanItem] = []
    building: set[str] = set()
    for environment in tree.environments:
        items += _plan_environment(environment, tree, history, context, building)
    return Plan(namespace=tree.namespace, revision=tree.revision, items=tuple(items))


def _plan_environment(
    environment: LoadedEnvironment,
    tree: SpecTree,
    history: History,
    context: PlanContext,
    building: set[str],
) -> list[PlanItem]:
    name = environment.name
    if context.selected is not None and name not in context.selected:
        return [_skip(name, "not-selected")]
    if tree.settings.freeze is not None:
        return [_skip(name, "frozen", detail=tree.settings.freeze)]
    if not environment.is_valid:
        return [_skip(name, "spec-invalid", detail=f"{environment.path}: `gitstore check`")]
    if environment.spec is None:
        return [_plan_without_spec(environment, history)]
    if environment.input is None or environment.recipe is None:
        raise AssertionError(f"a valid spec without digests: {name}")
    solve = history.solve(name, environment.input)
    if solve is None or environment.lock is None or solve.lock != environment.lock.oid:
        return [_plan_lock(environment, environment.input, history, context)]
    items = [
        plan_build(name, platform, content, environment.recipe, history, context, building)
        for platform, content in sorted(solve.content.items())
    ]
    elsewhere = [item for item in items if item.reason == "no-runner"]
    here = [item for item in items if item.reason not in ("no-runner", "up-to-date")]
    return [*(here or [_skip(name, "up-to-date")]), *elsewhere]


def _skip(name: str, reason: str, *, platform: str | None = None, detail: str = "") -> PlanItem:
    return PlanItem(environment=name, verb="skip", reason=reason, platform=platform, detail=detail)


def _plan_without_spec(environment: LoadedEnvironment, history: History) -> PlanItem:
    lock = environment.lock
    if lock is not None and history.knows_lock(environment.name, lock.oid):
        return PlanItem(environment=environment.name, verb="retire", reason="spec-deleted")
    return _skip(environment.name, "lock-only")


def _plan_lock(
    environment: LoadedEnvironment, input_digest: str, history: History, context: PlanContext
) -> PlanItem:
    name, lock = environment.name, environment.lock
    restore = unverified = None
    if lock is None:
        known = history.solve(name, input_digest)
        restore = known.lock if known else None
        reason = "lock-restored" if restore else "new"
    elif history.knows_lock(name, lock.oid):
        reason = "input-changed"
    else:
        reason, unverified = "lock-unverified", lock.oid
    return _unless_failed(
        PlanItem(
            environment=name,
            verb="lock",
            reason=reason,
            key=lock_key(input_digest, unverified),
            restore=restore,
        ),
        history,
        context,
    )


def plan_build(
    name: str,
    platform: str,
    content: str,
    recipe: Recipe,
    history: History,
    context: PlanContext,
    building: set[str],
) -> PlanItem:
    """Decide about one platform of a locked environment; ``building`` holds keys already taken."""
    if platform not in context.runner_platforms:
        return _skip(name, "no-runner", platform=platform, detail=f"no runner for {platform}")
    key = build_key(platform, content, recipe.digest)
    build = history.build(platform, content, recipe.digest)
    verb: Verb = "build"
    if build is None:
        if key in building:
            return _skip(name, "same-content", platform=platform)
        building.add(key)
        reason = "not-built"
    else:
        missing = {
            target
            for kind in recipe.kinds
            for target in context.targets.get(kind, ())
            if target not in build.published.get(kind, ())
        }
        if not missing:
            return _skip(name, "up-to-date", platform=platform)
        verb, reason = "publish", "target-added"
    item = PlanItem(
        environment=name, verb=verb, reason=reason, platform=platform, key=key, content=content
    )
    return _unless_failed(item, history, context)


def _unless_failed(item: PlanItem, history: History, context: PlanContext) -> PlanItem:
    """Turn work that failed before into a skip, until its time comes or somebody says ``--retry``."""
    failure = history.failure(item.environment, item.key) if item.key else None
    if failure is None or context.retry or not failure.blocks(context.now):
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
