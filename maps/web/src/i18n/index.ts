/** Words on screen. `zh` names the keys; `en` must have the same ones (the compiler checks both ways). */

import { prefs } from "../shared/prefs.ts";
import { en } from "./en.ts";
import { zh } from "./zh.ts";

export type Key = keyof typeof zh;
const TABLES: Record<"zh" | "en", Record<Key, string>> = { zh, en };

/** The words for a key, with {name} filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return TABLES[prefs.language][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The words for a code the server sends: `unit.state` + `free`; a code without words is shown as it is. */
export function code(family: string, value: string): string {
  const key = `${family}.${value}`;
  return key in zh ? t(key as Key) : value.replaceAll("_", " ");
}
