"""`carpool region`: add, list, show, download and export regions, and add meeting places and speeds to them."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from api.cli.console import StepProgress, make_console
from api.cli.region.extras import extras_json, extras_rows, meeting_points, speeds
from api.cli.region.store import disk_errors, region_or_served, region_store
from api.cli.support import JsonOption
from matcher.domain.errors.tree import CarpoolError, Unavailable

if TYPE_CHECKING:
    from matcher.roads.region.files import Manifest
    from matcher.roads.region.store import Region
    from matcher.roads.tiles.archive import TileArchive

app = typer.Typer(help="Road networks and their meeting points, speeds and tiles.", no_args_is_help=True)

NameOption = Annotated[str | None, typer.Option("--name", help="Name of the region; default: from the file's name.")]


SpacingOption = Annotated[
    float | None,
    typer.Option(
        "--public-spacing",
        min=0,
        max=5000,
        help="Metres between the public points that stand for doors, at least; 0 for none. Default: of the settings.",
    ),
]


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE.osm.pbf", help="OpenStreetMap extract.")],
    name: NameOption = None,
    public_spacing: SpacingOption = None,
) -> None:
    """Import an OpenStreetMap extract and put it in use, replacing the region of that name when all is done."""
    _add(file, name, public_spacing)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the regions in the data folder."""
    store = region_store()
    manifests, broken = [], []
    for name in store.list_names():
        try:
            manifests.append(store.get_manifest(name))
        except CarpoolError as error:
            broken.append((name, error.detail))
    if as_json:
        typer.echo(json.dumps([_summary(manifest) for manifest in manifests], indent=2))
    else:
        table = Table("region", "nodes", "arcs", "km of road", "data of", "added")
        for manifest in manifests:
            age = manifest.source_timestamp or "unknown"
            km = f"{manifest.road_km:,.0f}"
            table.add_row(manifest.name, f"{manifest.nodes:,}", f"{manifest.arcs:,}", km, age, manifest.created_at)
        make_console().print(table if manifests else "No regions yet: `carpool region add FILE.osm.pbf` makes one.")
    for name, detail in broken:
        make_console(sys.stderr).print(f"{name}: {detail}", markup=False, style="red")


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="Name of the region; default: the one that is served.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What a region holds and where it came from; every file is checked."""
    region = region_store().get(region_or_served(name))
    if as_json:
        typer.echo(json.dumps(_summary(region.manifest) | extras_json(region), indent=2, ensure_ascii=False))
    else:
        _print_region(region.manifest, region)


@app.command()
def download(
    extract: Annotated[str, typer.Argument(metavar="NAME", help="Path at Geofabrik, such as europe/luxembourg.")],
    name: NameOption = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            envvar="CARPOOL_GEOFABRIK_URL", help="Download server, laid out like Geofabrik's; default: Geofabrik's own."
        ),
    ] = None,
    import_it: Annotated[bool, typer.Option("--import/--no-import", help="Import the file afterwards.")] = True,
    public_spacing: SpacingOption = None,
) -> None:
    """Download an extract (resuming an interrupted download), check it and import it."""
    from matcher.roads.region.download import GEOFABRIK_URL, download_extract
    from matcher.roads.region.store import name_from_file
    from matcher.settings.all import load_settings

    folder = load_settings().storage.data_dir / "downloads"
    with disk_errors(), _download_bar() as bar:
        path = download_extract(extract, folder, base_url=GEOFABRIK_URL if base_url is None else base_url, progress=bar)
    typer.echo(f"Downloaded {path}")
    if import_it:
        latest = Path(f"{extract.rpartition('/')[2]}-latest.osm.pbf")
        _add(path, name_from_file(latest) if name is None else name, public_spacing)


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="Name of the region.")],
    file: Annotated[Path, typer.Argument(metavar="FILE.graphml", help="Where to write.")],
) -> None:
    """Write a region's network as GraphML with osmnx-like attributes."""
    from matcher.roads.region.networkx_view import save_graphml

    region = region_store().get(name)
    with disk_errors(), StepProgress(make_console(sys.stderr)) as progress:
        progress("writing GraphML")
        save_graphml(region.network, file)
    typer.echo(f"Wrote {region.manifest.nodes:,} nodes and {region.manifest.arcs:,} edges to {file}")


app.command("meeting-points")(meeting_points)
app.command()(speeds)


@app.command()
def tiles(
    name: Annotated[str | None, typer.Argument(help="Name of the region; default: the one that is served.")] = None,
    extract: Annotated[
        Path | None,
        typer.Option(
            "--extract",
            metavar="FILE.osm.pbf",
            help="The extract that was imported, for water, green and buildings; default: the download, if kept.",
        ),
    ] = None,
) -> None:
    """Rebuild the vector tiles of a region's map. `add` and `download` build them, too."""
    from matcher.roads.tiles.build import build_tiles

    store, chosen = region_store(), region_or_served(name)
    with disk_errors(), StepProgress(make_console(sys.stderr)) as progress:
        _tell_tiles(build_tiles(store, chosen, progress, extract))


def _add(file: Path, name: str | None, public_spacing: float | None) -> None:
    from matcher.roads.tiles.build import build_tiles
    from matcher.settings.all import load_settings

    store = region_store()
    spacing = load_settings().roads.public_point_spacing_m if public_spacing is None else public_spacing
    with disk_errors(), StepProgress(make_console(sys.stderr)) as progress:
        manifest = store.add(file, name, progress, public_spacing_m=spacing)
        try:
            archive = build_tiles(store, manifest.name, progress, file)
        except Unavailable as error:  # the region is in use all the same
            make_console(sys.stderr).print(f"carpool: no map of {manifest.name}: {error.detail}", markup=False)
            archive = None
    _print_region(manifest)
    if archive is not None:
        _tell_tiles(archive)


def _tell_tiles(archive: TileArchive) -> None:
    size = archive.path.stat().st_size / 1e6
    typer.echo(
        f"Tiles of the map, zooms {archive.metadata['minzoom']} to {archive.metadata['maxzoom']}: {size:,.1f} MB"
    )


def _summary(manifest: Manifest) -> dict[str, Any]:
    """The manifest without its list of files."""
    summary = dataclasses.asdict(manifest)
    del summary["files"]
    return summary


def _print_region(manifest: Manifest, region: Region | None = None) -> None:
    box = manifest.bbox
    size = sum(entry.size for entry in manifest.files.values())
    table = Table(title=f"Region {manifest.name}", show_header=False, title_justify="left")
    table.add_column()
    table.add_column(overflow="fold")  # a checksum is no good without its end
    dropped = f"{manifest.dropped_nodes:,} nodes, {manifest.dropped_arcs:,} arcs, {manifest.dropped_km:,.1f} km"
    for label, value in (
        ("roads", f"{manifest.nodes:,} nodes, {manifest.arcs:,} arcs, {manifest.edges:,} street pieces"),
        ("length", f"{manifest.road_km:,.1f} km"),
        ("left out (not connected)", dropped),
        ("to walk", f"{manifest.walk_km:,.1f} km, {manifest.walk_nodes:,} nodes, {manifest.walk_edges:,} pieces"),
        ("public points", _public_points(manifest)),
        ("names", f"{manifest.places:,} streets, places and addresses"),
        ("box", f"{box.south:.4f} … {box.north:.4f} N, {box.west:.4f} … {box.east:.4f} E"),
        ("source", manifest.source_file),
        ("data of", manifest.source_timestamp or "unknown"),
        ("source SHA-256", manifest.source_sha256),
        ("added", manifest.created_at),
        ("format", str(manifest.format_version)),
        ("fingerprint", manifest.fingerprint),
        ("size on disk", f"{size / 1e6:,.1f} MB"),
        *(extras_rows(region) if region is not None else ()),
    ):
        table.add_row(label, value)
    make_console().print(table)


def _public_points(manifest: Manifest) -> str:
    if not manifest.public_spacing_m:
        return "none: doors stand for themselves"
    return f"{manifest.public_points:,}, at least {manifest.public_spacing_m:,.0f} m apart"


@contextmanager
def _download_bar() -> Iterator[Callable[..., None]]:
    """A progress bar with size, speed and time left; steps are counted in bytes."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=make_console(sys.stderr)) as bar:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: float = 0, total: float | None = None, /) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done, total=total)

        yield show
