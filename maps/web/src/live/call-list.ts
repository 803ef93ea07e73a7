/** The open calls, most urgent first, oldest first among equals. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { icon } from "../shared/icons.ts";
import type { Rows } from "../shared/rows.ts";
import { session } from "../shared/session.ts";
import { duration } from "../shared/time.ts";
import { placed } from "../shared/place.ts";
import { OVER, type CallOut } from "../shared/types.ts";

export const CALL_ROW_PX = 76;

export const byUrgency = (calls: Iterable<CallOut>): CallOut[] =>
  [...calls].sort((a, b) => a.priority - b.priority || a.taken_at.localeCompare(b.taken_at));

export interface CallListActions {
  closed: boolean;
  /** How many wait for a unit; from two on they are better looked at together. */
  waiting: number;
  decideTogether(): void;
  /** Open ones that fit what has run out, or nothing to say. */
  note(call: CallOut): TemplateResult | typeof nothing;
  startNew(): void;
  showClosed(on: boolean): void;
}

export function callList(calls: CallOut[], selected: number | null, now_ms: number, does: CallListActions): TemplateResult {
  return html`${session.may("take_call") ? html`<div class="list-head"><button class="button primary" aria-keyshortcuts="N" @click=${() => does.startNew()}>${icon("plus")}${t("call.new")}</button>
      <button class="button" aria-pressed=${does.closed} @click=${() => does.showClosed(!does.closed)}>${t("call.state.closed")}</button></div>` : nothing}
    ${does.waiting > 1 && !does.closed ? html`<button class="button joint-open" aria-keyshortcuts="J" @click=${() => does.decideTogether()}>${icon("link")}${t("joint.open", { n: does.waiting })}</button>` : nothing}
    ${calls.length
      ? html`<tianshu-rows .items=${calls} .row=${(call: CallOut) => row(call, now_ms, does)} .selected=${selected} .label=${t("live.calls")} .rowHeight=${CALL_ROW_PX}></tianshu-rows>`
      : html`<div class="empty">${t(does.closed ? "call.none_closed" : "call.none")}</div>`}`;
}

export type CallRows = Rows<CallOut>;

export const priorityMark = (priority: number): TemplateResult =>
  html`<span class="priority" data-priority=${priority}><span class="visually-hidden">${t("call.priority")} </span>${priority}</span>`;

function row(call: CallOut, now_ms: number, does: CallListActions): TemplateResult {
  const sent = call.assignments.filter((assignment) => !OVER.includes(assignment.state)).length;
  const where = call.address || (placed(call) ? `${call.lon_deg.toFixed(4)}, ${call.lat_deg.toFixed(4)}` : t("call.place_unknown"));
  return html`${priorityMark(call.priority)}
    <span class="row-main"><b>${code("call.kind", call.kind)}</b><small>${where}</small></span>
    <span class="row-side"><span class="age">${duration((now_ms - Date.parse(call.taken_at)) / 1000)}</span>
      ${call.state === "closed" ? nothing : sent ? html`<small>${t("call.unit_count", { n: sent })}</small>` : html`<small class="wanting">${t("call.no_unit")}</small>`}${does.note(call)}</span>`;
}
