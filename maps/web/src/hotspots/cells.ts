/** Hot cells as a ranked list with their reasons. */

import type { Feature, FeatureCollection, Polygon } from "geojson";
import { t } from "../i18n/index.ts";

export interface CellProperties {
  i?: number;
  j?: number;
  n: number;
  gi_star_z: number | null;
  p_two_sided: number | null;
  q_bh: number | null;
  hot: boolean;
}

export type Cell = Feature<Polygon, CellProperties>;
export type Cells = FeatureCollection<Polygon, CellProperties>;

export const hotCells = (cells: Cells): Cell[] =>
  cells.features.filter((cell) => cell.properties.hot).sort((a, b) => (b.properties.gi_star_z ?? 0) - (a.properties.gi_star_z ?? 0));

export const incidents = (cells: Cells): number => cells.features.reduce((sum, cell) => sum + cell.properties.n, 0);

export function middle(cell: Cell): [number, number] {
  const ring = cell.geometry.coordinates[0] ?? [];
  const corners = ring.slice(0, -1);
  const mean = (axis: 0 | 1): number => corners.reduce((sum, corner) => sum + (corner[axis] ?? 0), 0) / Math.max(1, corners.length);
  return [mean(0), mean(1)];
}

/** The cells that touch this one, by the distance of their middles (at most 1.5 cell sides, as Gi* weighs them: queen). */
export function neighbours(cell: Cell, cells: Cells): Cell[] {
  const [x, y] = middle(cell);
  const ring = cell.geometry.coordinates[0] ?? [];
  const xs = ring.map((corner) => corner[0] ?? 0);
  const ys = ring.map((corner) => corner[1] ?? 0);
  const [width, height] = [Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
  return cells.features.filter((other) => {
    if (other === cell) return false;
    const [ox, oy] = middle(other);
    return Math.abs(ox - x) < 1.4 * width && Math.abs(oy - y) < 1.4 * height;
  });
}

/** Why a cell is hot, in words. */
export function reason(cell: Cell, cells: Cells): string {
  const around = neighbours(cell, cells);
  const { n, gi_star_z, q_bh } = cell.properties;
  return t("hotspots.reason", {
    n,
    neighbours: around.length,
    around: around.reduce((sum, other) => sum + other.properties.n, 0),
    z: (gi_star_z ?? 0).toFixed(2),
    q: formatQ(q_bh ?? 1),
  });
}

const formatQ = (q: number): string => (q < 0.0001 ? "< 0.0001" : q.toFixed(4));
