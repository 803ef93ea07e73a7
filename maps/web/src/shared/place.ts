/** A place that may be unknown. */

export interface Placed {
  lon_deg: number;
  lat_deg: number;
}

/** Whether a call, a unit or an alert has a place; a call's may come later. */
export const placed = <T extends { lon_deg: number | null; lat_deg: number | null }>(thing: T): thing is T & Placed =>
  thing.lon_deg !== null && thing.lat_deg !== null;
