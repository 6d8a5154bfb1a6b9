/** The map of a page: the region's own tiles, and on them what the page draws. */

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { lettersOf, PROTOCOL } from "./glyphs.js";
import { boxAround } from "./polyline.js";
import { CELLS, LINES, styleOf } from "./style.js";

/**
 * @typedef {import("./polyline.js").Point} Point
 * @typedef {{kind: "ride" | "walk" | "other" | "shared", points: Point[]}} Line
 * @typedef {{at: Point, kind: string, text: string, label?: string}} Pin
 * @typedef {{ring: Point[], share: number, colour?: string, title?: string}} Cell
 */

/** Room around what is shown: pins stand above their place, and the buttons are on the right. */
const ROOM_PX = { top: 60, bottom: 44, left: 48, right: 64 };

/** The map library, once its script is there. @type {Promise<any> | null} */
let library = null;

function loadLibrary() {
  library ??= new Promise((done, failed) => {
    let over = false;
    const look = () => {
      const map = /** @type {any} */ (globalThis).maplibregl;
      if (over) return;
      // Its script has had its chance by the time the document is complete.
      over = Boolean(map) || document.readyState === "complete";
      if (map) done(prepared(map));
      else if (over) failed(new Error("the map library did not load"));
    };
    document.getElementById("maplibre")?.addEventListener("load", look);
    addEventListener("load", look);
    look();
  });
  return library;
}

/** @param {any} map */
function prepared(map) {
  map.addProtocol(PROTOCOL, async (/** @type {{url: string}} */ asked) => ({ data: await lettersOf(asked.url) }));
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (types) {
    // The worker is the library's own script, which it has put into a blob of this page.
    const own = `blob:${location.origin}/`;
    const policy = types.createPolicy("carpool-map", {
      createScriptURL: (/** @type {string} */ url) => {
        if (!url.startsWith(own)) throw new TypeError("only the map's own worker");
        return url;
      },
    });
    map.setWorkerUrl(policy.createScriptURL(map.getWorkerUrl()));
  }
  return map;
}

/** A map in an element. Until it is ready, and where it cannot be had, what is drawn is kept. */
export class RegionMap {
  /**
   * @param {HTMLElement} element
   * @param {{region: string, bounds: number[]}} setup
   */
  constructor(element, setup) {
    this.element = element;
    this.setup = setup;
    /** @type {any} */
    this.map = null;
    /** @type {any[]} */
    this.markers = [];
    /** @type {Line[]} */
    this.lines = [];
    /** @type {Pin[]} */
    this.pins = [];
    /** @type {Cell[]} */
    this.cells = [];
    /** @type {((point: Point) => void) | null} */
    this.onTap = null;
    /** @type {((cell: any) => void) | null} */
    this.onCell = null;
    this.notice = h("p", { class: "map-notice", role: "status" }, t("map.loading"));
    this.canvas = h("div", { class: "map-canvas" });
    const credit = h(
      "p",
      { class: "map-credit" },
      h("a", { href: "https://www.openstreetmap.org/copyright", rel: "noreferrer", target: "_blank" }, t("map.credit")),
    );
    element.append(this.canvas, this.notice, credit);
    /** Resolves when the first view is drawn. */
    this.ready = this.open();
  }

  async open() {
    try {
      const [maplibre, index] = await Promise.all([loadLibrary(), this.tileIndex()]);
      const dark = matchMedia("(prefers-color-scheme: dark)");
      const box = this.setup.bounds;
      this.map = new maplibre.Map({
        container: this.canvas,
        style: styleOf(index, dark.matches),
        bounds: [box.slice(0, 2), box.slice(2)],
        fitBoundsOptions: { padding: 12 },
        attributionControl: false,
        dragRotate: false,
        pitchWithRotate: false,
        touchPitch: false,
        maxZoom: 18,
        minZoom: 6,
        fadeDuration: 0,
        canvasContextAttributes: { preserveDrawingBuffer: navigator.webdriver === true },
        locale: {
          "NavigationControl.ZoomIn": t("map.zoom_in"),
          "NavigationControl.ZoomOut": t("map.zoom_out"),
          "Map.Title": t("map.title"),
        },
      });
      this.maplibre = maplibre;
      this.map.touchZoomRotate.disableRotation();
      this.map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
      this.map.on("click", (/** @type {any} */ event) => this.tapped(event));
      dark.addEventListener("change", () => {
        this.map.setStyle(styleOf(index, dark.matches), { diff: false });
        this.map.once("style.load", () => this.redraw());
      });
      await this.map.once("load");
      this.redraw();
      this.notice.remove();
      this.element.dataset.map = "ready";
      performance.mark("map");
    } catch (error) {
      this.notice.textContent = t("map.failed");
      this.element.dataset.map = "failed";
      console.warn(error);
    }
  }

  /** The region's TileJSON; while the tiles are being built it is asked for again. @returns {Promise<any>} */
  async tileIndex() {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await get(`/tiles/${this.setup.region}`);
      } catch (error) {
        if (/** @type {any} */ (error).status !== 503 || attempt === 60) throw error;
        this.notice.textContent = t("map.building");
      }
    }
  }

  /** @param {any} event */
  tapped(event) {
    const cells = this.map.queryRenderedFeatures(event.point, { layers: ["cells"] });
    if (cells.length && this.onCell) this.onCell(cells[0].properties);
    else this.onTap?.([event.lngLat.lng, event.lngLat.lat]);
  }

  /** @param {Line[]} lines */
  drawLines(lines) {
    this.lines = lines;
    this.map?.getSource(LINES)?.setData({
      type: "FeatureCollection",
      features: lines
        .filter((line) => line.points.length > 1)
        .map(({ kind, points }) => ({
          type: "Feature",
          properties: { kind },
          geometry: { type: "LineString", coordinates: points },
        })),
    });
  }

  /** @param {Pin[]} pins */
  drawPins(pins) {
    this.pins = pins;
    for (const marker of this.markers) marker.remove();
    this.markers = [];
    if (!this.map) return;
    this.markers = pins.map(({ at, kind, text, label }) => {
      const element = h("div", { class: `pin pin-${kind}`, title: label ?? text }, h("span", null, text));
      return new this.maplibre.Marker({ element, anchor: "bottom" }).setLngLat(at).addTo(this.map);
    });
  }

  /** @param {Cell[]} cells */
  drawCells(cells) {
    this.cells = cells;
    this.map?.getSource(CELLS)?.setData({
      type: "FeatureCollection",
      features: cells.map(({ ring, ...properties }) => ({
        type: "Feature",
        properties,
        geometry: { type: "Polygon", coordinates: [ring] },
      })),
    });
  }

  redraw() {
    this.drawLines(this.lines);
    this.drawPins(this.pins);
    this.drawCells(this.cells);
    if (this.wanted) this.show(this.wanted);
  }

  /** Moves so that all points are seen. @param {Point[]} points */
  show(points) {
    this.wanted = points;
    const box = boxAround(points);
    if (!box || !this.map) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.map.fitBounds(box, { padding: ROOM_PX, maxZoom: 15, duration: still ? 0 : 350 });
  }
}
