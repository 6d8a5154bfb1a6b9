"""The words of country names as they end addresses, folded."""

from __future__ import annotations

_NAMES = """
    argentina australia austria osterreich belgica belgie belgien belgique belgium bolivia brasil brazil bresil bulgaria
    canada chile chili colombia croatia hrvatska czechia cesko ecuador espana espagne spain spanien estonia eesti
    finland suomi france francia frankreich deutschland germany alemania allemagne greece hellas hungary magyarorszag
    ireland eire island iceland israel italia italy italie italien japan nippon latvia latvija liechtenstein lietuva
    lithuania luxembourg luxemburg letzebuerg mexico mexique monaco nederland netherlands holland norge norway
    panama paraguay peru polska poland portugal romania schweiz suisse svizzera switzerland suiza slovakia slovensko
    slovenia slovenija sverige sweden danmark denmark turkiye turkey uk usa uruguay venezuela zealand
"""

COUNTRY_WORDS: frozenset[str] = frozenset(_NAMES.split())
