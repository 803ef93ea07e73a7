/** The unit's symbol beside the map: the same outline, picture and staleness as on it. */

import { svg, type TemplateResult } from "lit";
import { KIND_PATHS } from "../map/pictures.ts";

const OUTLINES: Record<string, string> = {
  free: "M16 4a12 12 0 1 0 0 24 12 12 0 0 0 0-24Z",
  reserved: "M16 3a8 8 0 0 1 8 8V21a8 8 0 0 1-16 0V11a8 8 0 0 1 8-8Z",
  accepted: "M16 2 30 12.2 24.7 28.500H7.300L2 12.2Z",
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
