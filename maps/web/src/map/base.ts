/** One way to make a map: base style, page layers, scale, switching of theme and language in place. */

import { Map as GlMap, ScaleControl, setWorkerUrl, type GeoJSONSource, type LayerSpecification, type StyleSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { t } from "../i18n/index.ts";
import { get } from "../shared/api.ts";
import { prefs, type Language, type Theme } from "../shared/prefs.ts";
import type { RoadNetwork } from "../shared/types.ts";
import { loadAreas } from "./areas.ts";
import { baseLayers, baseSources } from "./style.ts";
import { addSymbols } from "./symbols.ts";

setWorkerUrl(workerUrl);

export type LngLat = [number, number];
export const CITY: [LngLat, LngLat] = [[112.95, 26.05], [114.1, 28.0]];
/** Where the page opens: the four urban districts. */
export const URBAN: [LngLat, LngLat] = [[113.02, 27.74], [113.3, 27.95]];

/** From here on gathered points stand alone, and before it those of which no more than three are close together. */
const SINGLE_ZOOM = 15;

export interface Overlay {
  /** GeoJSON sources of the page, empty at first. */
  sources: string[];
  /** Those of them whose points are gathered into circles until they can be told apart; what a circle sums up of them. */
  gathered?: Record<string, Record<string, unknown>>;
  layers(theme: Theme, language: Language): LayerSpecification[];
  /** What lies under the roads, so that it doesn't hide them. */
  below?(theme: Theme): LayerSpecification[];
}

/** A map with the page's own layers on top; `where` is filled in for the reader of a screen reader. */
export class CityMap {
  readonly gl: GlMap;
  readonly roads: RoadNetwork[];
  private readonly overlay: Overlay;
  private readonly undo: () => void;
  /** Sources that show something. */
  private readonly shown = new Set<string>();

  private constructor(gl: GlMap, roads: RoadNetwork[], overlay: Overlay) {
    this.gl = gl;
    this.roads = roads;
    this.overlay = overlay;
    this.undo = prefs.subscribe(() => this.restyle());
  }

  /** Build the map in `container`; rejects when the browser has no WebGL 2. */
  static async create(container: HTMLElement, overlay: Overlay): Promise<CityMap> {
    const [roads] = await Promise.all([loadRoads(), loadAreas()]);
    const gl = opaque(() => new GlMap({
      container,
      style: firstStyle(roads, overlay),
      bounds: URBAN,
      fitBoundsOptions: { padding: 24 },
      minZoom: 6.5,
      maxZoom: 18,
      maxPitch: 0,
      dragRotate: false,
      attributionControl: false,
      fadeDuration: 120,
      locale: { "Map.Title": t("map.label") },
    }));
    const busy = (is: boolean) => container.setAttribute("aria-busy", String(is));
    gl.on("movestart", () => busy(true));
    gl.on("dataloading", () => busy(true));
    gl.on("idle", () => busy(false));
    gl.touchZoomRotate.disableRotation();
    gl.keyboard.disableRotation();
    gl.addControl(new ScaleControl({ maxWidth: 96, unit: "metric" }), "bottom-left");
    const map = new CityMap(gl, roads, overlay);
    await new Promise<void>((resolve) => gl.once("style.load", () => resolve()));
    gl.style.sky.getEvaluated = () => undefined as never; // seen from straight above there is none, yet it is drawn over the whole canvas
    addSymbols(gl, prefs.theme);
    return map;
  }

  /** Replace what a page source shows. */
  show(source: string, features: GeoJSON.Feature[]): void {
    this.source(source)?.setData({ type: "FeatureCollection", features });
    this.reveal(source, features.length > 0);
  }

  /** Replace some features of a page source, which have ids; take those that are gone away. */
  change(source: string, features: GeoJSON.Feature[], gone: number[]): void {
    void this.source(source)?.updateData({ remove: gone, add: features });
    if (features.length > 0) this.reveal(source, true);
  }

  private source(name: string): GeoJSONSource | undefined {
    return this.gl.getSource<GeoJSONSource>(name);
  }

  /** Hide the layers of a source without anything: to draw nothing costs as much as to draw something. */
  private reveal(source: string, on: boolean): void {
    if (this.shown.has(source) === on) return;
    if (!this.shown.delete(source)) this.shown.add(source);
    for (const layer of [...below(this.overlay), ...this.overlay.layers(prefs.theme, prefs.language)]) {
      if ("source" in layer && layer.source === source) this.gl.setLayoutProperty(layer.id, "visibility", on ? "visible" : "none");
    }
  }

  /** Look closer at what is gathered in a circle, until it falls apart. */
  async open(circle: GeoJSON.Feature<GeoJSON.Point>, source: string): Promise<void> {
    const apart = await this.source(source)?.getClusterExpansionZoom(Number(circle.properties?.["cluster_id"])).catch(() => undefined);
    const [lng, lat] = circle.geometry.coordinates as LngLat;
    this.gl.easeTo({ center: [lng, lat], zoom: Math.max(this.gl.getZoom() + 1, apart ?? 0) });
  }

  remove(): void {
    this.undo();
    this.gl.remove();
  }

  private restyle(): void {
    addSymbols(this.gl, prefs.theme);
    for (const layer of allLayers(this.roads, this.overlay)) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) this.gl.setPaintProperty(layer.id, name as never, value as never);
      for (const [name, value] of Object.entries(layer.layout ?? {})) this.gl.setLayoutProperty(layer.id, name as never, value as never);
    }
  }
}

/** MapLibre asks for a canvas that can be seen through; behind an opaque one the page need not be painted in every frame. */
function opaque(make: () => GlMap): GlMap {
  const { prototype } = HTMLCanvasElement;
  const { getContext } = prototype;
  prototype.getContext = function (this: HTMLCanvasElement, kind: string, attributes?: object) {
    return getContext.call(this, kind, kind === "webgl2" ? { ...attributes, alpha: false } : attributes);
  } as typeof getContext;
  try {
    return make();
  } finally {
    prototype.getContext = getContext;
  }
}

async function loadRoads(): Promise<RoadNetwork[]> {
  const networks = await get<RoadNetwork[] | { items: RoadNetwork[] }>("/roads").catch(() => []);
  return Array.isArray(networks) ? networks : networks.items;
}

const below = (overlay: Overlay): LayerSpecification[] => overlay.below?.(prefs.theme) ?? [];

const allLayers = (roads: RoadNetwork[], overlay: Overlay): LayerSpecification[] => [
  ...baseLayers(prefs.theme, prefs.language, roads, below(overlay)),
  ...overlay.layers(prefs.theme, prefs.language),
];

function firstStyle(roads: RoadNetwork[], overlay: Overlay): StyleSpecification {
  const sources = baseSources(roads);
  for (const name of overlay.sources) {
    const clusterProperties = overlay.gathered?.[name];
    const gather = clusterProperties ? { cluster: true, clusterMaxZoom: SINGLE_ZOOM - 1, clusterRadius: 64, clusterMinPoints: 4, clusterProperties } : {};
    sources[name] = { type: "geojson", data: { type: "FeatureCollection", features: [] }, ...gather };
  }
  const empty = (layers: LayerSpecification[]): LayerSpecification[] => layers.map((layer) => ({ ...layer, layout: { ...layer.layout, visibility: "none" } }) as LayerSpecification);
  const { theme, language } = prefs;
  return { version: 8, sources, layers: [...baseLayers(theme, language, roads, empty(below(overlay))), ...empty(overlay.layers(theme, language))] };
}

