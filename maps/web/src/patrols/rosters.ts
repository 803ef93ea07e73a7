/** Rosters (排班): who is on duty on a day, in which shift and beat; several units are put on at once. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { get, post, query, remove, sentence } from "../shared/api.ts";
import { dayField, momentField } from "../shared/moment.ts";
import { session } from "../shared/session.ts";
import { beijingDay, clockMinute, DAY_MS, dayMinute, dayStart, fromBeijing } from "../shared/time.ts";
import type { Page } from "../shared/types.ts";
import { chosen, Tab } from "./tab.ts";

interface Roster {
  id: number;
  unit_id: number;
  call_sign: string;
  shift: string;
  starts_at: string;
  ends_at: string;
  beat_id: number | null;
}

/** 早班、中班、夜班: hours of the day, Beijing time; the last one ends on the next day. */
const SHIFTS = { early: [8, 16], late: [16, 24], night: [0, 8] } as const;
type Shift = keyof typeof SHIFTS;
const SHIFT_NAMES = Object.keys(SHIFTS) as Shift[];
const HOUR_MS = 3_600_000;
const clockOf = (day: string, hour: number): string => dayMinute(new Date(dayStart(day) + hour * HOUR_MS).toISOString());

export class Rosters extends Tab {
  private day = beijingDay(Date.now());
  private shift: Shift = "early";
  private rosters: Roster[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.attempt(() => this.load());
  }

  private async load(): Promise<void> {
    const start_ms = dayStart(this.day);
    const span = query({ start: new Date(start_ms).toISOString(), end: new Date(start_ms + DAY_MS).toISOString() });
    this.rosters = (await get<Page<Roster>>(`/rosters${span}`)).items;
  }

  private turn(day: string): void {
    if (Number.isNaN(dayStart(day))) return this.refuse(t("patrols.day_wrong"));
    this.day = day;
    void this.attempt(() => this.load());
  }

  /** Put each chosen unit on duty; what is refused is said, the others stand. */
  private async add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    const [units, starts_at, ends_at] = [chosen(values, "unit"), fromBeijing(values.get("start")), fromBeijing(values.get("end"))];
    if (!units.length) return this.refuse(t("patrols.units_needed"));
    if (!starts_at || !ends_at) return this.refuse(t("exports.times_needed"));
    const duty = { shift: String(values.get("shift")), starts_at, ends_at, beat_id: Number(values.get("beat")) || null };
    const refused: string[] = [];
    await this.attempt(async () => {
      for (const unit_id of units) await post("/rosters", { unit_id, ...duty }).catch((error: unknown) => refused.push(sentence(error)));
      await this.load();
    }, t("rosters.added", { n: units.length - refused.length }));
    if (refused.length) this.refuse(refused.join(" "));
    else form.querySelectorAll<HTMLInputElement>("[name=unit]").forEach((box) => { box.checked = false; });
  }

  private async take(one: Roster): Promise<void> {
    await this.attempt(async () => {
      await remove(`/rosters/${one.id}`);
      await this.load();
    }, t("rosters.taken", { unit: one.call_sign }));
  }

  override render(): TemplateResult {
    const change = (by: number): void => this.turn(beijingDay(dayStart(this.day) + by * DAY_MS));
    return html`${this.said()}
      <form class="day-row" @submit=${(event: SubmitEvent) => { event.preventDefault(); this.turn(String(new FormData(event.target as HTMLFormElement).get("day")).trim()); }}>
        <button type="button" class="button" aria-label=${t("patrols.day_before")} @click=${() => change(-1)}>‹</button>${dayField("day", t("patrols.day"), this.day)}
        <button type="button" class="button" aria-label=${t("patrols.day_after")} @click=${() => change(1)}>›</button><button class="button">${t("patrols.look")}</button></form>
      ${this.table()}${session.may("manage_patrols") ? this.form() : nothing}`;
  }

  private table(): TemplateResult {
    if (!this.rosters.length) return html`<p class="empty">${t("rosters.none")}</p>`;
    const may = session.may("manage_patrols");
    return html`<div class="card"><div class="wide"><table><caption class="visually-hidden">${t("patrols.rosters")} ${this.day}</caption>
      <thead><tr><th scope="col">${t("rosters.unit")}</th><th scope="col">${t("rosters.shift")}</th><th scope="col">${t("rosters.hours")}</th><th scope="col">${t("patrols.beat")}</th>${may ? html`<th scope="col"><span class="visually-hidden">${t("rosters.take")}</span></th>` : nothing}</tr></thead>
      <tbody>${this.rosters.map((one) => html`<tr><th scope="row">${one.call_sign}</th><td>${one.shift}</td><td>${this.hours(one)}</td><td>${this.beatName(one.beat_id) || "—"}</td>
        ${may ? html`<td><button class="button quiet" ?disabled=${this.busy} aria-label="${t("rosters.take")} ${one.call_sign}" @click=${() => void this.take(one)}>${t("rosters.take")}</button></td>` : nothing}</tr>`)}</tbody></table></div></div>`;
  }

  /** 08:00–16:00, with the day where it is another one. */
  private hours(one: Roster): string {
    const word = (iso: string): string => (beijingDay(Date.parse(iso)) === this.day ? "" : `${beijingDay(Date.parse(iso)).slice(5)} `) + clockMinute(Date.parse(iso));
    return `${word(one.starts_at)}–${word(one.ends_at)}`;
  }

  private form(): TemplateResult {
    const [from, to] = SHIFTS[this.shift];
    const pickShift = (event: Event): void => { this.shift = SHIFT_NAMES[(event.target as HTMLSelectElement).selectedIndex]!; this.requestUpdate(); };
    return html`<form class="card" novalidate @submit=${(event: SubmitEvent) => void this.add(event)}><h2>${t("rosters.add")}</h2>
      <label class="field"><span>${t("rosters.shift")}</span><select class="input" name="shift" @change=${pickShift}>${SHIFT_NAMES.map((name) => html`<option>${t(`shift.${name}` as Key)}</option>`)}</select></label>
      ${momentField("start", t("rosters.start"), clockOf(this.day, from))}${momentField("end", t("rosters.end"), clockOf(this.day, to))}${this.beatChoice()}
      <fieldset class="choices"><legend>${t("patrols.units")}</legend>${this.shelf.units.map((unit) => html`<label class="check"><input type="checkbox" name="unit" value=${unit.id} />${unit.call_sign}</label>`)}</fieldset>
      <button class="button primary" ?disabled=${this.busy}>${t("rosters.add")}</button></form>`;
  }
}

customElements.define("tianshu-rosters", Rosters);
