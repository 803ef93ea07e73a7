/** The unit's symbol beside the map: the same outline, picture and staleness as on it. */

import { svg, type TemplateResult } from "lit";
import { KIND_PATHS } from "../map/pictures.ts";

const OUTLINES: Record<string, string> = {
  free: "M16 4a12 12 0 1 0 0 24 12 12 0 0 0 0-24Z",
  dispatched: "M16 1.5 30.5 16 16 30.5 1.5 16Z",
  en_route: "M16 2.5 30 27.5H2Z",
  on_scene: "M8 5H24a3 3 0 0 1 3 3V24a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3V8a3 3 0 0 1 3-3Z",
  off_duty: "M9.5 4.5H22.5L29 16 22.5 27.5H9.5L3 16Z",
};

export function unitSymbol(kind: string, state: string, stale: boolean): TemplateResult {
  const lowered = state === "en_route";
  const scale = lowered || state === "dispatched" ? 0.56 : 0.68;
  const shift = 16 - 12 * scale;
  return svg`<svg class="unit-symbol" data-state=${state} ?data-stale=${stale} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path class="body" d=${OUTLINES[state] ?? OUTLINES["free"]!}></path>
    <path class="kind" fill-rule="evenodd" transform=${`translate(${shift} ${shift + (lowered ? 3.5 : 0)}) scale(${scale})`} d=${KIND_PATHS[kind] ?? ""}></path>
  </svg>`;
}
