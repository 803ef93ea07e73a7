/** Hot cells as a ranked list with their reasons: the server says what a score was made of, this file says it in words. */

import type { Feature, FeatureCollection, Polygon } from "geojson";
import { code, t } from "../i18n/index.ts";

export interface CellProperties {
  i: number;
  j: number;
  n: number;
  neighbours: number;
  neighbourhood_n: number;
  expected_n: number;
  gi_star_z: number;
  q_bh: number;
  hot: boolean;
  /** From the hottest on, 1 …; null for cells that are not hot. */
  rank: number | null;
  kinds: Record<string, number>;
}

export type Cell = Feature<Polygon, CellProperties>;

export interface Cells extends FeatureCollection<Polygon, CellProperties> {
  summary: { incidents: number; left_out: Record<string, number>; enough: boolean; min_incidents: number };
}

export const hotCells = (cells: Cells): Cell[] =>
  cells.features.filter((cell) => cell.properties.hot).sort((a, b) => (a.properties.rank ?? 0) - (b.properties.rank ?? 0));

export function middle(cell: Cell): [number, number] {
  const corners = (cell.geometry.coordinates[0] ?? []).slice(0, -1);
  const mean = (axis: 0 | 1): number => corners.reduce((sum, corner) => sum + (corner[axis] ?? 0), 0) / Math.max(1, corners.length);
  return [mean(0), mean(1)];
}

/** Why a cell is hot. */
export function reason({ properties }: Cell): string {
  const { n, neighbours, neighbourhood_n, expected_n, gi_star_z, q_bh } = properties;
  return t("hotspots.reason", {
    n,
    neighbours,
    around: neighbourhood_n,
    expected: expected_n.toFixed(1),
    ratio: (neighbourhood_n / Math.max(expected_n, 1e-9)).toFixed(1),
    z: gi_star_z.toFixed(2),
    q: q_bh < 0.0001 ? "< 0.0001" : `= ${q_bh.toFixed(4)}`,
  });
}

/** Theft 5 · dispute 2, most frequent first. */
export function kinds({ properties }: Cell): string {
  const counted = Object.entries(properties.kinds).sort(([, a], [, b]) => b - a);
  return counted.map(([kind, n]) => t("hotspots.kind_count", { kind: code("incident", kind), n })).join(t("list.and"));
}

/** Who noticed what was left out of the ranking; empty when nothing was. */
export function leftOut(cells: Cells): string {
  const origins = Object.entries(cells.summary.left_out).filter(([, n]) => n > 0);
  if (!origins.length) return "";
  const words = origins.map(([origin, n]) => t("hotspots.kind_count", { kind: code("origin", origin), n })).join(t("list.and"));
  return t("hotspots.left_out", { n: origins.reduce((sum, [, n]) => sum + n, 0), origins: words });
}
