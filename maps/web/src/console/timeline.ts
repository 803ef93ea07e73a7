/** Everything that happened to a call, newest last, with who did it and how long after the call it was. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { clockTime, minutesSeconds } from "../shared/time.ts";
import type { CallEvent, CallRecord } from "../shared/types.ts";
import type { World } from "../shared/world.ts";

/** Words in an event's detail that a reader needs. */
function told(event: CallEvent, world: World): string {
  const { detail } = event;
  const unit = typeof detail["call_sign"] === "string" ? detail["call_sign"] : world.units.get(Number(detail["unit_id"]))?.callSign;
  const words = [detail["reason"], detail["text"], detail["result"]].filter((one) => typeof one === "string" && one !== "");
  const other = detail["other_id"] === undefined ? "" : `#${String(detail["other_id"])}`;
  return [unit, other, ...words].filter(Boolean).join(t("list.dot"));
}

export function timeline(record: CallRecord, world: World): TemplateResult {
  const start_ms = Date.parse(record.taken_at);
  return html`<section><h3 id="log-title">${t("call.log")}</h3><ol class="timeline" aria-labelledby="log-title">${record.events.map((event) => {
    const after_s = (Date.parse(event.at) - start_ms) / 1000;
    const words = told(event, world);
    return html`<li data-what=${event.what}><time>${clockTime(Date.parse(event.at))}</time><span><b>${code("call.event", event.what)}</b>${words ? html` ${words}` : nothing}
      <small>${[after_s >= 1 ? t("call.after", { span: minutesSeconds(after_s) }) : "", event.who ?? (event.account_id === null ? t("call.machine") : "")].filter(Boolean).join(t("list.dot"))}</small></span></li>`;
  })}</ol></section>`;
}
