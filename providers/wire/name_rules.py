"""Names and ids that one provider made, in the letters that another takes."""

import re
from dataclasses import dataclass
from hashlib import sha256

_DIGEST_CHARS = 8
_foreign = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class NameRule:
    """Up to *chars* of a-z, A-Z, 0-9, _ and -."""

    chars: int

    @property
    def form(self) -> str:
        """The rule in words, for error messages."""
        return f"up to {self.chars} of a-z, A-Z, 0-9, _ and -"

    def fits(self, name: str) -> bool:
        """True if *name* is taken as it is."""
        return 0 < len(name) <= self.chars and not _foreign.search(name)

    def fitted(self, name: str) -> str:
        """*name* if it fits, else a substitute that does. Different names stay different."""
        if self.fits(name):
            return name
        digest = sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_CHARS]
        front = _foreign.sub("_", name[: self.chars - _DIGEST_CHARS - 1])
        return f"{front}-{digest}"
