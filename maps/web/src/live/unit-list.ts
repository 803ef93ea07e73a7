/** The units beside the map: search, filters, list. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { areas } from "../map/areas.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import type { Rows } from "../shared/rows.ts";
import "../shared/rows.ts";
import { duration } from "../shared/time.ts";
import { UNIT_KINDS, UNIT_STATES } from "../shared/types.ts";
import { unitSymbol } from "../shared/unit-symbol.ts";
import { isStale, type Unit } from "../shared/world.ts";

export interface Filters {
  text: string;
  kind: string;
  state: string;
  division: string;
}

export const NO_FILTERS: Filters = { text: "", kind: "", state: "", division: "" };

/** Whether a unit passes; `state` may also be "stale". */
export function passes(unit: Unit, filters: Filters, now_ms: number): boolean {
  if (filters.text && !unit.callSign.toLowerCase().includes(filters.text.toLowerCase())) return false;
  if (filters.kind && unit.kind !== filters.kind) return false;
  if (filters.division && unit.division !== filters.division) return false;
  if (filters.state === "stale") return isStale(unit, now_ms);
  return !filters.state || unit.state === filters.state;
}

export class UnitList extends Part {
  static override properties = { units: { attribute: false }, filters: { attribute: false }, selected: { attribute: false }, loaded: { attribute: false }, now_ms: { attribute: false } };

  /** All units in the order of their call signs. */
  declare units: readonly Unit[];
  declare filters: Filters;
  declare selected: number | null;
  declare loaded: boolean;
  declare now_ms: number;

  get rows(): Rows<Unit> | null {
    return this.querySelector("tianshu-rows");
  }

  focusSearch(): void {
    this.querySelector<HTMLInputElement>("input[type=search]")?.select();
  }

  private set(change: Partial<Filters>): void {
    this.dispatchEvent(new CustomEvent("filter", { detail: { ...this.filters, ...change } }));
  }

  private onSearchKey(event: KeyboardEvent): void {
    const rows = this.rows;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") rows?.move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter") {
      if (rows && rows.items.length === 1) rows.move(0);
      rows?.pickActive();
    } else if (event.key === "Escape") (event.target as HTMLElement).blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  override render(): TemplateResult {
    const shown = this.units.filter((unit) => passes(unit, this.filters, this.now_ms));
    const stale = this.units.filter((unit) => isStale(unit, this.now_ms)).length;
    return html`${this.controls()}
      <p class="list-count" role="status"><span>${t("live.count", { shown: shown.length, total: this.units.length })}</span>
        ${stale ? html`<span>${t("live.count_stale", { n: stale })}</span>` : nothing}</p>
      ${shown.length
        ? html`<tianshu-rows .items=${shown} .row=${(unit: Unit) => this.row(unit)} .selected=${this.selected} .label=${t("live.units")} .rowHeight=${56}></tianshu-rows>`
        : this.nothingToShow()}`;
  }

  private controls(): TemplateResult {
    const { filters } = this;
    return html`<div class="list-controls">
      <label class="search">${icon("search")}<span class="visually-hidden">${t("live.search")}</span>
        <input class="input" type="search" placeholder=${t("live.search")} .value=${filters.text} autocomplete="off" spellcheck="false"
          @input=${(event: InputEvent) => this.set({ text: (event.target as HTMLInputElement).value })}
          @keydown=${(event: KeyboardEvent) => this.onSearchKey(event)} /><kbd>/</kbd></label>
      <div class="filters">
        ${this.select("state", "unit.state", "live.all_states", [...UNIT_STATES.map((state): [string, string] => [state, code("unit.state", state)]), ["stale", t("unit.stale")]])}
        ${this.select("kind", "unit.kind", "live.all_kinds", UNIT_KINDS.map((kind) => [kind, code("unit.kind", kind)]))}
        ${this.select("division", "unit.division", "live.all_divisions", areas.divisions.map((division) => [division.adcode, areas.name(division.adcode)]))}
      </div></div>`;
  }

  private select(name: keyof Filters, label: Key, everything: Key, options: [string, string][]): TemplateResult {
    return html`<select class="input" aria-label=${t(label)} ?data-set=${this.filters[name] !== ""}
      @change=${(event: Event) => this.set({ [name]: (event.target as HTMLSelectElement).value })}>
      <option value="" ?selected=${this.filters[name] === ""}>${t(everything)}</option>
      ${options.map(([value, words]) => html`<option value=${value} ?selected=${this.filters[name] === value}>${words}</option>`)}</select>`;
  }

  private row(unit: Unit): TemplateResult {
    const stale = isStale(unit, this.now_ms);
    return html`${unitSymbol(unit.kind, unit.state, stale)}
      <span class="row-main"><b>${unit.callSign}</b><small>${code("unit.kind", unit.kind)}${t("list.dot")}${areas.name(unit.division)}</small></span>
      <span class="row-side"><span class="state" data-state=${unit.state}>${code("unit.state", unit.state)}</span><small ?data-stale=${stale}>${this.pace(unit, stale)}</small></span>`;
  }

  private pace(unit: Unit, stale: boolean): string {
    if (unit.at_ms === null) return t("unit.never");
    if (stale) return t("unit.stale_for", { span: duration((this.now_ms - unit.at_ms) / 1000) });
    return unit.speed_mps === null ? "—" : `${Math.round(unit.speed_mps * 3.6)} km/h`;
  }

  private nothingToShow(): TemplateResult {
    if (!this.loaded) return html`<div class="empty" role="status"><span class="spinner"></span>${t("live.loading")}</div>`;
    if (this.units.length === 0) return html`<div class="empty">${t("live.no_units")}</div>`;
    return html`<div class="empty"><p>${t("live.no_match")}</p><button class="button" @click=${() => this.set(NO_FILTERS)}>${t("live.reset_filters")}</button></div>`;
  }
}

customElements.define("tianshu-units", UnitList);
