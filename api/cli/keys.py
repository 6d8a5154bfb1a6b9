"""`carpool keys`: create, list and revoke API keys."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from api.cli.console import make_console
from api.cli.support import JsonOption, run_on, settings
from matcher.domain.principal import ACTABLE, ApiKey, Role
from matcher.wall_clock import utc_now

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)

_TTL = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_MAX_TTL_S = 36_500 * 86_400


def parse_ttl(text: str) -> timedelta:
    """`90d`, `12h`, `30m`, `45s` or `2w`. Raises typer.BadParameter."""
    match = _TTL.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter("write a number and s, m, h, d or w, such as 90d")
    ttl_s = int(match[1]) * _UNITS_S[match[2]]
    if not 0 < ttl_s <= _MAX_TTL_S:
        raise typer.BadParameter("must be longer than zero and at most 100 years")
    return timedelta(seconds=ttl_s)


def parse_act_as(text: str) -> frozenset[Role]:
    """`rider,driver`, or one of them. Raises typer.BadParameter."""
    words = {word.strip() for word in text.split(",") if word.strip()}
    if not words or not words <= ACTABLE:
        raise typer.BadParameter(f"write one or both of: {', '.join(sorted(ACTABLE))}, with a comma between")
    return frozenset(Role(word) for word in words)


@app.command()
def create(
    role: Annotated[Role, typer.Option(help="What the key may do.")],
    user: Annotated[str, typer.Option(help="User of the key; offers made with it belong to this user.")],
    ttl: Annotated[
        timedelta | None,
        typer.Option(parser=parse_ttl, metavar="90d|12h|…", help="Lifetime; default: until revoked."),
    ] = None,
    act_as: Annotated[
        frozenset[Role] | None,
        typer.Option(
            parser=parse_act_as,
            metavar="rider,driver",
            help="A partner's server may act for users of its own in these roles, naming them in X-On-Behalf-Of.",
        ),
    ] = None,
) -> None:
    """Create a key and print it, alone on standard output. It is shown only once: only a digest is stored."""
    from matcher.wiring.commands import key_management

    token, key = run_on(
        settings(), key_management, lambda keys: keys.create(user, role, utc_now(), ttl, act_as or frozenset())
    )
    until = "until it is revoked" if key.expires_at is None else f"until {_moment(key.expires_at)}"
    notice = f"Key {key.id} of {key.user}, role {key.role.value}, good {until}. It is shown only now:"
    make_console(sys.stderr).print(notice, markup=False)
    typer.echo(token)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List all keys, oldest first, without their secrets."""
    from matcher.wiring.commands import key_management

    found = run_on(settings(), key_management, lambda keys: keys.list_keys())
    if as_json:
        typer.echo(json.dumps([_summary(key) for key in found], indent=2))
        return
    table = Table("id", "user", "role", "acts as", "state", "created", "last used")
    for key in found:
        last = "never" if key.last_used_at is None else _moment(key.last_used_at)
        acts_as = ", ".join(sorted(key.act_as))
        table.add_row(key.id, key.user, key.role.value, acts_as, _state(key), _moment(key.created_at), last)
    make_console().print(table if found else "No keys yet: `carpool keys create --role driver --user NAME` makes one.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, from `carpool keys list`.")],
) -> None:
    """Revoke a key; a running service refuses it within seconds."""
    from matcher.wiring.commands import key_management

    run_on(settings(), key_management, lambda keys: keys.revoke(key_id, utc_now()))
    typer.echo(f"Key {key_id} is revoked.")


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {_moment(key.revoked_at)}"
    if key.expires_at is not None:
        word = "good until" if key.is_usable(utc_now()) else "expired"
        return f"{word} {_moment(key.expires_at)}"
    return "good"


def _moment(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _summary(key: ApiKey) -> dict[str, str | bool | list[str] | None]:
    times = {
        name: None if (at := getattr(key, name)) is None else at.isoformat()
        for name in ("created_at", "expires_at", "revoked_at", "last_used_at")
    }
    acts_as = [role.value for role in sorted(key.act_as)]
    who = {"id": key.id, "user": key.user, "role": key.role.value, "act_as": acts_as}
    return {**who, "usable": key.is_usable(utc_now()), **times}
