/** Who is on a call: the level of each, what it waits for, when it arrives, and the steps that may be taken. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { session } from "../shared/session.ts";
import { clockMinute, minutesSeconds } from "../shared/time.ts";
import { OVER, type Assignment } from "../shared/types.ts";
import { unitSymbol } from "../shared/unit-symbol.ts";
import type { World } from "../shared/world.ts";
import { countdown } from "./countdown.ts";
import type { Tables } from "./tables.ts";
import { assignmentTimer } from "./timers.ts";

const NEXT: Record<string, string[]> = { proposed: ["dispatch"], dispatched: ["accepted", "en_route"], accepted: ["en_route"], en_route: ["on_scene"], on_scene: ["clear"] };
const TAKEN_BACK = ["proposed", "dispatched", "accepted", "en_route"];
const LEVELS = ["dispatched", "accepted", "en_route", "on_scene", "clear"] as const;

export interface SendingActions {
  busy: boolean;
  /** `step`: dispatch, accepted, en_route, on_scene, clear; `withdraw` asks for the reason. */
  step(assignment: Assignment, step: string): void;
  withdraw(assignment: Assignment): void;
  show(unitId: number): void;
}

export function sending(assignments: Assignment[], world: World, tables: Tables | null, now_ms: number, does: SendingActions): TemplateResult | typeof nothing {
  if (!assignments.length) return nothing;
  return html`<section><h3>${t("call.assigned_units")}</h3><ul class="entries">${assignments.map((one) => entry(one, world, tables, now_ms, does))}</ul></section>`;
}

function entry(one: Assignment, world: World, tables: Tables | null, now_ms: number, does: SendingActions): TemplateResult {
  const unit = world.units.get(one.unit_id);
  const sign = unit?.callSign ?? `#${one.unit_id}`;
  const over = OVER.includes(one.state);
  return html`<li class="entry" data-assignment=${one.state}><div class="entry-row"><button class="bare" aria-label=${`${t("alert.show")} ${sign}`} @click=${() => does.show(one.unit_id)}>${unitSymbol(unit?.kind ?? "", unit?.state ?? "off_duty", false)}</button>
      <span class="row-main"><b>${sign}</b><small>${code("call.assignment", one.state)}${one.reason ? html` · ${one.reason}` : nothing}${arrival(one, now_ms)}</small></span>
      ${over || !session.may("dispatch") ? nothing : html`<span class="entry-buttons">${(NEXT[one.state] ?? []).map((step, index) => html`<button class="button ${index === 0 ? "primary" : ""}" data-step=${step} ?disabled=${does.busy} @click=${() => does.step(one, step)}>${t(`call.step.${step}` as Key)}</button>`)}</span>`}
    </div>
    <div class="entry-notes">${tables ? countdown(assignmentTimer(one, tables.timers, now_ms)) : nothing}
      ${one.way && one.way !== "on_route" ? html`<span class="tag warning">${code("call.way", one.way)}</span>` : nothing}
      ${one.by_machine ? html`<span class="tag">${t("call.by_machine")}</span>` : nothing}
      ${TAKEN_BACK.includes(one.state) && session.may("dispatch") ? html`<button class="button quiet small" ?disabled=${does.busy} @click=${() => does.withdraw(one)}>${t("call.withdraw")}</button>` : nothing}</div>
    ${over && one.state !== "clear" ? nothing : levels(one)}</li>`;
}

/** 预计 3 分 20 秒后到达（14:05） */
function arrival(one: Assignment, now_ms: number): TemplateResult | typeof nothing {
  if (one.on_scene_at !== null || OVER.includes(one.state)) return nothing;
  if (one.eta_at !== null) return html` · ${t("call.eta", { span: minutesSeconds((Date.parse(one.eta_at) - now_ms) / 1000), time: clockMinute(Date.parse(one.eta_at)) })}`;
  return one.expected_s === null ? nothing : html` · ${t("call.expected", { span: minutesSeconds(one.expected_s) })}`;
}

/** The levels as a line: filled up to where the unit is. */
function levels(one: Assignment): TemplateResult {
  const at = (level: (typeof LEVELS)[number]): string | null => one[`${level}_at`];
  return html`<ol class="steps">${LEVELS.map((level) => html`<li ?data-done=${at(level) !== null}>${code("call.assignment", level)}${at(level) === null ? nothing : html`<br />${clockMinute(Date.parse(at(level)!))}`}</li>`)}</ol>`;
}
