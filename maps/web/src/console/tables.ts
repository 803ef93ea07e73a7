/** The tables of dispatch, as the server is configured: kinds of calls with their questions and templates, results, timers. */

import { prefs } from "../shared/prefs.ts";
import { get } from "../shared/api.ts";
import type { CallOut } from "../shared/types.ts";

export interface Words {
  zh: string;
  en: string;
}

export interface Question {
  id: string;
  text: Words;
  answer: "yes_no" | "text" | "choice";
  choices: { code: string; name: Words }[];
}

export interface Kind {
  code: string;
  name: Words;
  group: string;
  mnemonic: string;
  priority: number;
  questions: Question[];
  templates: { id: string; text: Words }[];
}

export interface Tables {
  kinds: Kind[];
  results: { code: string; name: Words }[];
  refusals: { code: string; name: Words }[];
  timers: { sign_for_s: number; accept_s: number; proposal_s: number; set_out_s: number; feedback_s: number };
  targets: { town_s: number; edge_s: number };
}

export interface Similar {
  call: CallOut;
  score: number;
  why: { seconds: number; distance_m: number | null; same_kind: boolean; words: number };
}

export interface Place {
  name: string;
  kind: string;
  lon_deg: number;
  lat_deg: number;
  detail: string | null;
}

/** In the reader's language. */
export const say = (words: Words): string => words[prefs.language];

let loading: Promise<Tables> | null = null;

/** Load the tables once; a failure is tried again next time. */
export function loadTables(): Promise<Tables> {
  loading ??= get<Tables>("/dispatch/tables").catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}
