"""What of one tenant must never be in an answer to another: its ids, and the marks in its texts."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

_CODED = re.compile(r"\.?[A-Za-z0-9_-]{24,}")
_ID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9]{10,19}"
FIRST_NUMBER, FIRST_SHORT_NUMBER = 7_000_000_000_000, 2_100_000_000
"""Rows that have a number for a key get one that nothing else could be; the short ones fit into 32 bits."""


@dataclass
class Secrets:
    """`mark` begins each canary: `<mark><six hexadecimal digits>`, in any text that holds twelve letters."""

    mark: str
    ids: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    """Texts that say of themselves whose they are, such as a host name or a session's key."""
    open: set[str] = field(default_factory=set)
    """What everybody may see who opens the tenant's own host: its name."""

    shared: set[str] = field(default_factory=set)
    """What is in tables of the installation, whose own administrators see it; the rest is the tenant's."""
    first: int = 0
    """Where the numbers of canaries and keys begin."""

    def __post_init__(self) -> None:
        self._numbers = count(self.first + 1)
        self.of_installation = True
        """Whether what is made now goes into a table of the installation."""
        self._pattern = re.compile(f"{_ID}|{self.mark}[0-9a-f]{{6}}")

    def canary(self) -> str:
        text = f"{self.mark}{next(self._numbers):06x}"
        self.shared |= {text} if self.of_installation else set()
        return text

    def number(self, *, short: bool = False) -> int:
        """A key for a row whose key is a number."""
        return (FIRST_SHORT_NUMBER if short else FIRST_NUMBER) + next(self._numbers)

    def add(self, value: object, *, shared: bool = False) -> None:
        """Take note of a key; `shared` where it is the key of a row of the installation's tables."""
        if shared:
            self.shared |= {value.hex if isinstance(value, UUID) else str(value).lower()}
        if isinstance(value, UUID):
            self.ids.add(value.hex)
        elif isinstance(value, int):
            self.ids |= {str(value)} if value > FIRST_SHORT_NUMBER else set()
        elif isinstance(value, str) and len(value) >= 12:
            self.words.add(value.lower())

    def within(self, text: str) -> set[str]:
        """What of this tenant is in `text`, also where it is packed in base64 as cursors and tokens are."""
        found = self._in_plain(text)
        for packed in _unpacked(text):
            found |= self._in_plain(packed)
        return found

    def _in_plain(self, text: str) -> set[str]:
        text = text.lower()
        names = {name.replace("-", "") for name in self._pattern.findall(text)}
        found = {name for name in names if name in self.ids or name.startswith(self.mark)}
        return found | {word for word in self.words if word in text}


def _unpacked(text: str) -> Iterator[str]:
    for word in set(_CODED.findall(text)):
        try:
            raw = base64.urlsafe_b64decode(word.lstrip(".") + "=" * (-len(word.lstrip(".")) % 4))
            yield (zlib.decompress(raw) if word.startswith(".") else raw).decode("latin-1")
        except (binascii.Error, ValueError, zlib.error):
            continue


def as_text(parts: Iterable[object]) -> str:
    return "\n".join(
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts
    )
