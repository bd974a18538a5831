"""What is installed here, by the names of its distributions."""

from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement


def needs(of: Distribution, extras: Iterable[str] = ()) -> Iterator[Distribution]:
    """What *of* with *extras* cannot do without, near and far; some of it more than once."""
    for line in of.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            needed = distribution(requirement.name)
            yield needed
            yield from needs(needed, requirement.extras)
