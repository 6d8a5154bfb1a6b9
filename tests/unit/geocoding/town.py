"""Two towns by the sea with the troubles of real ones: the same names on both sides, double names, numbers in names."""

from __future__ import annotations

from typing import Any

from matcher.geocoding.entries.rows import parse_row
from matcher.geocoding.gazetteer.gazetteer import Gazetteer

LA_SERENA = (-29.9027, -71.2519)
COQUIMBO = (-29.9533, -71.3436)


def a_row(kind: str, name: str, lat: float, lon: float, city: str | None = "La Serena", **more: Any) -> dict[str, Any]:
    """One line of a places file; absent keys are left out, as the importer does."""
    row = {"kind": kind, "name": name, "city": city, "lat": lat, "lon": lon, **more}
    return {key: value for key, value in row.items() if value is not None}


def an_address(street: str, number: str, lat: float, lon: float, city: str | None = "La Serena") -> dict[str, Any]:
    """A house with its number."""
    return a_row("address", f"{street} {number}", lat, lon, city, street=street, housenumber=number)


ROWS: list[dict[str, Any]] = [
    a_row("place", "La Serena", *LA_SERENA, None, rank=0),
    a_row("place", "Coquimbo", *COQUIMBO, None, rank=0),
    a_row(
        "street",
        "Avenida Balmaceda",
        -29.9100,
        -71.2500,
        crossings=[["Los Carrera", -29.9012, -71.2510], ["Avenida Francisco de Aguirre", -29.9075, -71.2540]],
    ),
    a_row("street", "Calle Balmaceda", -29.9500, -71.3400, "Coquimbo"),
    a_row("street", "Los Carrera", -29.9020, -71.2510, crossings=[["Avenida Balmaceda", -29.9012, -71.2510]]),
    a_row("street", "Avenida Francisco de Aguirre", -29.9070, -71.2580),
    a_row("street", "Calle 18 de Septiembre", -29.9000, -71.2600),
    a_row("street", "Avenida La Cantera", -29.9700, -71.3200, "Coquimbo"),
    a_row("street", "Calle La Paz", -29.9300, -71.2200),
    a_row("street", "Bernardo O'Higgins", -29.9300, -71.2300),
    a_row("street", "Peñuelas Norte", -29.9400, -71.3000, "Coquimbo"),
    a_row("street", "Ruta 5", -29.9200, -71.2700),
    a_row("street", "Pasaje Ramón y Cajal", -29.9150, -71.2350),
    # A pair that almost meets (about 60 m), and a street whose second stretch lies 600 m on.
    a_row("street", "Las Gaviotas", -29.96000, -71.33000, "Coquimbo"),
    a_row("street", "Los Pelícanos", -29.96050, -71.33000, "Coquimbo"),
    a_row("street", "Avenida del Mar", -29.9050, -71.2745),
    a_row("street", "Avenida del Mar", -29.9104, -71.2745),
    # One name, one town, two streets: only what they cross tells them apart.
    a_row("street", "Los Pinos", -29.9600, -71.3500, "Coquimbo", crossings=[["Los Castaños", -29.9600, -71.3501]]),
    a_row("street", "Los Pinos", -29.9900, -71.3500, "Coquimbo", crossings=[["Las Dalias", -29.9900, -71.3501]]),
    a_row("street", "Los Castaños", -29.9602, -71.3503, "Coquimbo"),
    a_row("street", "Las Dalias", -29.9902, -71.3503, "Coquimbo"),
    a_row("poi", "Mall Plaza", -29.9150, -71.2600, rank=8),
    an_address("Los Carrera", "400", -29.9040, -71.2510),
    an_address("Los Carrera", "450", -29.9045, -71.2510),
    an_address("Los Carrera", "401", -29.9040, -71.2512),
    an_address("Los Carrera", "501", -29.9050, -71.2512),
    an_address("Los Carrera", "500", -29.9050, -71.2510),
    an_address("Los Carrera", "450B", -29.9046, -71.2510),
    an_address("High Street", "12", -29.8800, -71.2400),
    an_address("High Street", "16", -29.8804, -71.2400),
]


def a_gazetteer(*more: dict[str, Any]) -> Gazetteer:
    """The gazetteer of the two towns, and what is added."""
    return Gazetteer(map(parse_row, [*ROWS, *more]))
