/** Why a unit is recommended, in words: a sentence per code the server sends. */

import { t } from "../i18n/index.ts";
import { minutesSeconds } from "../shared/time.ts";
import type { Recommendation } from "../shared/types.ts";

/** 850 m, 12.4 km */
export const distance = (length_m: number): string => (length_m < 995 ? `${Math.round(length_m / 10) * 10} m` : `${(length_m / 1000).toFixed(1)} km`);

export function reasonWords(item: Recommendation): string {
  const { code, values } = item.reason;
  const length = distance(item.length_m);
  switch (code) {
    case "nearest_by_road":
      return t("reason.nearest_by_road", { length });
    case "soonest_not_nearest":
      return t("reason.soonest_not_nearest", { length, sign: String(values["nearer_call_sign"]), nearer: distance(Number(values["nearer_m"])) });
    case "later_by_road":
      return t("reason.later_by_road", { length, later: minutesSeconds(Number(values["later_s"])) });
    default:
      return t("reason.fallback", { length });
  }
}
