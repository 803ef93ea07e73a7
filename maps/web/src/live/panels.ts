/** The lists beside the map: three tabs on a desk, all three at once on a wall. */

import { html, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { session } from "../shared/session.ts";
import type { AlertOut } from "../shared/types.ts";
import { styled } from "../shared/styled.ts";
import { byUrgency, CALL_ROW_PX, callList } from "./call-list.ts";
import type { LivePage, Tab } from "./page.ts";
import type { Filters } from "./unit-list.ts";

/** Heading, button and rows of the calls: on a wall they take what they need and leave the rest to the alerts. */
const CALLS_FRAME_PX = 124;
/** The button that opens all waiting calls together. */
const TOGETHER_PX = 52;

/** Messages of BeiDou cards are for those who may answer them. */
export const tabs = (): Tab[] => (session.may("dispatch") ? ["units", "calls", "alerts", "messages"] : ["units", "calls", "alerts"]);

/** The one panel with tabs, which is the sheet on a phone. */
export function tabbedPanel(page: LivePage): TemplateResult {
  return html`<section class="panel" aria-label=${t("live.panel")}>
    <button class="sheet-handle" aria-label=${t("live.sheet")} aria-expanded=${page.sheet !== "low"} @click=${() => page.nextSheet()}></button>
    <div class="tabs" role="tablist" aria-label=${t("live.panel")}>${tabs().map((tab) => html`<button role="tab" id="tab-${tab}" aria-controls="tab-body"
      aria-selected=${tab === page.tab} tabindex=${tab === page.tab ? 0 : -1} @keydown=${(event: KeyboardEvent) => nextTab(page, event)} @click=${() => page.openTab(tab)}>${t(`live.${tab}` as Key)}${count(page, tab)}</button>`)}</div>
    <div class="tab-body" role="tabpanel" id="tab-body" aria-labelledby="tab-${page.tab}">${page.failure ? failed(page) : list(page, page.tab)}</div>
  </section>`;
}

export const openPanel = (page: LivePage, tabs: Tab[]): TemplateResult =>
  html`<section class="panel open" aria-label=${tabs.map((tab) => t(`live.${tab}` as Key)).join(" · ")}>${tabs.map((tab) => html`
    <div class="open-list" ${styled({ "flex-grow": tab === "calls" ? "0" : "1", "flex-basis": tab === "calls" ? `${CALLS_FRAME_PX + (page.desk.waiting > 1 ? TOGETHER_PX : 0) + CALL_ROW_PX * Math.max(2, page.world.calls.size)}px` : "0" })}><h2>${t(`live.${tab}` as Key)}${count(page, tab)}</h2>
      <div class="tab-body">${page.failure ? failed(page) : list(page, tab)}</div></div>`)}</section>`;

/** The arrows go from tab to tab, as in any list of tabs. */
function nextTab(page: LivePage, event: KeyboardEvent): void {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by === undefined) return;
  const all = tabs();
  page.openTab(all[(all.indexOf(page.tab) + by + all.length) % all.length]!);
  void page.updateComplete.then(() => page.querySelector<HTMLElement>(`#tab-${page.tab}`)?.focus());
  event.preventDefault();
  event.stopPropagation();
}

function count(page: LivePage, tab: Tab): TemplateResult {
  const { units, calls, alerts } = page.world;
  const open = [...alerts.values()].filter((alert) => alert.state === "open");
  if (tab === "messages") return html``;
  const counts: Record<Exclude<Tab, "messages">, number> = { units: units.size, calls: calls.size, alerts: open.length };
  const urgent = tab === "alerts" && open.some((alert) => alert.severity === "urgent");
  return html`<span class="count" ?data-urgent=${urgent}>${counts[tab]}</span>`;
}

const failed = (page: LivePage): TemplateResult =>
  html`<div class="empty"><p class="message error" role="alert">${page.failure}</p><button class="button" @click=${() => void page.start()}>${t("problem.retry")}</button></div>`;

function list(page: LivePage, tab: Tab): TemplateResult {
  const now_ms = Date.now();
  if (tab === "messages") return html`<tianshu-messages></tianshu-messages>`;
  if (tab === "alerts") {
    return html`<tianshu-alerts .world=${page.world} .now_ms=${now_ms} @show-alert=${(event: CustomEvent<AlertOut>) => page.showAlert(event.detail)}></tianshu-alerts>`;
  }
  if (tab === "calls") {
    const selected = page.selection?.what === "call" ? page.selection.id : null;
    return html`<div class="calls" @pick=${(event: CustomEvent<number>) => void page.openCall(event.detail)}>
      ${callList(page.closed ?? byUrgency(page.world.calls.values()), selected, now_ms, { closed: page.closed !== null, waiting: page.desk.waiting, decideTogether: () => page.select({ what: "joint" }), note: (call) => page.desk.note(call, now_ms), startNew: () => page.select({ what: "form" }), showClosed: (on) => void page.showClosed(on) })}</div>`;
  }
  return html`<tianshu-units .units=${page.units} .filters=${page.filters} .selected=${page.selectedUnit?.id ?? null} .loaded=${page.world.loaded} .now_ms=${now_ms}
    @pick=${(event: CustomEvent<number>) => page.select({ what: "unit", id: event.detail }, true)} @filter=${(event: CustomEvent<Filters>) => page.setFilters(event.detail)}></tianshu-units>`;
}
