/** What is being drawn: a list of places in degrees, and what they mean in each form. */

import type { Feature, Geometry, Position } from "geojson";

export const FORMS = ["polygon", "rectangle", "circle", "route"] as const;
export type Form = (typeof FORMS)[number];
export type Place = [number, number];

export interface Rule {
  id: number;
  trigger: string;
  dwell_s: number | null;
  unit_kinds: string[] | null;
  severity: string;
  active: boolean;
}

export interface Area {
  id: number;
  name: string;
  kind: string;
  shape: Geometry;
  line: Geometry | null;
  width_m: number | null;
  /** As what a terminal can watch it; null: it can't. */
  form: Form | null;
  rules: Rule[];
}

/** How many places a form needs, and can have. */
export const COUNT: Record<Form, [number, number]> = { polygon: [3, 1000], rectangle: [2, 2], circle: [1, 1], route: [2, 1000] };
const DEGREE_M = 111_320;

/** Metres between two places, near enough to draw with. */
export function metres([lon_a, lat_a]: Place, [lon_b, lat_b]: Place): number {
  return Math.hypot((lon_b - lon_a) * Math.cos((lat_a * Math.PI) / 180), lat_b - lat_a) * DEGREE_M;
}

/** What the server is told: the shape, and the measure that belongs to it. */
export function told(form: Form, places: Place[], measure_m: number): { shape: Geometry; width_m?: number; radius_m?: number } {
  switch (form) {
    case "route":
      return { shape: { type: "LineString", coordinates: places }, width_m: measure_m };
    case "circle":
      return { shape: { type: "Point", coordinates: places[0] ?? [] }, radius_m: measure_m };
    default:
      return { shape: { type: "Polygon", coordinates: [ring(form, places)] } };
  }
}

/** What the map shows of it meanwhile. */
export function sketch(form: Form, places: Place[], measure_m: number): Feature[] {
  const corners = places.map((place, i): Feature => ({ type: "Feature", properties: { number: i + 1 }, geometry: { type: "Point", coordinates: place } }));
  const first = places[0];
  if (first === undefined) return [];
  if (form === "circle") return [whole({ type: "Polygon", coordinates: [round(first, measure_m)] }), ...corners];
  if (form === "route" || places.length < COUNT[form][0]) return [whole({ type: "LineString", coordinates: places }, form === "route" ? pixels(measure_m, first[1]) : 0), ...corners];
  return [whole({ type: "Polygon", coordinates: [ring(form, places)] }), ...corners];
}

/** How wide so many metres are at zoom 0, in pixels of a map whose world is 512 of them. */
export const pixels = (width_m: number, lat_deg: number): number => (width_m * 512) / (40_075_017 * Math.cos((lat_deg * Math.PI) / 180));

const whole = (geometry: Geometry, width = 0): Feature => ({ type: "Feature", properties: { width }, geometry });

function ring(form: Form, places: Place[]): Position[] {
  const [[west = 0, south = 0] = [], [east = 0, north = 0] = []] = places;
  const corners = form === "rectangle" ? [[west, south], [east, south], [east, north], [west, north]] : places;
  return [...corners, corners[0] ?? []];
}

function round([lon, lat]: Place, radius_m: number): Position[] {
  const turn = (i: number): number => (i * Math.PI) / 32;
  const wide = Math.cos((lat * Math.PI) / 180);
  return Array.from({ length: 65 }, (_, i) => [lon + (radius_m / DEGREE_M / wide) * Math.sin(turn(i)), lat + (radius_m / DEGREE_M) * Math.cos(turn(i))]);
}
