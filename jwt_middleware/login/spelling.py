"""Folds the spellings of a name that a table of users may treat as the same name.

A table compares names by `lower()`, by `upper()`, or by a collation: SQLite's NOCASE, MySQL's
`utf8mb4_0900_ai_ci` and `utf8mb4_general_ci`, a nondeterministic ICU collation of PostgreSQL. Most
ignore case, width and accents. Some ignore punctuation, leading zeros, or the differences between
characters above U+FFFF. The folding here is coarser than each of them:

- Latin letters lose strokes and hooks (ø becomes o), and ligatures are written out (æ becomes ae).
  Letters that a national order treats as equal become one: German ä and ae, Danish å and aa,
  Swedish ü and y, Lithuanian i and y, Finnish v and w.
- Digits of every script become ASCII digits, without leading zeros.
- Hiragana becomes Katakana, without voiced marks and small letters. A sign for a long vowel becomes
  that vowel.
- Marks, blanks, punctuation, fillers, controls, and private or unassigned characters do not count.
  Characters above U+FFFF without a counterpart below become the same character.

So different names may fold to one, and then share the limits of `Throttle`. A stranger gains
nothing, since the victim's own spelling is enough to use up a limit. An attacker whose name folds
to the same must not gain either. So `Throttle` remembers successful logins by the exact spelling.
"""

import math
import re
import unicodedata
from functools import lru_cache

from .spelling_table import EQUALS

__all__ = [
    "fold_spelling",
]

_MAX_NAME = 512
"""Characters of the longest name that is folded; no table of users has a longer one. All longer
names share one counter, since folding 64 KiB that expand would take half a second."""

_FILLERS = "\u115f\u1160\u2800"
"""Invisible letters and symbols. NFKD turns U+3164 and U+FFA0 into U+1160."""

_ABOVE = "\ufffd"
"""Replaces each character above U+FFFF, since MySQL's older collations treat all of them as
equal."""

_WRITTEN_OUT = "æ:ae œ:oe þ:th ð:d ŋ:n ɔ:o ʒ:z ĸ:q \u018d:zv ƾ:ts ȹ:qp \u02bc: y:i u:i w:v"
_NATIONAL = str.maketrans(dict(entry.split(":") for entry in _WRITTEN_OUT.split()))
"""Folded letters that the root order or a national order treats as others."""

_LONG_VOWEL = re.compile("([ァ-ヺ])(ー+)")

# In this order, so that a folded name folds to itself.
_CONTRACTIONS = (
    (re.compile(r"(?<=[aoi])e+"), ""),  # ae, oe and ue; the u has already become an i
    (re.compile("(?<=[αηω])\\u03b9+"), ""),  # the iota beside capital letters
    (re.compile(r"([ais])\1+"), r"\1"),  # aa; ss, since MySQL's general_ci has ß for one s; uy
    (re.compile(r"(?<![0-9])0+(?=[0-9])"), ""),  # ICU's numeric order
)


def fold_spelling(name: str) -> str:
    """Return the same string for all spellings of a name that any user table might treat as equal.

    A spelling with its own counter would allow another five guesses per minute. Two users who share
    a counter lose little. The result is empty for a name of blanks and signs.
    """
    if len(name) > _MAX_NAME:
        return ""
    # Call upper() first, since it maps the dotless i and the long s, which casefold() leaves.
    text = _decomposed(_decomposed(name).upper().casefold())
    text = "".join(map(_fold_character, text)).translate(_NATIONAL)
    text = _LONG_VOWEL.sub(_write_out_vowel, text)
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    return text


def _decomposed(text: str) -> str:
    """Return the text in NFKD without characters that do not count."""
    return "".join(filter(_counts, unicodedata.normalize("NFKD", text)))


@lru_cache(4096)
def _counts(character: str) -> bool:
    if character in EQUALS:  # such as a letter above another letter, which is a mark to Unicode
        return True
    category = unicodedata.category(character)
    # Mc are the spacing marks, which are vowels.
    return character not in _FILLERS and (category == "Mc" or category[0] not in "MCZP")


@lru_cache(4096)
def _fold_character(character: str) -> str:
    if character in EQUALS:
        return EQUALS[character]
    if unicodedata.category(character)[0] == "N":
        return str(math.ceil(unicodedata.numeric(character)))
    if character > "\uffff":
        return _ABOVE
    if unicodedata.category(character)[0] == "L":
        character = _plain(character).casefold()
    return EQUALS.get(character, character)


def _write_out_vowel(found: re.Match[str]) -> str:
    """Return a Katakana letter with its vowel, with which the name of the letter ends."""
    vowel = unicodedata.name(found[1])[-1]
    if vowel not in "AIUEO":
        return found[0]
    return found[1] + (unicodedata.lookup(f"KATAKANA LETTER {vowel}") * len(found[2]))


def _plain(character: str) -> str:
    """Return `o` for `LATIN SMALL LETTER O WITH STROKE`, and a full Katakana letter for any kana.
    Unicode has no decomposition for these, but their names show it."""
    plain, _, _ = unicodedata.name(character, "").partition(" WITH ")
    if plain.startswith(("KATAKANA", "HIRAGANA")):
        plain = plain.replace("HIRAGANA", "KATAKANA").replace("LETTER SMALL", "LETTER")
    try:
        return _decomposed(unicodedata.lookup(plain))
    except KeyError:
        return character
