/** What the patrol page draws: beats, checkpoints with what was proven, what is being drawn, proposed rounds, evidence. */

import type { Feature } from "geojson";
import type { LayerSpecification } from "maplibre-gl";
import type { LngLat, Overlay } from "../map/base.ts";
import { palette } from "../map/palette.ts";
import { FONT, FONT_BOLD } from "../map/style.ts";
import type { Theme } from "../shared/prefs.ts";
import type { Beat, Checkpoint } from "./tab.ts";

const ROUND = { "line-cap": "round", "line-join": "round" } as const;

export const patrolOverlay: Overlay = {
  sources: ["beats", "rounds", "checkpoints", "evidence", "draft"],
  layers: (theme: Theme): LayerSpecification[] => {
    const colours = palette(theme);
    const halo = { "text-halo-color": colours.labelHalo, "text-halo-width": 1.6 };
    return [
      { id: "beat-fill", type: "fill", source: "beats", paint: { "fill-color": colours.enterprise, "fill-opacity": 0.06 } },
      { id: "beat-line", type: "line", source: "beats", paint: { "line-color": colours.enterprise, "line-width": 2, "line-dasharray": [6, 2, 1, 2] } },
      { id: "beat-name", type: "symbol", source: "beats", layout: { "text-field": ["get", "name"], "text-font": FONT_BOLD, "text-size": 13 }, paint: { "text-color": colours.enterprise, ...halo } },
      { id: "round-casing", type: "line", source: "rounds", layout: ROUND, paint: { "line-color": colours.surface, "line-width": 6 } },
      { id: "round-line", type: "line", source: "rounds", layout: ROUND, paint: { "line-color": colours.trail, "line-width": 2.6, "line-dasharray": [2, 1.4] } },
      { id: "checkpoint-marks", type: "symbol", source: "checkpoints", layout: { "icon-image": ["concat", "check-", ["get", "state"]], "icon-allow-overlap": true, "text-field": ["get", "label"], "text-font": FONT, "text-size": 11.5, "text-offset": [0, 1.3], "text-anchor": "top", "text-optional": true }, paint: { "text-color": colours.ink, ...halo } },
      { id: "evidence-points", type: "circle", source: "evidence", paint: { "circle-radius": 6, "circle-color": colours.trail, "circle-stroke-color": colours.surface, "circle-stroke-width": 2 } },
      { id: "evidence-times", type: "symbol", source: "evidence", layout: { "text-field": ["get", "label"], "text-font": FONT_BOLD, "text-size": 12, "text-anchor": "left", "text-offset": [0.9, 0], "text-optional": true }, paint: { "text-color": colours.ink, ...halo } },
      { id: "draft-fill", type: "fill", source: "draft", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colours.selection, "fill-opacity": 0.14 } },
      { id: "draft-line", type: "line", source: "draft", filter: ["!=", ["geometry-type"], "Point"], layout: ROUND, paint: { "line-color": colours.selection, "line-width": 2.6 } },
      { id: "draft-points", type: "circle", source: "draft", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 5, "circle-color": colours.surface, "circle-stroke-color": colours.selection, "circle-stroke-width": 2.4 } },
    ];
  },
};

export const point = ([lon, lat]: LngLat, properties: Record<string, unknown> = {}): Feature => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [lon, lat] } });

export const beatFeatures = (beats: Beat[]): Feature[] => beats.map((beat) => ({ type: "Feature", properties: { name: beat.name }, geometry: beat.shape }));

/** `states`: what is proven of each checkpoint, by its number; `labels` where something else than the name is to be read. */
export const checkpointFeatures = (places: Checkpoint[], states: ReadonlyMap<number, string> = new Map(), labels: ReadonlyMap<number, string> = new Map()): Feature[] =>
  places.map((place) => point([place.lon_deg, place.lat_deg], { state: states.get(place.id) ?? "none", label: labels.get(place.id) ?? place.name }));

/** Corners as they are set: points, a line, and from three on the ground between them. */
export function draftFeatures(corners: LngLat[]): Feature[] {
  const line: Feature[] = corners.length < 2 ? [] : [{ type: "Feature", properties: {}, geometry: corners.length < 3 ? { type: "LineString", coordinates: corners } : { type: "Polygon", coordinates: [[...corners, corners[0]!]] } }];
  return [...line, ...corners.map((corner) => point(corner))];
}

export const lineThrough = (places: LngLat[]): Feature => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: places } });
