/** The shapes the API sends. Names and units are the API's own. */

export type UnitState = "free" | "dispatched" | "en_route" | "on_scene" | "off_duty";
export const UNIT_STATES: readonly UnitState[] = ["free", "dispatched", "en_route", "on_scene", "off_duty"];

export type UnitKind = "car" | "motorcycle" | "foot" | "van" | "drone_team" | "command";
export const UNIT_KINDS: readonly UnitKind[] = ["car", "motorcycle", "foot", "van", "drone_team", "command"];

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Me {
  username: string;
  display_name: string;
  roles: string[];
  acts: string[];
}

export interface UnitOut {
  id: number;
  call_sign: string;
  kind: string;
  equipment: string[];
  division: string | null;
  state: string;
  device_id: number | null;
  lon_deg: number | null;
  lat_deg: number | null;
  at: string | null;
  speed_mps: number | null;
  heading_deg: number | null;
}

/** unit_id, lon_deg, lat_deg, heading_deg, speed_mps, accuracy_m, at_epoch_s, state */
export type UnitRow = [number, number | null, number | null, number | null, number | null, number | null, number | null, string];

export interface Assignment {
  id: number;
  unit_id: number;
  state: string;
  dispatched_at: string;
  en_route_at: string | null;
  on_scene_at: string | null;
  clear_at: string | null;
  expected_s: number | null;
}

export interface CallOut {
  id: number;
  kind: string;
  priority: number;
  lon_deg: number;
  lat_deg: number;
  address: string;
  notes: string;
  state: string;
  taken_at: string;
  closed_at: string | null;
  assignments: Assignment[];
}

export interface CallRecord extends CallOut {
  result: string | null;
  events: { at: string; account_id: number | null; what: string; detail: Record<string, unknown> }[];
}

export interface Recommendation {
  unit: { id: number; call_sign: string; kind: string; lon_deg: number; lat_deg: number; at: string };
  time_s: number;
  length_m: number;
  reason: { code: string; values: Record<string, string | number | null> };
  estimated: boolean;
}

export interface AlertOut {
  id: number;
  kind: string;
  severity: string;
  at: string;
  raised_at: string;
  state: string;
  device_id: number | null;
  unit_id: number | null;
  call_sign: string | null;
  area_id: number | null;
  area_name: string | null;
  lon_deg: number | null;
  lat_deg: number | null;
  detail: Record<string, unknown>;
  close_reason: string | null;
}

export interface Delta {
  units?: UnitRow[];
  calls?: CallOut[];
  alerts?: AlertOut[];
}

export interface AreaOut {
  id: number;
  name: string;
  shape: GeoJSON.Polygon | GeoJSON.MultiPolygon;
}

/** at_epoch_s, lon_deg, lat_deg, speed_mps, heading_deg, accuracy_m, flags */
export type TrackRow = [number, number, number, number | null, number | null, number | null, number];

export interface Track {
  unit_id: number;
  columns: string[];
  rows: TrackRow[];
  stops: { start: string; end: string; lon_deg: number; lat_deg: number }[];
  gaps: { start: string; end: string }[];
  length_m: number;
}

export interface RoadNetwork {
  name: string;
  attribution: string;
  synthetic: boolean;
}
