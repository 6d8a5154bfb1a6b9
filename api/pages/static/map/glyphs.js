/** Letters of the map's labels, drawn here from the reader's own fonts: no glyph server is asked. */

/** The protocol under which the map asks for letters: `letters://{fontstack}/{range}`. */
export const PROTOCOL = "letters";

const SIZE = 24;
const BORDER = 3;
const RADIUS = 8;
/** How much of the distance lies outside the letter, as the map's shader expects it. */
const CUTOFF = 0.25;
const CELL = SIZE + 2 * (BORDER + 5);
/** Tops of letters are counted from here above the base line. */
const ASCENDER = 26;
const FAR = 1e20;

/** @type {Map<string, Promise<ArrayBuffer>>} */
const ranges = new Map();

/**
 * The letters of a range such as `0-255`, in the format of glyph servers (protobuf).
 * @param {string} url
 * @returns {Promise<ArrayBuffer>}
 */
export function lettersOf(url) {
  let found = ranges.get(url);
  if (!found) {
    found = Promise.resolve().then(() => drawRange(url));
    ranges.set(url, found);
  }
  return found;
}

/** @param {string} url */
function drawRange(url) {
  const [stack = "", range = "0-255"] = decodeURIComponent(url.slice(PROTOCOL.length + 3)).split("/");
  const [first = 0, last = 255] = range.split("-").map(Number);
  const weight = /bold/i.test(stack) ? 600 : /medium/i.test(stack) ? 500 : 400;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = CELL;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser draws no text");
  context.font = `${weight} ${SIZE}px system-ui, "Noto Sans", sans-serif`;
  context.textBaseline = "alphabetic";
  const letters = [];
  for (let code = first; code <= last; code += 1) {
    if (code > 31 && !(code > 126 && code < 160)) letters.push(drawLetter(context, code));
  }
  const name = textField(1, stack);
  const rangeField = textField(2, range);
  return join([bytesField(1, [name, rangeField, ...letters.map((letter) => bytesField(3, letter))])]).buffer;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} code
 * @returns {Uint8Array[]} the fields of a glyph message
 */
function drawLetter(context, code) {
  const text = String.fromCodePoint(code);
  const metrics = context.measureText(text);
  const top = Math.ceil(metrics.actualBoundingBoxAscent);
  const left = Math.floor(-metrics.actualBoundingBoxLeft);
  const width = Math.max(0, Math.min(CELL - 2 * BORDER, Math.ceil(metrics.actualBoundingBoxRight) - left));
  const height = Math.max(0, Math.min(CELL - 2 * BORDER, top + Math.ceil(metrics.actualBoundingBoxDescent)));
  const fields = [
    numberField(1, code),
    numberField(3, width),
    numberField(4, height),
    numberField(5, zigzag(left)),

    numberField(6, zigzag(top - ASCENDER)),
    numberField(7, Math.round(metrics.width)),
  ];
  if (!width || !height) return fields;
  const across = width + 2 * BORDER;
  const down = height + 2 * BORDER;
  context.clearRect(0, 0, CELL, CELL);
  context.fillText(text, BORDER - left, BORDER + top);
  const pixels = context.getImageData(0, 0, across, down).data;
  return [...fields, bytesField(2, [distances(pixels, across, down)])];
}

/**
 * The signed distance of each pixel from the letter's edge, as bytes.
 * @param {Uint8ClampedArray} pixels
 * @param {number} across
 * @param {number} down
 */
function distances(pixels, across, down) {
  const outer = new Float64Array(across * down);
  const inner = new Float64Array(across * down);
  for (let i = 0; i < outer.length; i += 1) {
    const covered = (pixels[4 * i + 3] ?? 0) / 255;
    const gap = 0.5 - covered;
    outer[i] = covered === 1 ? 0 : covered === 0 ? FAR : Math.max(0, gap) ** 2;
    inner[i] = covered === 0 ? 0 : covered === 1 ? FAR : Math.max(0, -gap) ** 2;
  }
  transform(outer, across, down);
  transform(inner, across, down);
  const bytes = new Uint8Array(outer.length);
  for (let i = 0; i < bytes.length; i += 1) {
    const distance = Math.sqrt(outer[i] ?? 0) - Math.sqrt(inner[i] ?? 0);
    bytes[i] = Math.max(0, Math.min(255, Math.round(255 - 255 * (distance / RADIUS + CUTOFF))));
  }
  return bytes;
}

/**
 * Squared Euclidean distances in place (Felzenszwalb and Huttenlocher 2012): columns first, then rows.
 * @param {Float64Array} grid
 * @param {number} across
 * @param {number} down
 */
function transform(grid, across, down) {
  for (let x = 0; x < across; x += 1) along(grid, x, across, down);
  for (let y = 0; y < down; y += 1) along(grid, y * across, 1, across);
}

/**
 * @param {Float64Array} grid
 * @param {number} start
 * @param {number} step
 * @param {number} length
 */
function along(grid, start, step, length) {
  const values = new Float64Array(length);
  const centres = new Int32Array(length);
  const ends = new Float64Array(length + 1);
  for (let i = 0; i < length; i += 1) values[i] = grid[start + i * step] ?? FAR;
  const value = (/** @type {number} */ i) => /** @type {number} */ (values[i]);
  const centre = (/** @type {number} */ i) => /** @type {number} */ (centres[i]);
  let last = 0;
  ends[0] = -FAR;
  ends[1] = FAR;
  for (let i = 1; i < length; i += 1) {
    let meets;
    do {
      const c = centre(last);
      meets = (value(i) - value(c) + i * i - c * c) / (2 * (i - c));
    } while (meets <= /** @type {number} */ (ends[last]) && --last > -1);
    last += 1;
    centres[last] = i;
    ends[last] = meets;
    ends[last + 1] = FAR;
  }
  for (let i = 0, k = 0; i < length; i += 1) {
    while (/** @type {number} */ (ends[k + 1]) < i) k += 1;
    const c = centre(k);
    grid[start + i * step] = value(c) + (i - c) ** 2;
  }
}

// Protocol buffers, as far as letters need them.

/** @param {number} value */
const zigzag = (value) => (value << 1) ^ (value >> 31);

/** @param {number} value */
function varint(value) {
  const bytes = [];
  let rest = value >>> 0;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** @param {number} field @param {number} value */
const numberField = (field, value) => join([varint(field << 3), varint(value)]);

/** @param {number} field @param {Uint8Array[]} parts */
function bytesField(field, parts) {
  const body = join(parts);
  return join([varint((field << 3) | 2), varint(body.length), body]);
}

/** @param {number} field @param {string} text */
const textField = (field, text) => bytesField(field, [new TextEncoder().encode(text)]);

/** @param {Uint8Array[]} parts */
function join(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
