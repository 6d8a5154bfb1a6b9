/** Encoded polylines of precision 5, as the API sends them. */

/** @typedef {[lon: number, lat: number]} Point */

/** @param {string} text @returns {Point[]} */
export function decode(text) {
  /** @type {Point[]} */
  const points = [];
  let at = 0;
  let lat = 0;
  let lon = 0;
  while (at < text.length) {
    lat += next();
    lon += next();
    points.push([lon / 1e5, lat / 1e5]);
  }
  return points;

  function next() {
    let bits = 0;
    let shift = 0;
    let piece;
    do {
      piece = text.charCodeAt(at) - 63;
      at += 1;
      bits |= (piece & 31) << shift;
      shift += 5;
    } while (piece >= 32);
    return bits & 1 ? ~(bits >> 1) : bits >> 1;
  }
}

/**
 * The pieces of a line that run along another one of the same roads: both have the same points there.
 * @param {Point[]} line
 * @param {Point[]} other
 * @returns {Point[][]}
 */
export function sharedPieces(line, other) {
  const legs = new Set(other.slice(1).map((point, i) => `${other[i]} ${point}`));
  /** @type {Point[][]} */
  const pieces = [];
  /** @type {Point[] | null} */
  let piece = null;
  for (let i = 1; i < line.length; i += 1) {
    const from = /** @type {Point} */ (line[i - 1]);
    const to = /** @type {Point} */ (line[i]);
    if (!legs.has(`${from} ${to}`)) {
      piece = null;
    } else if (piece) {
      piece.push(to);
    } else {
      piece = [from, to];
      pieces.push(piece);
    }
  }
  return pieces;
}

/** The smallest box around points, or null without any. @param {Point[]} points @returns {[Point, Point] | null} */
export function boxAround(points) {
  if (!points.length) return null;
  const lons = points.map((point) => point[0]);
  const lats = points.map((point) => point[1]);
  return [
    [Math.min(...lons), Math.min(...lats)],
    [Math.max(...lons), Math.max(...lats)],
  ];
}
