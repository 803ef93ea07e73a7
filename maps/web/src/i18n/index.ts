/**
 * Words on screen. The base table is always there; a part that is loaded later brings its own words and calls `learn`.
 * `zh` names the keys; `en` must have the same ones (the compiler checks both ways).
 */

import { prefs, type Language } from "../shared/prefs.ts";
import { dayMinute } from "../shared/time.ts";
import type { consoleZh } from "./console.zh.ts";
import { en } from "./en.ts";
import type { officerZh } from "./officer.zh.ts";
import type { planningZh } from "./planning.zh.ts";
import type { operatorZh } from "./operator.zh.ts";
import { zh } from "./zh.ts";

export type Key = keyof typeof zh | keyof typeof consoleZh | keyof typeof officerZh | keyof typeof operatorZh | keyof typeof planningZh;
const tables: Record<Language, Record<string, string>> = { zh: { ...zh }, en: { ...en } };

/** Add the words of a part that was loaded just now. */
export function learn<Words extends Record<string, string>>(chinese: Words, english: Record<keyof Words, string>): void {
  Object.assign(tables.zh, chinese);
  Object.assign(tables.en, english);
}

/** The words for a key, with {name} filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return (tables[prefs.language][key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The words for a code the server sends: `unit.state` + `free`; a code without words is shown as it is. */
export function code(family: string, value: string): string {
  return named(family, value) ? t(`${family}.${value}` as Key) : value.replaceAll("_", " ");
}

/** Whether a code has words. */
export const named = (family: string, value: string): boolean => `${family}.${value}` in tables.zh;

/** A sentence of the server: its English pattern, and the values in it. */
export interface Told {
  sentence: string;
  values: Record<string, unknown>;
}

/** The server's sentences in Chinese. They come behind the first load: a page stands before anything can be refused. */
let sentences: Record<string, string> = {};
void import("./sentences.zh.ts").then((table) => (sentences = table.sentencesZh)).catch(() => undefined);

/** What the server says, in the reader's language; null where there are no words for it. */
export function say(told: Told): string | null {
  const pattern = prefs.language === "en" ? told.sentence : sentences[told.sentence];
  return pattern === undefined ? null : pattern.replace(/\{(\w+)(?:\|([\w.]+))?\}/g, (whole, name: string, family?: string) => filled(told.values[name] ?? whole, family));
}

function filled(value: unknown, family?: string): string {
  if (typeof value === "object" && value !== null) return say(value as Told) ?? "";
  if (family === "moment") return moment(String(value));
  return family ? code(family, String(value)) : String(value);
}

/** A time of UTC as a sentence names it (2026-11-21 08:00 UTC, 2026-11-21T08), in the reader's time. */
const moment = (at: string): string => dayMinute(`${at.slice(0, 10)}T${`${at.slice(11, 16)}:00`.slice(0, 5)}Z`);
