/** Where a unit was at any moment of its day: the arithmetic of the replay, without a screen. */

import type { Track } from "../shared/types.ts";

export interface Moment {
  at_s: number;
  lon_deg: number;
  lat_deg: number;
  speed_mps: number | null;
  heading_deg: number | null;
  accuracy_m: number | null;
  /** No fix is near this moment: the place is the last one known. */
  inGap: boolean;
}

export interface Span {
  start_s: number;
  end_s: number;
}

export interface Stop extends Span {
  lon_deg: number;
  lat_deg: number;
}

const seconds = (iso: string): number => Date.parse(iso) / 1000;

export class Recording {
  readonly stops: Stop[];
  readonly gaps: Span[];
  readonly start_s: number;
  readonly end_s: number;

  constructor(readonly track: Track) {
    this.stops = track.stops.map((stop) => ({ start_s: seconds(stop.start), end_s: seconds(stop.end), lon_deg: stop.lon_deg, lat_deg: stop.lat_deg }));
    this.gaps = track.gaps.map((gap) => ({ start_s: seconds(gap.start), end_s: seconds(gap.end) }));
    this.start_s = track.rows[0]?.[0] ?? 0;
    this.end_s = track.rows.at(-1)?.[0] ?? 0;
  }

  /** The last row at or before a moment (binary search). */
  private indexAt(at_s: number): number {
    const { rows } = this.track;
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((rows[middle]?.[0] ?? Infinity) <= at_s) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Where the unit was; between two fixes on the straight line, in a gap at the last fix before it. */
  at(at_s: number): Moment {
    const { rows } = this.track;
    const index = this.indexAt(at_s);
    const here = rows[index];
    if (!here) throw new RangeError("a recording without rows has no moments");
    const [time_s, lon_deg, lat_deg, speed_mps, heading_deg, accuracy_m] = here;
    const inGap = this.gaps.some((gap) => at_s > gap.start_s && at_s < gap.end_s);
    const next = rows[index + 1];
    const moment: Moment = { at_s, lon_deg, lat_deg, speed_mps, heading_deg, accuracy_m, inGap };
    if (inGap || !next || next[0] <= time_s) return moment;
    const share = Math.max(0, Math.min(1, (at_s - time_s) / (next[0] - time_s)));
    return { ...moment, lon_deg: lon_deg + (next[1] - lon_deg) * share, lat_deg: lat_deg + (next[2] - lat_deg) * share };
  }

  /** The track in pieces that end where gaps begin. */
  pieces(): [number, number][][] {
    const pieces: [number, number][][] = [];
    let piece: [number, number][] = [];
    let gap = 0;
    for (const [at_s, lon_deg, lat_deg] of this.track.rows) {
      if (gap < this.gaps.length && at_s > (this.gaps[gap]?.start_s ?? Infinity)) {
        pieces.push(piece);
        piece = [];
        while (gap < this.gaps.length && at_s > (this.gaps[gap]?.start_s ?? Infinity)) gap++;
      }
      piece.push([lon_deg, lat_deg]);
    }
    return [...pieces, piece].filter((part) => part.length > 0);
  }
}
