"""Spellings of a name: which ones a table of users may take for the same name.

A table compares names by `lower()`, by `upper()`, or by a collation: SQLite's NOCASE, MySQL's
`utf8mb4_0900_ai_ci` and `utf8mb4_general_ci`, a nondeterministic ICU collation of PostgreSQL. Most
ignore case, width and accents; some ignore punctuation, leading zeros, or which of the characters
above U+FFFF there is. The folding here is coarser than each of them:

- Latin letters lose strokes and hooks (ø is o), ligatures are written out (æ is ae), and what a
  national order takes for one is one: German ä and ae, Danish å and aa, Swedish ü and y,
  Lithuanian i and y, Finnish v and w.
- Digits of every script are those of ASCII, without leading zeros.
- Hiragana is Katakana, without voiced marks and small letters; a sign for a long vowel is that
  vowel.
- Marks, blanks, punctuation, fillers, controls, and characters that are private or unassigned do
  not count. Characters above U+FFFF without a counterpart below are all one.

So different names may fold to one, and then share the limits of `Throttle`. That gives a stranger
nothing: the victim's own spelling is enough to use up a limit. It must not help an attacker who
has a name of the same folding either, so `Throttle` remembers by the exact spelling where a login
succeeded.
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
"""Characters of the longest name that is folded; no table of users has a longer one. They all share
one counter, as the folding of 64 KiB that expand would take half a second."""

_FILLERS = "\u115f\u1160\u2800"
"""Letters and symbols that are drawn as nothing. NFKD makes U+1160 of U+3164 and U+FFA0."""

_ABOVE = "\ufffd"
"""What stands for a character above U+FFFF: MySQL's older collations take all of them for one."""

_WRITTEN_OUT = "æ:ae œ:oe þ:th ð:d ŋ:n ɔ:o ʒ:z ĸ:q \u018d:zv ƾ:ts ȹ:qp \u02bc: y:i u:i w:v"
_NATIONAL = str.maketrans(dict(entry.split(":") for entry in _WRITTEN_OUT.split()))
"""Folded letters that the root order or a national one takes for others."""

_LONG_VOWEL = re.compile("([ァ-ヺ])(ー+)")

# In this order, so that a folded name folds to itself.
_CONTRACTIONS = (
    (re.compile(r"(?<=[aoi])e+"), ""),  # ae, oe and ue, of which the u is an i by now
    (re.compile("(?<=[αηω])\\u03b9+"), ""),  # the iota that capital letters have beside them
    (re.compile(r"([ais])\1+"), r"\1"),  # aa; ss, since MySQL's general_ci has ß for one s; uy
    (re.compile(r"(?<![0-9])0+(?=[0-9])"), ""),  # ICU's numeric order
)


def fold_spelling(name: str) -> str:
    """Return what all spellings of a name share that any user table might take for the same.

    A spelling with a counter of its own is another five guesses a minute; two users who share a
    counter lose little. The result may be empty, for a name of blanks and signs.
    """
    if len(name) > _MAX_NAME:
        return ""
    # upper() first: it maps the dotless i and the long s, which casefold() keeps or misses.
    text = _decomposed(_decomposed(name).upper().casefold())
    text = "".join(map(_fold_character, text)).translate(_NATIONAL)
    text = _LONG_VOWEL.sub(_write_out_vowel, text)
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    return text


def _decomposed(text: str) -> str:
    """Return the text in NFKD without what does not count."""
    return "".join(filter(_counts, unicodedata.normalize("NFKD", text)))


@lru_cache(4096)
def _counts(character: str) -> bool:
    if character in EQUALS:  # such as a letter above another one, which is a mark
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
    """Return a Katakana letter and its vowel: the names of the letters end with it."""
    vowel = unicodedata.name(found[1])[-1]
    if vowel not in "AIUEO":
        return found[0]
    return found[1] + (unicodedata.lookup(f"KATAKANA LETTER {vowel}") * len(found[2]))


def _plain(character: str) -> str:
    """Return `o` for `LATIN SMALL LETTER O WITH STROKE`, and a full Katakana letter for any kana:
    Unicode has no decomposition for these, but its names say it."""
    plain, _, _ = unicodedata.name(character, "").partition(" WITH ")
    if plain.startswith(("KATAKANA", "HIRAGANA")):
        plain = plain.replace("HIRAGANA", "KATAKANA").replace("LETTER SMALL", "LETTER")
    try:
        return _decomposed(unicodedata.lookup(plain))
    except KeyError:
        return character
