/** What is drawn on the map on request: what free units reach in 3, 5 and 10 minutes, beats, checkpoints, closed roads. */

import type { CityMap } from "../map/base.ts";
import { all, get } from "../shared/api.ts";
import type { Placed } from "../shared/place.ts";

export const LAYERS = ["coverage", "beats", "checkpoints", "closures"] as const;
type Layer = (typeof LAYERS)[number];

/** Coverage and compliance change as units move; closures are made by colleagues. */
const EVERY_MS: Record<Layer, number> = { coverage: 15_000, beats: 300_000, checkpoints: 60_000, closures: 10_000 };
const DAY_MS = 86_400_000;

interface Beat {
  name: string;
  shape: GeoJSON.MultiPolygon;
}

interface Checkpoint extends Placed {
  id: number;
  name: string;
}

export interface Closure {
  id: number;
  reason: string;
  lines: GeoJSON.MultiLineString;
  until: string | null;
}

/** `visited`, `too_short`, `missed`, `unproven`, `pending`: the first that a plan of today says; else none. */
type States = Map<number, string>;

const point = (place: Checkpoint, state: string): GeoJSON.Feature => ({ type: "Feature", properties: { name: place.name, state }, geometry: { type: "Point", coordinates: [place.lon_deg, place.lat_deg] } });

async function compliance(): Promise<States> {
  const states: States = new Map();
  const now = Date.now();
  const span = new URLSearchParams({ start: new Date(now - DAY_MS / 2).toISOString(), end: new Date(now).toISOString() });
  const plans = await get<{ items: { id: number }[] }>(`/patrols/plans?${span}`);
  for (const { id } of plans.items.slice(0, 20)) {
    const told = await get<{ stops: { checkpoint_id: number; state: string }[] }>(`/patrols/compliance?plan_id=${id}`).catch(() => null);
    for (const stop of told?.stops ?? []) states.set(stop.checkpoint_id, stop.state);
  }
  return states;
}

export async function closures(map: CityMap): Promise<Closure[]> {
  const found = await Promise.all(map.roads.map(({ name }) => get<Closure[]>(`/roads/${encodeURIComponent(name)}/closures`).catch(() => [])));
  return found.flat();
}

const FEATURES: Record<Layer, (map: CityMap) => Promise<GeoJSON.Feature[]>> = {
  coverage: async () => (await get<GeoJSON.FeatureCollection>("/coverage")).features,
  beats: async () => (await all<Beat>("/beats?active=true")).map((beat) => ({ type: "Feature", properties: { name: beat.name }, geometry: beat.shape })),
  checkpoints: async () => {
    const [places, states] = await Promise.all([all<Checkpoint>("/checkpoints?active=true"), compliance().catch((): States => new Map())]);
    return places.map((place) => point(place, states.get(place.id) ?? "none"));
  },
  closures: async (map) => (await closures(map)).map((one) => ({ type: "Feature", properties: { reason: one.reason }, geometry: one.lines })),
};

const running = new Map<Layer, ReturnType<typeof setInterval>>();

/** Draw the layers that are wanted and keep them fresh; take the others off the map. */
export async function drawLayers(map: CityMap, wanted: ReadonlySet<string>): Promise<void> {
  const draw = async (layer: Layer): Promise<void> => {
    const features = await FEATURES[layer](map).catch(() => null);
    if (features && running.has(layer)) map.show(layer, features);
  };
  await Promise.all(LAYERS.map(async (layer) => {
    if (!wanted.has(layer)) {
      clearInterval(running.get(layer));
      running.delete(layer);
      return map.show(layer, []);
    }
    if (!running.has(layer)) running.set(layer, setInterval(() => void draw(layer), EVERY_MS[layer]));
    await draw(layer);
  }));
}

export function stopLayers(): void {
  for (const timer of running.values()) clearInterval(timer);
  running.clear();
}
