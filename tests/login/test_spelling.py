"""`login.spelling`: what a table of users may take for one name has one counter."""

# ruff: noqa: RUF001 (letters that look alike are the point)

import time
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware.login.spelling import fold_spelling
from jwt_middleware.login.spelling_table import EQUALS
from jwt_middleware.login.throttle import Throttle, Throttled
from jwt_middleware.stores import MemoryStore

# The pairs are equal in MySQL's utf8mb4_0900_ai_ci or utf8mb4_general_ci, in ICU's root collation
# at its first level, or in the national one that is named.
EQUAL = {
    "o with a stroke": ("jørgen", "jorgen"),
    "l with a stroke": ("łukasz", "lukasz"),
    "d with a stroke": ("đoko", "doko"),
    "h with a stroke": ("ħal", "hal"),
    "t with a stroke, Finnish": ("ŧeo", "teo"),
    "eth": ("ðan", "dan"),
    "thorn, Danish": ("þor", "thor"),
    "eng, Finnish": ("ŋils", "nils"),
    "ae": ("ælfred", "aelfred"),
    "ae in capitals": ("Ælfred", "AELFRED"),
    "oe": ("œuvre", "oeuvre"),
    "sharp s": ("strauß", "strauss"),
    "sharp s, general_ci": ("strauß", "straus"),
    "capital sharp s": ("STRAUẞ", "strauss"),
    "umlaut": ("müller", "muller"),
    "umlaut, German phone book": ("müller", "mueller"),
    "umlaut of a, German phone book": ("jäger", "jaeger"),
    "umlaut of o, German phone book": ("schön", "schoen"),
    "ring, Danish": ("åse", "aase"),
    "u umlaut, Swedish": ("müller", "myller"),
    "i and y, Lithuanian": ("lina", "lyna"),
    "v and w, Finnish": ("vivi", "wiwi"),
    "ligature fi": ("ﬁnn", "finn"),
    "ligature st": ("ﬆan", "stan"),
    "digraph dz": ("ǆ", "dz"),
    "n with an apostrophe": ("ŉ", "n"),
    "full width": ("ａｎｎ", "ann"),
    "circled": ("ⓐⓝⓝ", "ann"),
    "negative circled": ("🅐🅝🅝", "ann"),
    "mathematical": ("𝖆𝖓𝖓", "ann"),
    "a letter above": ("n\u0363", "na"),
    "a turned comma": ("ann\u0345", "ann"),
    "Greek accents": ("Άννα", "αννα"),
    "Greek iota below": ("ᾳ", "α"),
    "Greek final sigma": ("νίκος", "ΝΙΚΟΣ"),
    "Cyrillic breve": ("й", "и"),
    "Hebrew final letter": ("ך", "כ"),
    "Arabic presentation form": ("ﻋﻠﻲ", "علي"),
    "Arabic tatweel": ("عـلي", "علي"),
    "Arabic-Indic digits": ("ann١٢", "ann12"),
    "Devanagari digits": ("ann१२", "ann12"),
    "Thai digits": ("ann๑๒", "ann12"),
    "Khmer signs of divination": ("ann៱", "ann1"),
    "Hangzhou digits": ("ann〡", "ann1"),
    "superscript": ("ann²", "ann2"),
    "circled digit": ("ann②", "ann2"),
    "negative circled number": ("ann⓰", "ann16"),
    "mathematical digit": ("ann𝟐", "ann2"),
    "leading zeros, numeric order": ("ann007", "ann7"),
    "Hiragana and Katakana": ("あや", "アヤ"),
    "half width Katakana": ("ｱﾔ", "アヤ"),
    "voiced": ("が", "か"),
    "voiced, half width": ("ｶﾞ", "カ"),
    "half voiced": ("ぱ", "ハ"),
    "small kana": ("ゃ", "や"),
    "a long vowel, Japanese": ("カー", "カア"),
    "circled kana": ("㋕", "か"),
    "Hangul, composed": ("한", "한"),
    "radical": ("⼈", "人"),
    "compatibility ideograph": ("豈", "豈"),
    "punctuation, shifted": ("a.n-n", "ann"),
    "blank, shifted": ("a nn", "ann"),
    "emoji, general_ci": ("ann🍣", "ann🍺"),
    "Adlam and Gothic, general_ci": ("𞤀", "𐌰"),
}
INVISIBLE = {
    "a blank": " ",
    "a no-break space": "\u00a0",
    "an ideographic space": "\u3000",
    "Hangul choseong filler": "\u115f",
    "Hangul jungseong filler": "\u1160",
    "Hangul filler": "\u3164",
    "half width Hangul filler": "\uffa0",
    "blank Braille": "\u2800",
    "Mongolian vowel separator": "\u180e",
    "Mongolian variation selector": "\u180b",
    "Khmer inherent vowel": "\u17b4",
    "combining grapheme joiner": "\u034f",
    "zero width joiner": "\u200d",
    "word joiner": "\u2060",
    "a default ignorable that is not assigned": "\u2065",
    "variation selector": "\ufe0f",
    "variation selector 17": "\U000e0100",
    "tag": "\U000e0041",
    "shorthand format control": "\U0001bca0",
    "byte order mark": "\ufeff",
    "interlinear annotation": "\ufff9",
    "not assigned": "\u0378",
    "not assigned, far away": "\U000e1000",
    "no character": "\uffff",
    "private use": "\ue000",
    "private use, far away": "\U00100000",
    "a lone surrogate": "\ud800",
    "a control": "\x00",
    "delete": "\x7f",
    "soft hyphen": "\u00ad",
    "an accent alone": "\u0301",
    "a visarga": "\u0903",
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_what_a_collation_equates_folds_alike(one: str, other: str) -> None:
    """Alone, in the middle of a name, and in capitals."""
    assert fold_spelling(one) == fold_spelling(other) != ""
    assert fold_spelling(f"b{one}b") == fold_spelling(f"b{other}b")
    assert fold_spelling(one.upper()) == fold_spelling(other)


@pytest.mark.parametrize("sign", INVISIBLE.values(), ids=INVISIBLE)
def test_what_is_not_seen_does_not_count(sign: str) -> None:
    """Wherever it is in a name, and however often."""
    assert fold_spelling(f"{sign}a{sign}{sign}nn{sign}") == fold_spelling("ann")
    assert fold_spelling(sign) == ""


@given(st.text())
@example("҈\u048b")
@example("⫮⧶☼")
@example("aeeaae")
@example("0a00")
def test_folding_is_final(name: str) -> None:
    """A folded name folds to itself, and so do its other cases."""
    folded = fold_spelling(name)
    assert fold_spelling(folded) == folded
    assert fold_spelling(name.upper()) == fold_spelling(name.lower()) == folded


def test_every_character_folds() -> None:
    """To a string that folds to itself, whatever Python's version of Unicode."""
    for point in range(0x10000):
        folded = fold_spelling(chr(point))
        assert fold_spelling(folded) == folded, hex(point)


def test_a_mark_of_a_letter_is_in_no_name() -> None:
    """What the names of Unicode say of a letter holds for each of them: the letter without it."""
    for point in range(0x80, 0x180):
        name = unicodedata.name(chr(point), "")
        plain, has_mark, _ = name.partition(" WITH ")
        if has_mark and plain.startswith("LATIN"):
            assert fold_spelling(chr(point)) == fold_spelling(unicodedata.lookup(plain)), name


def test_no_entry_of_the_table_is_needless() -> None:
    """The table says only what the rules do not, and its targets are folded."""
    for character, folded in EQUALS.items():
        assert character != folded
        assert fold_spelling(character) == fold_spelling(folded)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann", "bob"),
        ("ann", "ann2"),
        ("ann1", "ann10"),
        ("ann10", "ann01"),
        ("иван", "олег"),
        ("李", "王"),
        ("راشد", "رشيد"),
        ("アキ", "ユキ"),
        ("राम", "काम"),
        ("민수", "지수"),
        ("ann+a", "ann"),
    ],
    ids=ascii,
)
def test_other_names_stay_other_names(one: str, other: str) -> None:
    """Folding is bold, but a name of a living script is told from another one."""
    assert fold_spelling(one) != fold_spelling(other)


@pytest.mark.parametrize("letter", ["a", "\ufdfa", "ー", "𝐚", "\u0301"], ids=ascii)
def test_a_name_without_end_costs_little(letter: str) -> None:
    """Names that no table can hold share one counter, so that nobody is made to fold 64 KiB."""
    started = time.process_time()
    for _ in range(20):
        assert fold_spelling(letter * 65_536) == fold_spelling("x" * 513) == ""
        fold_spelling(letter * 512)
    assert time.process_time() - started < 2


HOME = "192.0.2.1"


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_spellings_share_five_attempts(one: str, other: str) -> None:
    """Five wrong passwords for one spelling leave none for the other."""
    counters = MemoryStore()
    for _ in range(5):
        Throttle().attempt(counters, one, HOME)
    with pytest.raises(Throttled):
        Throttle().attempt(counters, other, HOME)


def test_a_namesake_makes_no_address_known() -> None:
    """Who owns a name of the same folding, and logs in with it at many addresses, gets no more
    guesses for the other name than a stranger: a hundred an hour from all of them together."""
    counters, throttle, checked = MemoryStore(), Throttle(), 0
    addresses = [f"198.51.100.{n}" for n in range(30)]
    for address in addresses:
        throttle.attempt(counters, "jørgen", address).succeeded()
    for address in addresses:
        with suppress(Throttled):
            for _ in range(5):
                throttle.attempt(counters, "jorgen", address)
                checked += 1
    assert checked == 100
    throttle.attempt(counters, "jørgen", "198.51.100.29")  # the namesake is known there itself
