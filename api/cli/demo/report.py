"""How the demo shows its answers: tables as wide as the terminal, and commands to paste."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.demo.users import Keys
from api.cli.demo.world import Json

#: Below this width each part of the score has no column of its own.
_WIDE = 110


@dataclass(frozen=True, slots=True)
class Told:
    """What is left to try after the trip: a booking that waits for its driver, and a free match; None for none."""

    waiting: Json | None
    free_match: Json | None


def show_search(console: Console, number: int, title: str, body: Json, answer: Json) -> None:
    """A search, its matches with every part of their scores, and an account of all offers that were considered."""
    console.print()
    console.print(Text(f"Search {number}: {title}", style="bold"))
    console.print(_wish(body), markup=False)
    if answer["matches"]:
        console.print(_matches_table(answer["matches"], wide=console.width >= _WIDE))
    console.print(_account(answer), markup=False)
    for hint in answer["hints"]:
        console.print(f"Hint: {hint['detail']} ({hint['code']}).", markup=False)


def show_commands(console: Console, url: str, keys: Keys, offer: Json, offer_id: str, search: Json, left: Told) -> None:
    """The keys, as variables, and one command for each step that uses them."""
    driver, rider, ops = "DRIVER_KEY", "RIDER_KEY", "OPS_KEY"
    console.print()
    console.print(Text("Try it, in another terminal. First the keys, then whatever you like:", style="bold"))
    console.print()
    for name, key in ((driver, keys.driver), (rider, keys.rider), (ops, keys.ops)):
        console.print(f"export {name}={shlex.quote(key)}", markup=False, soft_wrap=True)
    change = ("-X", "PATCH", "-H", "If-Match: *")
    commands = [
        ("listen to what a rider is told (Ctrl-C ends it)", _curl(f"{url}/v1/events", rider, "-N")),
        ("publish a trip", _curl(f"{url}/v1/offers", driver, body=offer)),
        ("search", _curl(f"{url}/v1/match", rider, body=search)),
    ]
    if left.free_match is not None:
        body = {"match_id": left.free_match["match_id"], "note": "one small suitcase"}
        commands.append(("ask for a seat of a match", _curl(f"{url}/v1/bookings", rider, body=body)))
    if left.waiting is not None:
        yes = _curl(f"{url}/v1/bookings/{left.waiting['id']}", driver, *change, body={"status": "CONFIRMED"})
        commands.append(("say yes to who waits", yes))
    address = ("-G", "--data-urlencode", "q=cuatro esquinas con balmaceda")
    commands += [
        ("list the rider's bookings", _curl(f"{url}/v1/bookings", rider)),
        ("look up an address", _curl(f"{url}/v1/geocode", rider, *address)),
        ("read an offer", _curl(f"{url}/v1/offers/{offer_id}", driver, "-i")),
        ("change it", _curl(f"{url}/v1/offers/{offer_id}", driver, *change, body={"seats": 2})),
        ("cancel it", _curl(f"{url}/v1/offers/{offer_id}", driver, "-X", "DELETE")),
        ("count", _curl(f"{url}/v1/stats/matches?bucket=hour", ops)),
    ]
    for title, command in commands:
        console.print()
        console.print(f"# {title}", style="dim")
        # Never wrapped or styled: what is copied must be what is run.
        console.print(command, markup=False, soft_wrap=True)
    console.print()


def show_links(console: Console, url: str, keys: Keys, search: Json, offer: Json) -> None:
    """One link per role that opens its page signed in, with something to see."""
    kind = "departure" if "departure" in search else "arrival"
    first, last = (datetime.fromisoformat(search[kind][end]) for end in ("earliest", "latest"))
    ride = {
        "from": search["origin"]["address"], "to": search["destination"]["address"], "date": f"{first:%Y-%m-%d}",
        "kind": kind, "earliest": f"{first:%H:%M}", "latest": f"{last:%H:%M}",
    }  # fmt: skip
    leaves = datetime.fromisoformat(offer["departure"])
    drive = {"from": ride["from"], "to": ride["to"], "date": ride["date"], "time": f"{leaves:%H:%M}"}
    console.print()
    console.print(Text("Look at it in a browser; each link signs in for its tab:", style="bold"))
    console.print()
    for role, page, query, key in (
        ("rider", "ride", ride, keys.rider),
        ("driver", "drive", drive, keys.driver),
        ("operator", "ops", {}, keys.ops),
    ):
        asked = f"?{urlencode(query)}" if query else ""
        # After the #: a browser keeps that to itself, so the key is in no log.
        console.print(f"{role:>8}  {url}/{page}{asked}#key={quote(key)}", markup=False, soft_wrap=True)
    console.print()


def _wish(body: Json) -> str:
    kind = "departure" if "departure" in body else "arrival"
    first, last = (_clock(body[kind][end]) for end in ("earliest", "latest"))
    day = datetime.fromisoformat(body[kind]["earliest"]).strftime("%A %d %B")
    verb = "leaving" if kind == "departure" else "arriving"
    seats = body.get("seats", 1)
    people = "1 seat" if seats == 1 else f"{seats} seats"
    trip = f"from {body['origin']['address']} to {body['destination']['address']}"
    return f"{trip}, {verb} between {first} and {last} on {day}, {people}"


def _matches_table(matches: list[Json], *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("score", justify="right", style="bold", no_wrap=True)
    if wide:
        for name, part in matches[0]["parts"].items():
            heading = "prefs" if name == "preferences" else name
            table.add_column(f"{heading}\n{part['weight']:.0%}", justify="right")
    else:
        table.add_column("parts", no_wrap=True)
    for end in ("pickup", "dropoff"):
        table.add_column(end, ratio=1 if wide else None, min_width=5)
    for fact in ("detour", "shared", "seats"):
        table.add_column(fact, justify="right", no_wrap=True)
    for rank, match in enumerate(matches, 1):
        parts = {name: f"{part['value']:.2f}" for name, part in match["parts"].items()}
        named = "\n".join(f"{name} {value}" for name, value in parts.items())
        table.add_row(
            str(rank),
            f"{match['score']:.3f}",
            *(parts.values() if wide else [named]),
            stop_text(match["pickup"]),
            stop_text(match["dropoff"]),
            f"{match['detour_s'] / 60:.1f} min\n{match['detour_m'] / 1000:.1f} km",
            f"{match['shared_m'] / 1000:.1f} km\n{match['overlap']:.0%}",
            str(match["seats_left"]),
        )
    return table


def stop_text(point: Json) -> str:
    """When and where, without the town: it is named above."""
    return f"{_clock(point['time'])} {point['label'].partition(',')[0]}"


def _account(answer: Json) -> str:
    turned_away = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in answer["turned_away"].items())
    away = f"; turned away: {turned_away}" if turned_away else ""
    return f"{answer['considered']} offers considered, {answer['feasible']} fit, in {answer['took_ms']:.1f} ms{away}."


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%H:%M")


def _curl(url: str, key_variable: str, *options: str, body: Json | None = None) -> str:
    words = ["curl", "-sS", *options, url]
    if body is not None:
        content_type = "application/merge-patch+json" if "PATCH" in options else "application/json"
        words += ["-H", f"Content-Type: {content_type}", "-d", json.dumps(body, ensure_ascii=False)]
    # In double quotes, so that the shell puts the key in.
    return f'{shlex.join(words)} -H "Authorization: Bearer ${key_variable}"'
