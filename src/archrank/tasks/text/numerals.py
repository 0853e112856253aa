"""Numbers in words, German and English, which Babel's locale data cannot spell out."""

from __future__ import annotations

GERMAN = (
    *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"),
    *("elf", "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn"),
    "neunzehn",
)
GERMAN_TENS = (
    *("zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"),
)
ENGLISH = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
ENGLISH_TENS = (*("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),)


def german(n: int) -> str:
    """Spell out a number from 0 to 999,999 in German, as one word.

    >>> german(21), german(1101), german(345_678)[:28]
    ('einundzwanzig', 'eintausendeinhunderteins', 'dreihundertfünfundvierzigtau')
    """
    if n < 20:
        return GERMAN[n]
    if n < 100:
        tens, ones = divmod(n, 10)
        return (f"{_joined(ones)}und" if ones else "") + GERMAN_TENS[tens - 2]
    unit, name = (100, "hundert") if n < 1000 else (1000, "tausend")
    front, rest = divmod(n, unit)
    return _joined(front) + name + (german(rest) if rest else "")


def english(n: int) -> str:
    """Spell out a number from 0 to 999,999 in English.

    >>> english(21), english(1101), english(345_678)[:35]
    ('twenty-one', 'one thousand one hundred one', 'three hundred forty-five thousand s')
    """
    if n < 20:
        return ENGLISH[n]
    if n < 100:
        tens, ones = divmod(n, 10)
        return ENGLISH_TENS[tens - 2] + (f"-{ENGLISH[ones]}" if ones else "")
    unit, name = (100, "hundred") if n < 1000 else (1000, "thousand")
    front, rest = divmod(n, unit)
    return f"{english(front)} {name}" + (f" {english(rest)}" if rest else "")


def _joined(n: int) -> str:
    """Spell a number that more follows: "ein" in place of a last "eins"."""
    word = german(n)
    return word[:-1] if word.endswith("eins") else word
