/** What the live map draws on top of the base map, and the features it is drawn from. */

import type { Feature } from "geojson";
import type { ExpressionSpecification, LayerSpecification } from "maplibre-gl";
import type { CityMap, Overlay } from "../map/base.ts";
import { palette } from "../map/palette.ts";
import { FONT, FONT_BOLD } from "../map/style.ts";
import { NIB_OFFSET } from "../map/symbols.ts";
import type { Theme } from "../shared/prefs.ts";
import { duration } from "../shared/time.ts";
import { UNIT_KINDS, UNIT_STATES, type AlertOut, type AreaOut, type CallOut } from "../shared/types.ts";
import { placed } from "../shared/place.ts";
import { isStale, type Unit } from "../shared/world.ts";

/** Below this zoom units are small outlines; from here on they carry their picture and heading. */
const SYMBOL_ZOOM = 11;
/** A little smaller while the whole town is in sight. */
const SYMBOL_SIZE: ExpressionSpecification = ["interpolate", ["linear"], ["zoom"], 11, 0.72, 13, 1];

/** `order` of a free unit that is not stale. */
const FREE = 1;

export const CLICKABLE = ["call-pins", "units-bodies", "units-many-bodies", "clusters", "alert-marks"];

export const liveOverlay: Overlay = {
  sources: ["heat", "coverage", "posts", "beats", "checkpoints", "closures", "areas-live", "area-names", "trail", "links", "units", "units-many", "selected", "alerts", "calls", "picked"],
  gathered: { "units-many": { free: ["+", ["case", ["==", ["get", "order"], FREE], 1, 0]] } },
  below: reachLayers,
  layers: (theme: Theme): LayerSpecification[] => [
    ...groundLayers(theme),
    ...unitLayers(theme, "units"),
    ...unitLayers(theme, "units-many"),
    ...clusterLayers(theme),
    ...pinLayers(theme),
  ],
};

/** The ground of each limit lies on that of the next: the sooner somebody is there, the deeper the colour. */
function reachLayers(theme: Theme): LayerSpecification[] {
  const { trail } = palette(theme);
  return [
    { id: "coverage-fill", type: "fill", source: "coverage", paint: { "fill-color": trail, "fill-opacity": ["match", ["get", "limit_s"], 180, 0.18, 300, 0.14, 0.1], "fill-antialias": false } },
    { id: "coverage-line", type: "line", source: "coverage", layout: { "line-join": "round" }, paint: { "line-color": trail, "line-width": 1, "line-opacity": 0.6 } },
  ];
}

function groundLayers(theme: Theme): LayerSpecification[] {
  const colours = palette(theme);
  return [
    { id: "beat-line", type: "line", source: "beats", paint: { "line-color": colours.enterprise, "line-width": 2, "line-dasharray": [6, 2, 1, 2] } },
    { id: "beat-name", type: "symbol", source: "beats", minzoom: 11, layout: { "text-field": ["get", "name"], "text-font": FONT_BOLD, "text-size": 13, "symbol-placement": "point" }, paint: { "text-color": colours.enterprise, "text-halo-color": colours.labelHalo, "text-halo-width": 1.6 } },
    { id: "heat-ground", type: "heatmap", source: "heat", maxzoom: 16, paint: { "heatmap-radius": ["interpolate", ["exponential", 2], ["zoom"], 9, 8, 15, 60], "heatmap-intensity": 0.7, "heatmap-opacity": 0.6, "heatmap-color": heatColours(colours.heat) } },
    { id: "post-moves", type: "line", source: "posts", filter: ["==", ["geometry-type"], "LineString"], paint: { "line-color": colours.trail, "line-width": 2.4, "line-dasharray": [1, 1.4] } },
    { id: "post-marks", type: "circle", source: "posts", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 12, "circle-color": colours.surface, "circle-stroke-color": colours.trail, "circle-stroke-width": 2.6 } },
    { id: "post-counts", type: "symbol", source: "posts", filter: ["==", ["geometry-type"], "Point"], layout: { "text-field": ["concat", "P", ["get", "units"]], "text-font": FONT_BOLD, "text-size": 11, "text-allow-overlap": true }, paint: { "text-color": colours.trail } },
    { id: "closure-casing", type: "line", source: "closures", layout: { "line-cap": "butt" }, paint: { "line-color": colours.surface, "line-width": 9 } },
    { id: "closure-line", type: "line", source: "closures", layout: { "line-cap": "butt" }, paint: { "line-color": colours.priority[1]!, "line-width": 6, "line-dasharray": [1, 0.8] } },
    { id: "area-fill", type: "fill", source: "areas-live", paint: { "fill-color": colours.area, "fill-opacity": 0.07 } },
    { id: "area-line", type: "line", source: "areas-live", paint: { "line-color": colours.area, "line-width": 1.6, "line-dasharray": [3, 2] } },
    { id: "area-name", type: "symbol", source: "area-names", minzoom: 11.5, layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 12 }, paint: { "text-color": colours.area, "text-halo-color": colours.labelHalo, "text-halo-width": 1.4 } },
    { id: "trail-casing", type: "line", source: "trail", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colours.surface, "line-width": 6, "line-opacity": 0.9 } },
    { id: "trail-line", type: "line", source: "trail", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colours.trail, "line-width": 3 } },
    { id: "link-lines", type: "line", source: "links", layout: { "line-cap": "round" }, paint: { "line-color": colours.selection, "line-width": 2, "line-dasharray": [0.5, 2] } },
    { id: "checkpoint-marks", type: "symbol", source: "checkpoints", minzoom: 10.5, layout: { "icon-image": ["concat", "check-", ["get", "state"]], "icon-allow-overlap": true, "text-field": ["step", ["zoom"], "", 13, ["get", "name"]], "text-font": FONT, "text-size": 11.5, "text-offset": [0, 1.3], "text-anchor": "top", "text-optional": true }, paint: { "text-color": colours.ink, "text-halo-color": colours.labelHalo, "text-halo-width": 1.5 } },
    { id: "alert-marks", type: "symbol", source: "alerts", layout: { "icon-image": ["concat", "alert-", ["get", "severity"]], "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": 0.85 } },
    { id: "selection-ring", type: "symbol", source: "selected", layout: { "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-image": "selection" } },
  ];
}

/** From nothing over the steps of the palette to the densest. */
const heatColours = (heat: [number, string][]): ExpressionSpecification =>
  ["interpolate", ["linear"], ["heatmap-density"], 0, `${heat[0]![1]}00`, ...heat.flatMap(([, colour], i) => [(i + 0.6) / heat.length, colour])] as unknown as ExpressionSpecification;

function unitLayers(theme: Theme, source: "units" | "units-many"): LayerSpecification[] {
  const colours = palette(theme);
  const free = { "icon-allow-overlap": true, "icon-ignore-placement": true } as const;
  const order: ExpressionSpecification = ["get", "order"];
  const single: ExpressionSpecification = ["!", ["has", "point_count"]];
  return [
    { id: `${source}-nibs`, type: "symbol", source, minzoom: SYMBOL_ZOOM, filter: ["has", "heading"], layout: { ...free, "icon-image": ["get", "nib"], "icon-offset": NIB_OFFSET, "icon-rotate": ["get", "heading"], "icon-rotation-alignment": "map", "icon-size": SYMBOL_SIZE, "symbol-sort-key": order } },
    { id: `${source}-bodies`, type: "symbol", source, filter: single, layout: { ...free, "icon-image": ["step", ["zoom"], ["get", "dot"], SYMBOL_ZOOM, ["get", "icon"]], "icon-size": SYMBOL_SIZE, "symbol-sort-key": order } },
    {
      id: `${source}-names`, type: "symbol", source, minzoom: 12.6, filter: single,
      layout: { "text-field": ["get", "label"], "text-font": FONT, "text-size": 11.5, "text-offset": [0, 1.7], "text-anchor": "top", "text-padding": 1, "symbol-sort-key": ["-", order] },
      paint: { "text-color": ["case", ["get", "stale"], colours.staleInk, colours.ink], "text-halo-color": colours.labelHalo, "text-halo-width": 1.5 },
    },
  ];
}

/** Circles where more units stand than can be told apart: how many, and below how many of them are free. */
function clusterLayers(theme: Theme): LayerSpecification[] {
  const colours = palette(theme);
  const counts: ExpressionSpecification = ["format", ["get", "point_count_abbreviated"], {}, "\n", {}, ["concat", "●", ["get", "free"]], { "font-scale": 0.85, "text-color": colours.state["free"]! }];
  return [
    { id: "clusters", type: "circle", source: "units-many", filter: ["has", "point_count"], paint: { "circle-color": colours.surface, "circle-radius": ["interpolate", ["linear"], ["sqrt", ["get", "point_count"]], 2, 20, 32, 32], "circle-stroke-color": colours.selection, "circle-stroke-width": 2 } },
    { id: "cluster-counts", type: "symbol", source: "units-many", filter: ["has", "point_count"], layout: { "text-field": counts, "text-font": FONT_BOLD, "text-size": 13, "text-line-height": 1.05, "text-allow-overlap": true, "text-ignore-placement": true }, paint: { "text-color": colours.ink } },
  ];
}

function pinLayers(theme: Theme): LayerSpecification[] {
  const colours = palette(theme);
  return [
    {
      id: "call-pins", type: "symbol", source: "calls",
      layout: {
        "icon-image": ["concat", "call-", ["get", "priority"]], "icon-anchor": "bottom", "icon-allow-overlap": true, "icon-ignore-placement": true,
        "text-field": ["get", "age"], "text-font": FONT_BOLD, "text-size": 12, "text-anchor": "left", "text-offset": [1.4, -1.9], "text-allow-overlap": true, "text-ignore-placement": true,
        "symbol-sort-key": ["-", ["get", "priority"]],
      },
      paint: { "text-color": colours.ink, "text-halo-color": colours.labelHalo, "text-halo-width": 1.8 },
    },
    { id: "picked-pin", type: "symbol", source: "picked", layout: { "icon-image": ["concat", "call-", ["get", "priority"]], "icon-anchor": "bottom", "icon-allow-overlap": true, "icon-size": 1.15 } },
  ];
}

const point = (lon_deg: number, lat_deg: number, properties: Record<string, unknown>, id?: number): Feature => ({
  type: "Feature",
  ...(id === undefined ? {} : { id }),
  properties,
  geometry: { type: "Point", coordinates: [lon_deg, lat_deg] },
});

const KNOWN_KINDS: readonly string[] = UNIT_KINDS;
const KNOWN_STATES: readonly string[] = UNIT_STATES;

/** A unit where it is drawn (which may be on its way between two fixes). */
export function unitFeature(unit: Unit, lon_deg: number, lat_deg: number, now_ms: number): Feature {
  const stale = isStale(unit, now_ms);
  const state = KNOWN_STATES.includes(unit.state) ? unit.state : "free";
  const look = stale ? `${state}-stale` : state;
  const moving = unit.heading_deg !== null && (unit.speed_mps ?? 0) > 0.5;
  return point(lon_deg, lat_deg, {
    id: unit.id,
    icon: `unit-${KNOWN_KINDS.includes(unit.kind) ? unit.kind : "other"}-${look}`,
    dot: `dot-${look}`,
    nib: `nib-${look}`,
    ...(moving ? { heading: unit.heading_deg } : {}),
    label: stale && unit.at_ms !== null ? `${unit.callSign}\n${duration((now_ms - unit.at_ms) / 1000)}` : unit.callSign,
    stale,
    order: stale ? 0 : FREE + KNOWN_STATES.indexOf(state),
  }, unit.id);
}

export const callFeatures = (calls: Iterable<CallOut>, now_ms: number): Feature[] =>
  [...calls].filter(placed).map((call) => point(call.lon_deg, call.lat_deg, { id: call.id, priority: Math.min(4, Math.max(1, call.priority)), age: duration((now_ms - Date.parse(call.taken_at)) / 1000) }));

export const alertFeatures = (alerts: Iterable<AlertOut>): Feature[] =>
  [...alerts].flatMap((alert) => (alert.lon_deg === null || alert.lat_deg === null ? [] : [point(alert.lon_deg, alert.lat_deg, { id: alert.id, severity: alert.severity })]));

export const spot = (lon_deg: number, lat_deg: number, priority = 3): Feature[] => [point(lon_deg, lat_deg, { priority })];

/** An area's name at the middle of its outline. */
const areaNames = (areas: AreaOut[]): Feature[] =>
  areas.map((area) => {
    const corners = (area.shape.type === "Polygon" ? area.shape.coordinates : area.shape.coordinates.flat()).flat();
    const mean = (axis: 0 | 1): number => corners.reduce((sum, corner) => sum + (corner[axis] ?? 0), 0) / corners.length;
    return point(mean(0), mean(1), { name: area.name });
  });

const areaFeatures = (areas: AreaOut[]): Feature[] =>
  areas.map((area) => ({ type: "Feature", properties: { name: area.name }, geometry: area.shape }));

export function drawAreas(map: CityMap, areas: AreaOut[]): void {
  map.show("areas-live", areaFeatures(areas));
  map.show("area-names", areaNames(areas));
}
