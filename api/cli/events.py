"""`carpool events`: what could not be delivered to webhooks, and sending it again."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.table import Table

from api.cli.console import make_console
from api.cli.support import JsonOption, run_on, settings
from matcher.events.webhooks.webhook import Delivery, DeliveryStatus
from matcher.wall_clock import utc_now

if TYPE_CHECKING:
    from matcher.events.webhooks.deliveries import PostgresDeliveries

app = typer.Typer(help="Dead letters of webhooks: list and replay.", no_args_is_help=True)

_MOST = 10_000


@app.command()
def dead(
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="Maximum number listed, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List failed deliveries, newest first, with their webhook, event and last error."""
    from matcher.wiring.commands import delivery_management

    def work(deliveries: PostgresDeliveries) -> Awaitable[list[Delivery]]:
        return deliveries.list_page(owner=None, webhook_id=None, status=DeliveryStatus.DEAD, before=None, limit=limit)

    found = run_on(settings(), delivery_management, work)
    if as_json:
        typer.echo(json.dumps([_summary(delivery) for delivery in found], indent=2))
        return
    table = Table("id", "webhook", "owner", "event", "attempts", "given up", "error")
    for delivery in found:
        ended = "" if delivery.ended_at is None else delivery.ended_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        table.add_row(
            str(delivery.id), str(delivery.webhook_id), delivery.owner, delivery.event.event.kind.value,
            str(delivery.attempts),
            ended, delivery.error or "",
        )  # fmt: skip
    make_console().print(table if found else "Nothing was given up.")


@app.command()
def replay(
    delivery: Annotated[
        int | None, typer.Argument(metavar="ID", help="A delivery, from `carpool events dead`.")
    ] = None,
    webhook: Annotated[UUID | None, typer.Option(help="All dead letters of this webhook.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
) -> None:
    """Replay dead letters from the first attempt; a running service sends them at once."""
    from matcher.wiring.commands import delivery_management

    if [delivery is not None, webhook is not None, everything].count(True) != 1:
        raise typer.BadParameter("name a delivery, or --webhook ID, or --all")

    async def work(deliveries: PostgresDeliveries) -> int:
        if delivery is None:
            return await deliveries.replay_dead(webhook, utc_now())
        await deliveries.replay(delivery, utc_now())
        return 1

    count = run_on(settings(), delivery_management, work)
    typer.echo("1 delivery is sent again." if count == 1 else f"{count} deliveries are sent again.")


def _summary(delivery: Delivery) -> dict[str, str | int | None]:
    return {
        "id": delivery.id,
        "webhook_id": str(delivery.webhook_id),
        "owner": delivery.owner,
        "event": f"evt_{delivery.event.number}",
        "type": delivery.event.event.kind.value,
        "attempts": delivery.attempts,
        "answer_status": delivery.answer_status,
        "error": delivery.error,
        "ended_at": None if delivery.ended_at is None else delivery.ended_at.isoformat(),
    }
