"""The rules that a store and a namespace set for what may be locked, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gitstore.model.channels import ChannelNames
from gitstore.model.pypisettings import PYPI
from gitstore.model.settings import NamespaceSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What may be locked.

    ``allowed`` are pairs of who says it and the only channels to take from, None for any: deny
    wins. ``accepted_terms`` are the channels whose terms of use somebody has accepted for the
    store; ``is_public`` says that what is built goes to everybody, where no acceptance helps.
    ``sdists`` says whether code of a package may run to build it; ``indexes`` are those that
    distributions of PyPI's kind may come from, the main one first.
    """

    allowed: tuple[tuple[str, tuple[str, ...] | None], ...] = ()
    accepted_terms: tuple[str, ...] = ()
    is_public: bool = False
    sdists: bool = False
    indexes: tuple[str, ...] = (PYPI,)
    names: ChannelNames = field(default_factory=ChannelNames)

    def and_namespace(self, settings: NamespaceSettings) -> Rules:
        """Return these rules of a store with those of one of its namespaces, which only narrows."""
        return replace(
            self,
            allowed=(*self.allowed, ("the namespace", settings.allowed_channels)),
            sdists=self.sdists and settings.pypi.sdists,
            indexes=(settings.pypi.index or PYPI, *settings.pypi.extra_indexes),
        )
