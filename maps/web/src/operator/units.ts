/** Units and the devices they carry: who has what, who had what when, and handing a device over. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { all, get, put } from "../shared/api.ts";
import { momentField } from "../shared/moment.ts";
import { session } from "../shared/session.ts";
import "../shared/rows.ts";
import { dayTime, fromBeijing } from "../shared/time.ts";
import { nameOf, OperatorView, type Device } from "./view.ts";

interface Carriage {
  unit_id: number;
  call_sign: string;
  kind: string;
  device_id: number | null;
  phone: string | null;
  plate: string | null;
  since: string | null;
  until: string | null;
}

const NONE = "none";

/** What a line of the record calls its device. */
const deviceOf = (one: Carriage): string => (one.device_id === null ? t("operator.carries_nothing") : `${one.plate ?? one.phone ?? ""} · #${one.device_id}`);

export class OperatorUnits extends OperatorView {
  private units: (Carriage & { id: number })[] = [];
  private devices: Device[] = [];
  private record: Carriage[] = [];
  private chosen: number | null = null;
  private words = "";

  protected override get period_ms(): number {
    return 10_000;
  }

  protected override async load(): Promise<void> {
    const { chosen } = this;
    const [units, devices, record] = await Promise.all([all<Carriage>("/units/devices?limit=1000"), all<Device>("/devices?limit=1000"), chosen === null ? [] : get<Carriage[]>(`/units/${chosen}/devices`)]);
    this.units = units.map((one) => ({ ...one, id: one.unit_id }));
    this.devices = devices;
    if (chosen === this.chosen) this.record = record;
  }

  private async choose(id: number): Promise<void> {
    this.chosen = id;
    this.record = [];
    this.done = "";
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>(".unit-detail h2")?.focus();
    this.record = await get<Carriage[]>(`/units/${id}/devices`);
    this.requestUpdate();
  }

  private async give(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const said = new FormData(form);
    const device_id = said.get("device") === NONE ? null : Number(said.get("device"));
    const given = await this.act(() => put(`/units/${this.chosen}/device`, { device_id, since: fromBeijing(said.get("since")) || null }), t("operator.given"));
    if (given) form.reset();
  }

  private get found(): (Carriage & { id: number })[] {
    const words = this.words.trim().toLowerCase();
    return this.units.filter((one) => !words || [one.call_sign, one.plate, one.phone].some((text) => text?.toLowerCase().includes(words)));
  }

  override render(): TemplateResult {
    return html`${this.notes()}<div class="columns">${this.list()}${this.detail()}</div>`;
  }

  private list(): TemplateResult {
    const found = this.found;
    const row = (one: Carriage): TemplateResult => html`<div class="device"><b>${one.call_sign}</b><small>${code("unit.kind", one.kind)} · ${deviceOf(one)}</small></div>`;
    return html`<section class="card"><label class="field"><span>${t("operator.search_units")}</span>
        <input class="input" type="search" autocomplete="off" aria-keyshortcuts="/" .value=${this.words} @input=${(event: Event) => { this.words = (event.target as HTMLInputElement).value; this.requestUpdate(); }} /></label>
      ${found.length ? html`<tianshu-rows class="devices" .items=${found} .row=${row} .selected=${this.chosen} .label=${t("operator.view.units")}
        @pick=${(event: CustomEvent<number>) => void this.choose(event.detail)}></tianshu-rows>` : this.nothing(t("operator.no_units"))}</section>`;
  }

  private detail(): TemplateResult {
    const unit = this.units.find((one) => one.id === this.chosen);
    if (!unit) return html`<section class="card"><p class="hint">${t("operator.choose_unit")}</p></section>`;
    const when = (iso: string | null, open: "operator.from_the_start" | "operator.till_now"): string => (iso ? dayTime(iso) : t(open));
    return html`<div class="unit-detail"><section class="card" aria-labelledby="unit-title"><h2 id="unit-title" tabindex="-1">${unit.call_sign}</h2>
      <p class="hint">${t("operator.record_hint")}</p>
      ${this.record.length ? html`<table aria-label=${t("operator.record")}><thead><tr>${(["device", "carried_since", "carried_until"] as const).map((head) => html`<th scope="col">${t(`operator.${head}`)}</th>`)}</tr></thead>
        <tbody>${this.record.map((one) => html`<tr><td>${deviceOf(one)}</td><td class="when">${when(one.since, "operator.from_the_start")}</td><td class="when">${when(one.until, "operator.till_now")}</td></tr>`)}</tbody></table>` : html`<p class="empty">${t("operator.no_record")}</p>`}</section>
      ${session.may("manage_devices") ? this.form(unit) : nothing}</div>`;
  }

  private form(unit: Carriage): TemplateResult {
    const carrier = new Map(this.units.map((one) => [one.device_id, one.call_sign]));
    const words = (one: Device): string => `${nameOf(one)} · #${one.id}${carrier.has(one.id) ? ` · ${t("operator.carried_by", { unit: carrier.get(one.id) ?? "" })}` : ""}`;
    return html`<section class="card"><h2>${t("operator.give")}</h2><form class="command-form" aria-label=${t("operator.give")} @submit=${(event: SubmitEvent) => void this.give(event)}>
      <label class="field"><span>${t("operator.device")}</span><select class="input" name="device" required><option value="">${t("operator.choose_device")}</option>
        ${unit.device_id === null ? nothing : html`<option value=${NONE}>${t("operator.carries_nothing")}</option>`}
        ${this.devices.filter((one) => one.id !== unit.device_id).map((one) => html`<option value=${one.id}>${words(one)}</option>`)}</select></label>
      ${momentField("since", t("operator.given_since"), "", false)}
      <p class="hint">${t("operator.give_hint")}</p><button class="button primary">${t("operator.hand_over")}</button></form></section>`;
  }
}

customElements.define("tianshu-operator-units", OperatorUnits);
