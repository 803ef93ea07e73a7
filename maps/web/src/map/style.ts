/** The base map as a style built in code: no glyph server (local fonts draw the labels), no other host. */

import type { ExpressionSpecification, LayerSpecification, SourceSpecification } from "maplibre-gl";
import type { Language, Theme } from "../shared/prefs.ts";
import type { RoadNetwork } from "../shared/types.ts";
import { areas } from "./areas.ts";
import { palette, type Palette } from "./palette.ts";

export const FONT = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei"];
/** MapLibre reads the weight off the last name. */
export const FONT_BOLD = [...FONT, "Bold"];

type RoadClass = "minor" | "main" | "motorway";

const ROAD_CLASSES: { id: string; highways: string[]; minzoom: number; width: [number, number][] }[] = [
  { id: "minor", highways: ["tertiary", "unclassified", "residential", "living_street", "service", "tertiary_link", "road", ""], minzoom: 11.5, width: [[11, 0.4], [14, 2], [17, 9]] },
  { id: "main", highways: ["primary", "secondary", "primary_link", "secondary_link"], minzoom: 9, width: [[9, 0.4], [12, 1.4], [14, 3.4], [17, 13]] },
  { id: "motorway", highways: ["motorway", "trunk", "motorway_link", "trunk_link"], minzoom: 6, width: [[7, 0.5], [10, 1.4], [14, 4.5], [17, 15]] },
];

const byZoom = (stops: [number, number][], plus = 0): ExpressionSpecification =>
  ["interpolate", ["exponential", 1.5], ["zoom"], ...stops.flatMap(([zoom, value]) => [zoom, value + plus])] as ExpressionSpecification;

export function baseSources(roads: RoadNetwork[]): Record<string, SourceSpecification> {
  const sources: Record<string, SourceSpecification> = {
    ground: { type: "geojson", data: areas.ground },
    places: { type: "geojson", data: "/basemap/places" },
    "division-points": { type: "geojson", data: areas.divisionPoints() },
    "neighbour-points": { type: "geojson", data: areas.neighbourPoints() },
  };
  for (const { name } of roads) {
    const tiles = [`${location.origin}/roads/${encodeURIComponent(name)}/{z}/{x}/{y}.mvt`];
    sources[`roads-${name}`] = { type: "vector", tiles, minzoom: 6, maxzoom: 14 };
  }
  return sources;
}

/**
 * All layers of the base map, below what a page adds but for `below`, which lies under the roads. Lines and fills of one source stand together: wherever the
 * source changes, the whole screen is masked anew, and that is what a frame costs where no graphics card helps.
 */
export function baseLayers(theme: Theme, language: Language, roads: RoadNetwork[], below: LayerSpecification[]): LayerSpecification[] {
  const colours = palette(theme);
  return [
    ...ground(colours),
    ...borders(colours),
    ...below,
    ...roads.flatMap((network) => roadLayers(network.name, colours)),
    ...labels(colours, language, roads),
  ];
}

const only = (what: string): ExpressionSpecification => ["==", ["get", "of"], what];

function ground(colours: Palette): LayerSpecification[] {
  return [
    { id: "land", type: "background", paint: { "background-color": colours.land } },
    { id: "outside", type: "fill", source: "ground", filter: only("outside"), paint: { "fill-color": colours.outside } },
    { id: "neighbours", type: "fill", source: "ground", filter: only("context"), paint: { "fill-color": colours.neighbour } },
    { id: "neighbour-lines", type: "line", source: "ground", filter: only("context"), maxzoom: 11, paint: { "line-color": colours.neighbourLine, "line-width": 0.8 } },
    { id: "water", type: "line", source: "ground", filter: only("river"), layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colours.water, "line-width": byZoom([[8, 2], [11, 5], [13, 14], [16, 110]]) } },
  ];
}

function roadLayers(name: string, colours: Palette): LayerSpecification[] {
  const of = (kind: (typeof ROAD_CLASSES)[number], casing: boolean): LayerSpecification => ({
    id: `roads-${name}-${kind.id}${casing ? "-casing" : ""}`,
    type: "line",
    source: `roads-${name}`,
    "source-layer": "roads",
    minzoom: casing ? Math.max(12, kind.minzoom) : kind.minzoom,
    filter: ["in", ["coalesce", ["get", "highway"], ""], ["literal", kind.highways]],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: {
      "line-color": casing ? colours.road.casing : ["interpolate", ["linear"], ["zoom"], 11.5, colours.road.far[kind.id as RoadClass], 13.5, colours.road[kind.id as RoadClass]],
      "line-width": byZoom(kind.width, casing ? 1.4 : 0),
    },
  });
  return [...ROAD_CLASSES.map((kind) => of(kind, true)), ...ROAD_CLASSES.map((kind) => of(kind, false))];
}

function borders(colours: Palette): LayerSpecification[] {
  return [
    { id: "division-lines", type: "line", source: "ground", filter: only("counties"), layout: { "line-join": "round" }, paint: { "line-color": colours.division, "line-width": byZoom([[8, 0.8], [13, 1.6]]), "line-dasharray": [4, 2] } },
    { id: "city-line", type: "line", source: "ground", filter: only("city"), layout: { "line-join": "round" }, paint: { "line-color": colours.cityLine, "line-width": byZoom([[7, 1.2], [13, 2.4]]) } },
  ];
}

function labels(colours: Palette, language: Language, roads: RoadNetwork[]): LayerSpecification[] {
  const name: ExpressionSpecification = ["coalesce", ["get", `name_${language}`], ["get", "name_zh"]];
  const halo = { "text-halo-color": colours.labelHalo, "text-halo-width": 1.4 };
  return [
    ...roads.map((network): LayerSpecification => ({
      id: `roads-${network.name}-names`, type: "symbol", source: `roads-${network.name}`, "source-layer": "roads", minzoom: 14,
      layout: { "symbol-placement": "line", "text-field": ["coalesce", ["get", "name"], ""], "text-font": FONT, "text-size": 11, "symbol-spacing": 400 },
      paint: { "text-color": colours.placeLabel, ...halo },
    })),
    {
      id: "river-name", type: "symbol", source: "ground", filter: only("river"), minzoom: 10,
      layout: { "symbol-placement": "line", "text-field": name, "text-font": FONT, "text-size": 13, "text-letter-spacing": 0.4, "symbol-spacing": 500 },
      paint: { "text-color": colours.waterLabel, "text-halo-color": colours.water, "text-halo-width": 1 },
    },
    {
      id: "place-names", type: "symbol", source: "places", minzoom: 11,
      layout: { "text-field": name, "text-font": FONT, "text-size": 12, "text-optional": true },
      paint: { "text-color": colours.placeLabel, ...halo },
    },
    {
      id: "neighbour-names", type: "symbol", source: "neighbour-points", maxzoom: 11,
      layout: { "text-field": name, "text-font": FONT, "text-size": 13, "text-letter-spacing": 0.15 },
      paint: { "text-color": colours.neighbourLabel, "text-halo-color": colours.neighbour, "text-halo-width": 1 },
    },
    {
      id: "division-names", type: "symbol", source: "division-points", maxzoom: 14.5,
      layout: { "text-field": name, "text-font": FONT_BOLD, "text-size": byZoom([[8, 12], [12, 16]]), "text-letter-spacing": 0.08, "text-padding": 4 },
      paint: { "text-color": colours.label, ...halo },
    },
  ];
}
