/** Places: unknown ones, and such as people write. */

export interface Placed {
  lon_deg: number;
  lat_deg: number;
}

/** Whether a call, a unit or an alert has a place; a call's may come later. */
export const placed = <T extends { lon_deg: number | null; lat_deg: number | null }>(thing: T): thing is T & Placed =>
  thing.lon_deg !== null && thing.lat_deg !== null;

/** Places written one a line, "113.13, 27.83"; null where a line is none. */
export function readPlaces(text: string): [number, number][] | null {
  const places = text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => line.split(/[\s,，]+/).map(Number) as [number, number]);
  return places.every((place) => place.length === 2 && Math.abs(place[0]) <= 180 && Math.abs(place[1]) <= 90) ? places : null;
}

export const writePlace = ([lon, lat]: [number, number]): string => `${lon.toFixed(6)}, ${lat.toFixed(6)}`;
