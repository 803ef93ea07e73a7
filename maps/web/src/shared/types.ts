/** The shapes the API sends. Names and units are the API's own. */

export type UnitState = "free" | "reserved" | "dispatched" | "accepted" | "en_route" | "on_scene" | "off_duty";
export const UNIT_STATES: readonly UnitState[] = ["free", "reserved", "dispatched", "accepted", "en_route", "on_scene", "off_duty"];
/** States of an assignment that is over. */
export const OVER: readonly string[] = ["clear", "refused", "withdrawn"];

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
  stale_after_s: number;
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
  proposed_at: string | null;
  dispatched_at: string | null;
  accepted_at: string | null;
  en_route_at: string | null;
  on_scene_at: string | null;
  clear_at: string | null;
  expected_s: number | null;
  /** When it will arrive as far as is known now. */
  eta_at: string | null;
  way: "on_route" | "off_route" | "stopped" | "silent" | null;
  reason: string | null;
  by_machine: boolean;
}

export interface CallOut {
  id: number;
  kind: string;
  priority: number;
  /** Null while the place is unknown, as is lat_deg. */
  lon_deg: number | null;
  lat_deg: number | null;
  address: string;
  notes: string;
  answers: Record<string, string>;
  division: string | null;
  outside: boolean;
  state: string;
  taken_at: string;
  signed_at: string | null;
  feedback_at: string | null;
  closed_at: string | null;
  result_code: string | null;
  assignments: Assignment[];
}

export interface CallRecord extends CallOut {
  result: string | null;
  events: CallEvent[];
  links: { call_id: number; kind: string; at: string }[];
}

export interface CallEvent {
  at: string;
  account_id: number | null;
  who: string | null;
  what: string;
  detail: Record<string, unknown>;
}

export interface Recommendation {
  unit: { id: number; call_sign: string; kind: string; lon_deg: number; lat_deg: number; at: string };
  time_s: number;
  length_m: number;
  mode: "drive" | "walk";
  reason: { code: string; values: Record<string, string | number | null> };
  estimated: boolean;
  /** What would be left uncovered without the unit; null where that is not known. */
  leaves: { minutes: number; lost_share: number; beats: { name: string; lost_share: number }[]; places: [number, number][] } | null;
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
  corrects: number | null;
  corrected_by: number | null;
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

/** A BeiDou short message, in either direction. */
export interface ShortMessage {
  id: number;
  device_id: number;
  call_sign: string | null;
  direction: "in" | "out";
  at: string;
  text: string | null;
  calls_for_help: boolean;
  sent_at: string | null;
}
