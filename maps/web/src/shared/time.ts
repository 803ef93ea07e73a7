/** Beijing time and durations on screen. Everything arrives as UTC; only this file knows the zone. */

import { t } from "../i18n/index.ts";

const ZONE = "Asia/Shanghai";
const clock = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minute = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit" });

/** 13:04:55 */
export const clockTime = (at: Date | number): string => clock.format(at);
/** 13:04 */
export const clockMinute = (at: Date | number): string => minute.format(at);
/** 2026-11-21, the Beijing day */
export const beijingDay = (at: Date | number): string => day.format(at);
/** 2026-11-21 13:04, of an ISO 8601 moment */
export const dayMinute = (iso: string): string => `${beijingDay(Date.parse(iso))} ${clockMinute(Date.parse(iso))}`;
/** 2026-11-21 13:04:55 */
export const dayTime = (iso: string): string => `${beijingDay(Date.parse(iso))} ${clockTime(Date.parse(iso))}`;
/** The moment that a field names, such as 2026-11-21 08:00 in Beijing time, in ISO 8601; empty when it names none. */
export function fromBeijing(value: FormDataEntryValue | null): string {
  const at_ms = Date.parse(`${String(value ?? "").trim().replace(" ", "T")}:00+08:00`);
  return Number.isNaN(at_ms) ? "" : new Date(at_ms).toISOString();
}
/** The first moment of a Beijing day, in epoch milliseconds. */
export const dayStart = (isoDay: string): number => Date.parse(`${isoDay}T00:00:00+08:00`);

export const DAY_MS = 86_400_000;

/** A duration in two words at most: 8 s, 4 min, 2 h, 2 h 05 min, 3 d. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t("time.s", { n: s });
  if (s < 3600) return t("time.min", { n: Math.floor(s / 60) });
  const [h, min] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  if (s < 86_400) return min ? t("time.h_min", { h, min: String(min).padStart(2, "0") }) : t("time.h", { n: h });
  return t("time.d", { n: Math.floor(s / 86_400) });
}

/** How long ago, from epoch milliseconds. */
export const ago = (at_ms: number, now_ms: number): string => t("time.ago", { span: duration((now_ms - at_ms) / 1000) });

/** Minutes and seconds for a countdown or a drive: 4 min 20 s. */
export function minutesSeconds(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  return s < 60 ? t("time.s", { n: s }) : t("time.min_s", { min: Math.floor(s / 60), s: String(s % 60).padStart(2, "0") });
}
