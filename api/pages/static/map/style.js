/** How the map looks, light and dark: the ground, the roads by class, names, and on top what a page draws. */

import { PROTOCOL } from "./glyphs.js";

/**
 * @typedef {Record<"ground" | "water" | "green" | "wood" | "building" | "edge" | "minor" | "main" | "fast" | "casing"
 *   | "label" | "halo" | "place" | "border" | "ride" | "rideCasing" | "walk" | "other" | "shared" | "cell",
 *   string>} Colours
 */

/** @type {Colours} */
const LIGHT = {
  ground: "#f1eee8",
  water: "#bcd7e6",
  green: "#dfe8d3",
  wood: "#cfdec2",
  building: "#e6e1d9",
  edge: "#d9d3c8",
  minor: "#ffffff",
  main: "#fbe6a6",
  fast: "#f3bf6d",
  casing: "#b8ad99",
  label: "#5b564e",
  halo: "#fbfaf7",
  place: "#2e2b26",
  border: "#a79bb0",
  ride: "#0b6e5f",
  rideCasing: "#ffffff",
  walk: "#8a3ea8",
  other: "#7b8794",
  shared: "#3fb8a3",
  cell: "#b3261e",
};

/** @type {Colours} */
const DARK = {
  ground: "#171a1d",
  water: "#16303f",
  green: "#1c2620",
  wood: "#1a2b20",
  building: "#21262a",
  edge: "#2c3237",
  minor: "#3a4249",
  main: "#59636a",
  fast: "#80714c",
  casing: "#0f1214",
  label: "#a9b0b6",
  halo: "#14171a",
  place: "#e6e9eb",
  border: "#6f6480",
  ride: "#45d6bb",
  rideCasing: "#0b1110",
  walk: "#d59cf0",
  other: "#8b97a3",
  shared: "#1f8f7c",
  cell: "#ff8a80",
};

/** @param {boolean} dark */
export const coloursOf = (dark) => (dark ? DARK : LIGHT);

/** What a page draws is kept in these sources. */
export const LINES = "drawn-lines";
export const CELLS = "drawn-cells";

/** Width of roads in pixels by zoom. @param {number} at10 @param {number} at14 @param {number} at18 */
const width = (at10, at14, at18) => ["interpolate", ["exponential", 1.5], ["zoom"], 10, at10, 14, at14, 18, at18];

/** @param {string[]} classes */
const isClass = (...classes) => ["in", ["get", "class"], ["literal", classes]];

/**
 * The style of a region.
 * @param {{tiles: string[], minzoom: number, maxzoom: number, bounds: number[]}} index the region's TileJSON
 * @param {boolean} dark
 * @returns {any}
 */
export function styleOf(index, dark) {
  const c = coloursOf(dark);
  return {
    version: 8,
    glyphs: `${PROTOCOL}://{fontstack}/{range}`,
    sources: {
      region: {
        type: "vector",
        tiles: index.tiles.map((path) =>
          new URL(path, location.origin).href.replaceAll("%7B", "{").replaceAll("%7D", "}"),
        ),
        minzoom: index.minzoom,
        maxzoom: index.maxzoom,
        bounds: index.bounds,
      },
      [LINES]: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
      [CELLS]: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
    },
    // What is drawn lies over the names of roads, whose halo would cut it, and under those of places.
    layers: [
      ...groundLayers(c),
      ...roadLayers(c),
      ...cellLayers(c),
      ...roadNames(c),
      ...drawnLayers(c),
      ...placeNames(c),
    ],
  };
}

/** @param {string} id @param {string} type @param {string} source @param {any} rest */
const layer = (id, type, source, rest) => ({ id, type, source: "region", "source-layer": source, ...rest });

/** @param {Colours} c */
function groundLayers(c) {
  return [
    { id: "ground", type: "background", paint: { "background-color": c.ground } },
    layer("green", "fill", "green", {
      paint: { "fill-color": ["match", ["get", "class"], "wood", c.wood, c.green] },
    }),
    layer("water", "fill", "water", { paint: { "fill-color": c.water } }),
    layer("waterways", "line", "waterways", {
      paint: { "line-color": c.water, "line-width": ["match", ["get", "class"], "river", 2.4, 1.2] },
    }),
    layer("buildings", "fill", "buildings", {
      minzoom: 13,
      paint: { "fill-color": c.building, "fill-outline-color": c.edge },
    }),
    layer("borders", "line", "boundaries", {
      paint: { "line-color": c.border, "line-width": 1.2, "line-dasharray": [3, 2], "line-opacity": 0.7 },
    }),
  ];
}

/** @param {Colours} c */
function roadLayers(c) {
  const round = { "line-cap": "round", "line-join": "round" };
  const road = (
    /** @type {string} */ id,
    /** @type {any} */ filter,
    /** @type {string} */ colour,
    /** @type {any} */ wide,
  ) => layer(id, "line", "roads", { filter, layout: round, paint: { "line-color": colour, "line-width": wide } });
  const main = isClass("primary", "secondary", "tertiary");
  const fast = isClass("motorway", "trunk");
  return [
    road("minor-casing", isClass("minor", "service"), c.casing, width(0.7, 3.6, 16)),
    road("main-casing", main, c.casing, width(1.8, 6.2, 26)),
    road("minor", isClass("minor", "service"), c.minor, width(0.3, 2.2, 14)),
    road("main", main, c.main, width(1.1, 4.6, 23)),
    road("fast-casing", fast, c.casing, width(2.8, 8, 30)),
    road("fast", fast, c.fast, width(1.9, 6.2, 27)),
    layer("ferry", "line", "roads", {
      filter: isClass("ferry"),
      paint: { "line-color": c.border, "line-width": 1.2, "line-dasharray": [2, 2] },
    }),
  ];
}

/** @param {Colours} c */
function cellLayers(c) {
  const colour = ["coalesce", ["get", "colour"], c.cell];
  return [
    {
      id: "cells",
      type: "fill",
      source: CELLS,
      paint: { "fill-color": colour, "fill-opacity": ["interpolate", ["linear"], ["get", "share"], 0, 0.12, 1, 0.62] },
    },
    {
      id: "cell-edges",
      type: "line",
      source: CELLS,
      paint: { "line-color": colour, "line-width": 1, "line-opacity": 0.6 },
    },
  ];
}

/** @param {Colours} c */
function drawnLayers(c) {
  const round = { "line-cap": "round", "line-join": "round" };
  const kind = (/** @type {string} */ name) => ["==", ["get", "kind"], name];
  const line = (/** @type {string} */ id, /** @type {string} */ what, /** @type {any} */ paint) => ({
    id,
    type: "line",
    source: LINES,
    filter: kind(what),
    layout: round,
    paint,
  });
  return [
    line("other", "other", { "line-color": c.other, "line-width": 3, "line-opacity": 0.75 }),
    line("ride-casing", "ride", { "line-color": c.rideCasing, "line-width": 8 }),
    line("ride", "ride", { "line-color": c.ride, "line-width": 5 }),
    line("shared", "shared", { "line-color": c.shared, "line-width": 2.4 }),
    line("walk", "walk", { "line-color": c.walk, "line-width": 3, "line-dasharray": [0.4, 2] }),
  ];
}

/** @param {Colours} c */
const halo = (c) => ({ "text-color": c.label, "text-halo-color": c.halo, "text-halo-width": 1.3 });

const NAME = ["get", "name"];

/** @param {Colours} c */
function roadNames(c) {
  return [
    layer("water-names", "symbol", "water", {
      filter: ["has", "name"],
      minzoom: 12,
      layout: { "text-field": NAME, "text-size": 11, "text-font": ["Regular"], "text-max-width": 7 },
      paint: halo(c),
    }),
    layer("road-names", "symbol", "roads", {
      filter: ["all", ["has", "name"], ["!", isClass("service")]],
      minzoom: 12,
      layout: {
        "symbol-placement": "line",
        "text-field": NAME,
        "text-font": ["Regular"],
        "text-size": ["interpolate", ["linear"], ["zoom"], 12, 10, 18, 14],
        "symbol-spacing": 320,
        "symbol-sort-key": [
          "match",
          ["get", "class"],
          ["motorway", "trunk"],
          0,
          "primary",
          1,
          "secondary",
          2,
          "tertiary",
          3,
          4,
        ],
        "text-padding": 6,
      },
      paint: halo(c),
    }),
  ];
}

/** @param {Colours} c */
function placeNames(c) {
  return [
    layer("place-names", "symbol", "places", {
      layout: {
        "text-field": NAME,
        "text-font": ["match", ["get", "class"], ["city", "town"], ["literal", ["Bold"]], ["literal", ["Medium"]]],
        "text-size": ["match", ["get", "class"], "city", 17, "town", 14, "village", 12.5, 11.5],
        "symbol-sort-key": ["get", "rank"],
        "text-max-width": 8,
      },
      paint: { ...halo(c), "text-color": c.place, "text-halo-width": 1.8 },
    }),
  ];
}
