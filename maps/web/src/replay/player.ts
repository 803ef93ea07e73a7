/** Where a unit was at any moment of its day: the arithmetic of the replay, without a screen. */

import { spans, type Span } from "../shared/track.ts";
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

export interface Stop extends Span {
  lon_deg: number;
  lat_deg: number;
}

export class Recording {
  readonly stops: Stop[];
  readonly gaps: Span[];
  readonly start_s: number;
  readonly end_s: number;

  constructor(readonly track: Track) {
    this.stops = spans(track.stops).map((span, i) => ({ ...span, lon_deg: track.stops[i]!.lon_deg, lat_deg: track.stops[i]!.lat_deg }));
    this.gaps = spans(track.gaps);
    this.start_s = track.rows[0]?.[0] ?? 0;
    this.end_s = track.rows.at(-1)?.[0] ?? 0;
  }

  /** The last row at or before a moment (binary search). */
  indexAt(at_s: number): number {
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
}
