"""Abbreviations in addresses, and the words for kinds of street.

Rows and queries pass through the same tables, so both sides need only agree with each other: one canonical word may
serve several languages ("av", "ave", "avenue" and "avenida" all mean the same kind of street).
"""

from __future__ import annotations

from collections.abc import Sequence

# One kind of street or one title a line, then its abbreviations and its words in other languages.
_TYPES = """
avenida av ave avda avd aven avenue avinguda
calle c cl cll clle carrer
pasaje pje psje pj pas passage passatge
camino cno cmno cam
carretera ctra carr
autopista autop
plaza plz pza plza place praca piazza platz
plazuela plzla
paseo pso
poblacion pob pobl
urbanizacion urb
villa vl
callejon cjon
costanera cost
ruta rta rte route
rotonda rtda rotunda
boulevard bd bld blvd bvd bulevar boul
rue r
chemin che chem
impasse imp
allee all
faubourg fbg fg
road rd
lane ln
drive drv
court crt
square sq
highway hwy
parkway pkwy
terrace terr
crescent cres
strasse str
viale vle
corso cso
travessa tv
ulica ul
"""
_NEVER_SHORTENED = ("quai", "street", "weg", "gasse", "damm", "ufer", "via", "rua", "straat", "laan", "gata")
_TITLES = """
general gral gen
presidente pdte pres
doctor dr
doctora dra
profesor prof
capitan cap capt
coronel cnel crl
comandante cmdte cdte
almirante alm
sargento sgto
teniente tte
ingeniero ing
monsenor mons
libertador lib
hermanos hnos
san sn
santa sta
santo sto
saint sankt
sainte ste
nuestra ntra nta
senora sra
mount mt
norte nte
poniente pte
oriente ote
"""

#: Words that say what kind of street it is; two names that differ only in them are nearly the same name.
GENERIC: frozenset[str] = frozenset(line.split()[0] for line in _TYPES.split("\n") if line) | {*_NEVER_SHORTENED}

_JOINING = """
el la los las lo de del y e the of and le les du des d l et der die das den dem von am an im zum zur und il i gli
lo della di do da dos das o os het
"""
#: Words that join others: too common to tell one street from another.
FUNCTION_WORDS: frozenset[str] = frozenset(_JOINING.split())

CANONICAL: dict[str, str] = {
    alias: line.split()[0] for line in f"{_TYPES}{_TITLES}".split("\n") for alias in line.split()[1:]
}

#: Spelled-out forms of other languages that a person may be half-way through typing ("boulev", "avenu").
ALIASES_FOR_COMPLETION: tuple[tuple[str, str], ...] = tuple((a, w) for a, w in CANONICAL.items() if len(a) >= 5)

# A single letter stands for a kind of street only where one is expected: at the front of a longer name.
_FRONT_ONLY = frozenset({"c", "r"})
_NUMBER_LAST_TYPES = frozenset(
    {"street", "road", "lane", "drive", "court", "square", "highway", "parkway", "terrace", "crescent"}
)
_NUMBER_FIRST_FRONT = frozenset({"rue", "boulevard", "quai", "impasse", "chemin", "faubourg"})


def expand(parts: Sequence[str]) -> list[str]:
    """Folded words with abbreviations replaced by their canonical words.

    "st" is Saint before another word and Street after one (St Andrews St); "dr" likewise Doctor and Drive; a long
    German compound on -str is one on -strasse.
    """
    last = len(parts) - 1
    return [_expand_one(word, index, last) for index, word in enumerate(parts)]


def _expand_one(word: str, index: int, last: int) -> str:
    if word == "st":
        return "street" if index == last and index > 0 else "saint"
    if word == "dr" and index == last and index > 0:
        return "drive"
    if word in _FRONT_ONLY and (index > 0 or last == 0):
        return word
    if len(word) > 5 and word.endswith("str") and word.isalpha():
        return word + "asse"
    return CANONICAL.get(word, word)


def number_comes_first(tokens: Sequence[str]) -> bool:
    """True where the house number is written before the street (12 High Street, 12 Rue de Rivoli)."""
    return len(tokens) > 1 and (tokens[-1] in _NUMBER_LAST_TYPES or tokens[0] in _NUMBER_FIRST_FRONT)
