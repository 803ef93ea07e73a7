/** What the server tells an officer about himself: his unit, his call, what to do. */

import type { Assignment, CallOut } from "../shared/types.ts";

interface Words {
  zh: string;
  en: string;
}

export interface Basis {
  law: string;
  article: string | null;
  note: string;
}

export interface Guidance {
  kind: string;
  version: string;
  title: Words;
  reviewed: { state: "draft" | "reviewed"; by: string | null; on: string | null };
  basis: Basis[];
  documents: Words[];
  steps: { id: string; text: Words; basis: unknown[]; done: { at: string; who: string } | null }[];
}

export interface UnitChoice {
  id: number;
  call_sign: string;
  kind: string;
}

export interface My {
  unit: (UnitChoice & { state: string; lon_deg: number | null; lat_deg: number | null; at: string | null }) | null;
  assignment: Assignment | null;
  call: Omit<CallOut, "assignments"> | null;
  guidance: Guidance | null;
  route: GeoJSON.Feature<GeoJSON.LineString, { time_s: number; length_m: number; estimated: boolean }> | null;
}
