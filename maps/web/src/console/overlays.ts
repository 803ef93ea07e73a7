/** What is drawn on the map on request: reach in 3, 5 and 10 minutes, posts to wait at, beats, checkpoints, closed roads, past calls. */

import type { CityMap } from "../map/base.ts";
import { all, get, query } from "../shared/api.ts";
import { placed, type Placed } from "../shared/place.ts";
import { line } from "../shared/track.ts";
import type { CallOut, Page } from "../shared/types.ts";
import { world } from "../shared/world.ts";

export const LAYERS = ["coverage", "posts", "beats", "checkpoints", "closures", "heat"] as const;
type Layer = (typeof LAYERS)[number];

/** Coverage and compliance change as units move; closures are made by colleagues. */
const EVERY_MS: Record<Layer, number> = { coverage: 15_000, posts: 60_000, beats: 300_000, checkpoints: 60_000, closures: 10_000, heat: 300_000 };
const DAY_MS = 86_400_000;
/** Past calls are drawn from this many pages, the newest first. */
const HEAT_PAGES = 5;

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

/** Where free units had better wait, and which of them should move there; advice only. */
export interface Advice {
  calls: number;
  covered_share: number;
  limit_s: number;
  posts: { lon_deg: number; lat_deg: number; units: number }[];
  moves: { unit_id: number; call_sign: string; lon_deg: number; lat_deg: number; gain_share: number; time_s: number }[];
}

export const advice = (): Promise<Advice> => get<Advice>("/posts/advice");

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

/** Posts as marks with the number of units, and a line from each unit that had better go to one. */
async function postFeatures(): Promise<GeoJSON.Feature[]> {
  const { posts, moves } = await advice();
  const lines = moves.flatMap((move): GeoJSON.Feature[] => {
    const unit = world.units.get(move.unit_id);
    return unit && placed(unit) ? [line([[unit.lon_deg, unit.lat_deg], [move.lon_deg, move.lat_deg]])] : [];
  });
  return [...lines, ...posts.map((post): GeoJSON.Feature => ({ type: "Feature", properties: { units: post.units }, geometry: { type: "Point", coordinates: [post.lon_deg, post.lat_deg] } }))];
}

/** The newest calls that have a place, open or closed. */
async function pastCalls(): Promise<GeoJSON.Feature[]> {
  const found: GeoJSON.Feature[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < HEAT_PAGES; page += 1) {
    const calls: Page<CallOut> = await get<Page<CallOut>>(`/calls${query({ limit: 200, cursor })}`);
    found.push(...calls.items.filter(placed).map((call): GeoJSON.Feature => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [call.lon_deg, call.lat_deg] } })));
    cursor = calls.next_cursor;
    if (cursor === null) break;
  }
  return found;
}

const FEATURES: Record<Layer, (map: CityMap) => Promise<GeoJSON.Feature[]>> = {
  coverage: async () => (await get<GeoJSON.FeatureCollection>("/coverage")).features,
  posts: postFeatures,
  heat: pastCalls,
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
