/** What the outlines, colours and pins mean. */

import { html, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { UNIT_KINDS, UNIT_STATES } from "../shared/types.ts";
import { unitSymbol } from "../shared/unit-symbol.ts";

export function legend(): TemplateResult {
  return html`<details class="legend"><summary>${t("map.legend")}</summary><div class="legend-body">
    <h3>${t("unit.state")}</h3><ul>${UNIT_STATES.map((state) => html`<li>${unitSymbol("", state, false)}${code("unit.state", state)}</li>`)}<li>${unitSymbol("", "free", true)}${t("unit.stale")}</li><li><span class="circle" aria-hidden="true"><b>24</b><span>●9</span></span>${t("map.circle")}</li></ul>
    <h3>${t("unit.kind")}</h3><ul>${UNIT_KINDS.map((kind) => html`<li>${unitSymbol(kind, "free", false)}${code("unit.kind", kind)}</li>`)}</ul>
    <h3>${t("call.priority")}</h3><ul>${[1, 2, 3, 4].map((priority) => html`<li><span class="priority" data-priority=${priority}>${priority}</span>${t(`call.priority.${priority}` as Key)}</li>`)}</ul>
  </div></details>`;
}
