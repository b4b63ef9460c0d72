"""Text that people type: one form for what looks the same, and why a text is refused.

A name, a reason or an address is one line (`tidy_line`, `line_problem`). Notes may have several
(`tidy_lines`, `lines_problem`). Tidying never raises; what it leaves is then checked.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

DIRECTION_MARKS = "\u061c\u200e\u200f"
"""They show nothing and belong to no name: they come with text that is pasted, and are removed."""
ZWNJ, ZWJ = "\u200c", "\u200d"
VIRAMA = 9
"""The combining class of signs that join Indic consonants."""
# Letters, marks and signs of these categories show nothing, whatever their category says.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
VISIBLE_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
BLACK_FLAG, TAG_END = "\U0001f3f4", "\U000e007f"
KEYCAP = "\u20e3"
# Joiners and variation selectors change nothing that one sees of letters of these scripts.
_PLAIN_SCRIPTS = (
    *("LATIN", "FULLWIDTH LATIN", "GREEK", "COPTIC", "CYRILLIC", "ARMENIAN", "GEORGIAN", "HEBREW", "THAI"),
    *("LAO", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "ETHIOPIC", "CHEROKEE", "RUNIC", "OGHAM"),
)
FOLDED_MARKS = (
    "[\u00ad\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
"""Accents of Latin, Greek and Cyrillic letters, points of Hebrew and Arabic ones, and what shows nothing."""
FOLDED_LETTERS = ("øđðłħŧ\u0131\u03c2\u064a\u0649\u0643", "oddlhti\u03c3\u06cc\u06cc\u06a9")
"""Letters that no accent makes, but that are typed as others; those of Arabic and of Persian."""
FOLDED_DIGRAPHS = (("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("þ", "th"))
_SPACES = re.compile("[\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_NOT_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def tidy_line(text: str) -> str:
    """The one form in which a line is kept and compared: composed (NFC), with single plain spaces."""
    composed = unicodedata.normalize("NFC", _without(text, DIRECTION_MARKS))
    return _SPACES.sub(" ", composed).strip(" ")


def tidy_lines(text: str) -> str:
    """The same for text of several lines: composed, each line ended by `\\n`; its spaces stay."""
    lines = _LINE_ENDS.sub("\n", _without(text, DIRECTION_MARKS))
    return unicodedata.normalize("NFC", lines).strip()


def folded(text: str) -> str:
    """The text without case, accents and joiners, for comparing: `Müller` is `muller`, `Łódź` is `lodz`.

    `facetrack.core.text.search` is the same in SQL.
    """
    bare = unicodedata.normalize("NFKD", text)
    bare = re.sub(FOLDED_MARKS, "", bare).lower().translate(str.maketrans(*FOLDED_LETTERS))
    for letters, spelled in FOLDED_DIGRAPHS:
        bare = bare.replace(letters, spelled)
    return unicodedata.normalize("NFC", bare)


def line_problem(text: str) -> str | None:
    """Why a tidy line is refused, in words for the person who typed it. An empty one is not."""
    if "\n" in text or any(unicodedata.category(char) in ("Zl", "Zp") for char in text):
        return "Write it on one line."
    return _problem(text, allowed="")


def lines_problem(text: str) -> str | None:
    """Why text of several lines is refused."""
    return _problem(text, allowed="\n\t")


def acceptable_line(text: str) -> str:
    """A line of before as it may be kept now: tidy, and without the characters for which it would be refused.

    Empty where nothing is left.
    """
    line = tidy_line(" ".join(text.split()))
    line = "".join(char for place, char in enumerate(line) if _problem_at(line, place, char) is None)
    line = tidy_line(line)
    return "" if line_problem(line) else line


def shown(text: str) -> str:
    """The text for a message or a terminal: what would not be shown, or would change the line, is escaped.

    Undecodable bytes of a file's name are shown as `\\xe9`.
    """
    return "".join(_escaped(char) if _is_hidden(char) else char for char in text)


def _problem(text: str, allowed: str) -> str | None:
    for place, char in enumerate(text):
        if char not in allowed and (problem := _problem_at(text, place, char)):
            return problem
    if text and not any(_is_visible(char) for char in text):
        return "This consists of characters that show nothing. Use letters, digits or other visible signs."
    return None


def _problem_at(text: str, place: int, char: str) -> str | None:
    kind = unicodedata.category(char)
    if kind == "Cs":
        return "This contains a broken character. Type the text again."
    if kind == "Cc":
        return f"This contains a control character ({_code(char)}). Remove it, or type the text again."
    if char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
        return (
            f"This contains a character that turns the direction of writing ({_code(char)}). "
            "Remove it, or type the text again."
        )
    fits = _FITS.get(_family(char, kind))
    if fits is not None and not fits(text, place):
        return f"This contains an invisible character ({_code(char)}). Remove it, or type the text again."
    return None


def _family(char: str, kind: str) -> str:
    """Which rule a character has; "" for the many that are seen, and need none."""
    if char in (ZWNJ, ZWJ):
        return "joiner"
    if (
        "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
        or char in "\u180b\u180c\u180d\u180f"
    ):
        return "selector"
    if "\U000e0020" <= char <= TAG_END:
        return "tag"
    if char == "\u180e":
        return "mongolian"
    if (char in BLANK and char != "\u2800") or (kind == "Cf" and char not in VISIBLE_FORMATS):
        return "blank"
    return "blank" if ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef" else ""


def _joins(text: str, place: int) -> bool:
    """Whether a joiner does something here: in words of scripts that join, and between parts of an emoji."""
    before, after = _at(text, place - 1), _at(text, place + 1)
    if before and unicodedata.combining(before) == VIRAMA:
        return True
    if not before or not after:
        return False
    if _is_pictorial(before) or _is_pictorial(after):
        return _is_pictorial(before) and _is_pictorial(after)
    letters = _is_letter(_base(text, place)) and _is_letter(after)
    return letters and (_is_of_joining_script(_base(text, place)) or _is_of_joining_script(after))


def _selects(text: str, place: int) -> bool:
    """Whether a variation selector has something before it that has variants."""
    before = _at(text, place - 1)
    if before and before in "0123456789#*":
        return _at(text, place + 1) == KEYCAP
    if not before or _family(before, unicodedata.category(before)):
        return False
    return _is_pictorial(before) or _is_of_joining_script(before)


def _tags(text: str, place: int) -> bool:
    """Whether a tag is of the flag of a region, such as that of Scotland."""
    start = place
    while "\U000e0020" <= _at(text, start) <= TAG_END:
        start -= 1
    end = text.find(TAG_END, place)
    return _at(text, start) == BLACK_FLAG and end >= 0 and TAG_END not in text[start:end]


_FITS: dict[str, Callable[[str, int], bool]] = {
    "joiner": _joins,
    "selector": _selects,
    "tag": _tags,
    "mongolian": lambda text, place: _name(_at(text, place - 1)).startswith("MONGOLIAN"),
    "blank": lambda text, place: False,
}


def _base(text: str, place: int) -> str:
    """The letter before a place, past the marks on it."""
    return next((char for char in _backwards(text, place) if unicodedata.category(char)[0] != "M"), "")


def _backwards(text: str, place: int) -> Iterator[str]:
    return (text[before] for before in range(place - 1, -1, -1))


def _at(text: str, place: int) -> str:
    return text[place] if 0 <= place < len(text) else ""


def _name(char: str) -> str:
    return unicodedata.name(char, "") if char else ""


def _is_letter(char: str) -> bool:
    return bool(char) and unicodedata.category(char)[0] in "LM"


def _is_of_joining_script(char: str) -> bool:
    return _is_letter(char) and not _name(char).startswith(_PLAIN_SCRIPTS)


def _is_pictorial(char: str) -> bool:
    """A part of an emoji; also one that is newer than this Python."""
    return char == "\ufe0f" or unicodedata.category(char) in ("So", "Sm", "Sk", "Cn")


def _is_visible(char: str) -> bool:
    return char not in BLANK and unicodedata.category(char)[0] in "LNPSC" and not _is_hidden(char)


def _is_hidden(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind in _NOT_SHOWN and char not in VISIBLE_FORMATS and char not in (ZWNJ, ZWJ)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode() if not 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"


def _without(text: str, chars: str) -> str:
    return text.translate(dict.fromkeys(map(ord, chars)))
