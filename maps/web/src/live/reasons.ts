/** Why a unit is recommended, in words: a sentence per code the server sends. */

import { distance } from "./distance.ts";
import { t } from "../i18n/index.ts";
import { minutesSeconds } from "../shared/time.ts";
import type { Recommendation } from "../shared/types.ts";

export { distance } from "./distance.ts";

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
