/** Tracks in pieces: nothing is ever drawn across a gap. */

import type { Track, TrackRow } from "./types.ts";

/** Fixes that are no place at all (not positioned, 0/0, encrypted, out of range) or lie far off the way (jump): geo.fix.Quality. */
const NOWHERE = 1 | 2 | 16 | 32 | 128;

/** The track without the fixes that must not be drawn; they stay in the record. */
export const drawable = (track: Track): Track => ({ ...track, rows: track.rows.filter((row) => (row[6] & NOWHERE) === 0) });

export interface Span {
  start_s: number;
  end_s: number;
}

const seconds = (iso: string): number => Date.parse(iso) / 1000;

export const spans = (gaps: { start: string; end: string }[]): Span[] =>
  gaps.map((gap) => ({ start_s: seconds(gap.start), end_s: seconds(gap.end) }));

/** Rows between gaps. A gap lies between two rows, so its middle decides: rounded times can't shift the cut. */
export function pieces(rows: readonly TrackRow[], gaps: readonly Span[]): TrackRow[][] {
  const found: TrackRow[][] = [[]];
  let next = 0;
  for (const row of rows) {
    let cut = false;
    for (let gap = gaps[next]; gap && row[0] > (gap.start_s + gap.end_s) / 2; gap = gaps[++next]) cut = true;
    if (cut) found.push([]);
    found.at(-1)?.push(row);
  }
  return found.filter((piece) => piece.length > 0);
}

export const line = (coordinates: [number, number][]): GeoJSON.Feature => ({
  type: "Feature",
  properties: {},
  geometry: { type: "LineString", coordinates },
});

export const places = (piece: readonly TrackRow[]): [number, number][] => piece.map(([, lon_deg, lat_deg]) => [lon_deg, lat_deg]);

/** A line per piece that is more than a point. */
export const lines = (rows: readonly TrackRow[], gaps: readonly Span[]): GeoJSON.Feature[] =>
  pieces(rows, gaps).filter((piece) => piece.length > 1).map((piece) => line(places(piece)));
