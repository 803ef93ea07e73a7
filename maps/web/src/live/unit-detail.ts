/** Everything about the selected unit. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { areas } from "../map/areas.ts";
import { icon } from "../shared/icons.ts";
import { ago, beijingDay, clockTime, DAY_MS } from "../shared/time.ts";
import type { CallOut } from "../shared/types.ts";
import { unitSymbol } from "../shared/unit-symbol.ts";
import { isStale, type Unit } from "../shared/world.ts";

export interface UnitActions {
  following: boolean;
  trail: boolean;
  close(): void;
  centre(): void;
  toggleFollow(): void;
  toggleTrail(): void;
  openCall(id: number): void;
}

/** North-east, 47° */
export function headingWords(heading_deg: number): string {
  const sector = Math.round(heading_deg / 45) % 8;
  return `${t(`heading.${sector}` as Key)} ${Math.round(heading_deg)}°`;
}

export function unitDetail(unit: Unit, call: CallOut | undefined, now_ms: number, does: UnitActions): TemplateResult {
  const stale = isStale(unit, now_ms);
  return html`<header class="detail-head">
      ${unitSymbol(unit.kind, unit.state, stale)}
      <div><h2>${unit.callSign}</h2><p><span>${code("unit.kind", unit.kind)}</span><span class="state" data-state=${unit.state}>${code("unit.state", unit.state)}</span></p></div>
      <button class="icon-button" aria-label=${t("live.close_detail")} @click=${() => does.close()}>${icon("close")}</button>
    </header>
    <div class="detail-body">
      ${stale ? html`<p class="message warning">${icon("offline")}<span>${unit.at_ms === null ? t("unit.never") : `${t("unit.stale")}${t("list.dot")}${ago(unit.at_ms, now_ms)}`}</span></p>` : nothing}
      ${call ? html`<button class="on-call" @click=${() => does.openCall(call.id)}><span class="priority" data-priority=${call.priority}>${call.priority}</span>
        <span><small>${t("unit.assigned_to")}</small><b>${code("call.kind", call.kind)}</b> ${call.address}</span></button>` : nothing}
      ${motion(unit)}
      <dl class="facts">${facts(unit, now_ms)}</dl>
    </div>
    ${actions(unit, now_ms, does)}`;
}

function motion(unit: Unit): TemplateResult {
  return html`<div class="motion">
    <div><b>${unit.speed_mps === null ? "—" : Math.round(unit.speed_mps * 3.6)}</b><small>km/h</small></div>
    <div><b>${unit.heading_deg === null ? "—" : headingWords(unit.heading_deg)}</b><small>${t("unit.heading")}</small></div>
  </div>`;
}

function facts(unit: Unit, now_ms: number): TemplateResult[] {
  const rows: [Key, unknown][] = [["unit.heard", unit.at_ms === null ? t("unit.never") : html`${heardAt(unit.at_ms, now_ms)}<br /><small>${ago(unit.at_ms, now_ms)}</small>`]];
  if (unit.lon_deg !== null && unit.lat_deg !== null) {
    const place = areas.name(areas.at(unit.lon_deg, unit.lat_deg));
    rows.push(["unit.place", html`${place}<br /><small>${unit.lon_deg.toFixed(5)}, ${unit.lat_deg.toFixed(5)}</small>`]);
  }
  if (unit.accuracy_m !== null) rows.push(["unit.accuracy", `± ${Math.round(unit.accuracy_m)} m`]);
  rows.push(["unit.division", areas.name(unit.division)]);
  rows.push(["unit.equipment", unit.equipment.length ? unit.equipment.map((item) => html`<span class="tag">${item}</span> `) : t("unit.none")]);
  return rows.map(([label, value]) => html`<dt>${t(label)}</dt><dd>${value}</dd>`);
}

const heardAt = (at_ms: number, now_ms: number): string => (now_ms - at_ms > DAY_MS ? `${beijingDay(at_ms)} ${clockTime(at_ms)}` : clockTime(at_ms));

function actions(unit: Unit, now_ms: number, does: UnitActions): TemplateResult {
  const placed = unit.lon_deg !== null;
  return html`<div class="detail-actions">
    <button class="button" ?disabled=${!placed} @click=${() => does.centre()}>${icon("target")}${t("unit.centre")}</button>
    <button class="button" ?disabled=${!placed} aria-pressed=${does.following} aria-keyshortcuts="F" @click=${() => does.toggleFollow()}>${icon("follow")}${t("unit.follow")}</button>
    <button class="button" aria-pressed=${does.trail} aria-keyshortcuts="T" @click=${() => does.toggleTrail()}>${icon("trail")}${t("unit.trail")}</button>
    <a class="button" data-page href="/replay?unit=${unit.id}&day=${beijingDay(unit.at_ms ?? now_ms)}">${icon("replay")}${t("unit.replay")}</a>
  </div>`;
}
