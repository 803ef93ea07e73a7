/** Why a unit is recommended, in words: a sentence per code the server sends. */

import { t } from "../i18n/index.ts";
import { minutesSeconds } from "../shared/time.ts";
import type { Recommendation } from "../shared/types.ts";

/** 850 m, 12.4 km */
export const distance = (length_m: number): string => (length_m < 995 ? `${Math.round(length_m / 10) * 10} m` : `${(length_m / 1000).toFixed(1)} km`);

export function reasonWords(item: Recommendation): string {
  const length = item.length_m === null ? "—" : distance(item.length_m);
  if (item.estimated) return t("reason.fallback", { length });
  return t("reason.nearest_by_road", { length, time: minutesSeconds(item.time_s) });
}
