/** Plans: which units visit which checkpoints and when; rounds that drive least, and why something does not fit. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { post } from "../shared/api.ts";
import { momentField } from "../shared/moment.ts";
import { beijingDay, clockMinute, DAY_MS, dayMinute, duration, fromBeijing, minutesSeconds } from "../shared/time.ts";
import { lineThrough } from "./layers.ts";
import { chosen, Tab } from "./tab.ts";

interface Visit {
  checkpoint_id: number;
  name: string;
  lon_deg: number;
  lat_deg: number;
  arrives_at: string;
  starts_at: string;
  leaves_at: string;
}

interface Round {
  unit_id: number;
  call_sign: string;
  leaves_at: string;
  back_at: string;
  drive_s: number;
  stops: Visit[];
}

interface Proposal {
  drive_s: number;
  rounds: Round[];
  left_out: { checkpoint_id: number; name: string; code: string; units: { call_sign: string; late_s: number | null }[] }[];
}

interface Stop {
  checkpoint_id: number;
  window_start?: string;
  window_end?: string;
}

interface Order {
  name: string;
  starts_at: string;
  ends_at: string;
  ordered: boolean;
  unit_ids: number[];
  stops: Stop[];
}

const SEARCH_S = 2;
/** How long a plan lasts unless somebody says otherwise. */
const LONG_H = 4;
const HOUR_MS = 3_600_000;
const CLOCK = "([01]\\d|2[0-3]):[0-5]\\d";

/** The first moment from a start on at which Beijing's clocks show this time; undefined where none is named. */
function atClock(start: string, clock: FormDataEntryValue | null): string | undefined {
  const named = String(clock ?? "").trim();
  if (!named) return undefined;
  const at = Date.parse(`${beijingDay(Date.parse(start))}T${named}:00+08:00`);
  return Number.isNaN(at) ? undefined : new Date(at < Date.parse(start) ? at + DAY_MS : at).toISOString();
}

export class Plans extends Tab {
  private readonly opened_ms = Date.now();
  private order: Order | null = null;
  private proposal: Proposal | null = null;

  /** What the form says, or null when it says too little. */
  private read(form: HTMLFormElement): Order | null {
    const values = new FormData(form);
    const [starts_at, ends_at] = [fromBeijing(values.get("start")), fromBeijing(values.get("end"))];
    const [unit_ids, places] = [chosen(values, "unit"), chosen(values, "checkpoint")];
    if (!starts_at || !ends_at) return this.lacks(t("exports.times_needed"));
    if (!unit_ids.length) return this.lacks(t("patrols.units_needed"));
    if (!places.length) return this.lacks(t("plans.stops_needed"));
    const stops = places.map((checkpoint_id): Stop => {
      const [window_start, window_end] = ["from", "to"].map((end) => atClock(starts_at, values.get(`${end}-${checkpoint_id}`)));
      return { checkpoint_id, ...(window_start ? { window_start } : {}), ...(window_end ? { window_end } : {}) };
    });
    return { name: String(values.get("name")).trim() || t("plans.title"), starts_at, ends_at, ordered: values.get("ordered") !== null, unit_ids, stops };
  }

  private lacks(words: string): null {
    this.refuse(words);
    return null;
  }

  private async propose(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const order = (this.order = this.read(event.target as HTMLFormElement));
    this.proposal = null;
    if (!order) return;
    const { starts_at, ends_at, unit_ids, stops } = order;
    await this.attempt(async () => { this.proposal = await post<Proposal>("/patrols/plans/optimise", { starts_at, ends_at, unit_ids, stops, seconds: SEARCH_S }); });
    this.draw();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(".proposal")?.focus());
  }

  private draw(): void {
    const rounds = this.proposal?.rounds ?? [];
    this.shelf.show("rounds", rounds.map((round) => lineThrough(this.way(round))));
    this.shelf.fit(rounds.flatMap((round) => this.way(round)));
  }

  /** From where the unit is, through its stops, and back. */
  private way(round: Round): [number, number][] {
    const unit = this.shelf.units.find((one) => one.id === round.unit_id);
    const home: [number, number][] = unit && unit.lon_deg !== null && unit.lat_deg !== null ? [[unit.lon_deg, unit.lat_deg]] : [];
    return [...home, ...round.stops.map((stop): [number, number] => [stop.lon_deg, stop.lat_deg]), ...home];
  }

  /** Make a plan of each round, with the times that were foreseen. */
  private async give(): Promise<void> {
    const { order, proposal } = this;
    if (!order || !proposal) return;
    const wished = new Map(order.stops.map((stop) => [stop.checkpoint_id, stop]));
    const rounds = proposal.rounds.filter((round) => round.stops.length);
    const given = await this.attempt(async () => {
      for (const round of rounds) {
        const stops = round.stops.map((stop) => ({ ...wished.get(stop.checkpoint_id), checkpoint_id: stop.checkpoint_id, expected_at: stop.starts_at }));
        const { name, starts_at, ends_at, ordered } = order;
        await post("/patrols/plans", { name, starts_at, ends_at, ordered, unit_id: round.unit_id, stops });
      }
    }, t("plans.given", { n: rounds.length }));
    if (given) this.proposal = null;
    this.draw();
    this.requestUpdate();
  }

  override render(): TemplateResult {
    return html`${this.said()}${this.proposal ? this.answer(this.proposal) : nothing}${this.form()}`;
  }

  private form(): TemplateResult {
    const at = (hours: number): string => dayMinute(new Date(this.opened_ms + hours * HOUR_MS).toISOString());
    const { units, checkpoints } = this.shelf;
    if (!checkpoints.length) return html`<p class="empty">${t("plans.no_checkpoints")}</p>`;
    return html`<form class="card" novalidate @submit=${(event: SubmitEvent) => void this.propose(event)}><h2>${t("plans.new")}</h2>
      <label class="field"><span>${t("patrols.name")}</span><input class="input" name="name" maxlength="120" autocomplete="off" placeholder=${t("plans.title")} /></label>
      ${momentField("start", t("rosters.start"), at(0))}${momentField("end", t("rosters.end"), at(LONG_H))}
      <fieldset class="choices"><legend>${t("patrols.units")}</legend>${units.map((unit) => html`<label class="check"><input type="checkbox" name="unit" value=${unit.id} />${unit.call_sign}</label>`)}</fieldset>
      <fieldset class="stops"><legend>${t("plans.stops")}</legend><p class="hint">${t("plans.windows")}</p>${checkpoints.map((place) => html`<div class="stop"><label class="check"><input type="checkbox" name="checkpoint" value=${place.id} checked />${place.name}</label>
        ${(["from", "to"] as const).map((end) => html`<input class="input" name="${end}-${place.id}" inputmode="numeric" autocomplete="off" maxlength="5" pattern=${CLOCK} placeholder=${end === "from" ? "08:00" : "09:30"} aria-label=${t(`plans.${end}`, { name: place.name })} />`)}</div>`)}</fieldset>
      <label class="check"><input type="checkbox" name="ordered" />${t("plans.ordered")}</label>
      <button class="button primary" ?disabled=${this.busy}>${this.busy ? html`<span class="spinner"></span>` : nothing}${t("plans.propose")}</button></form>`;
  }

  private answer(proposal: Proposal): TemplateResult {
    const rounds = proposal.rounds.filter((round) => round.stops.length);
    return html`<section class="card proposal" tabindex="-1" aria-label=${t("plans.proposal")}><h2>${t("plans.proposal")}</h2>
      <p>${t("plans.total", { n: rounds.length, stops: rounds.reduce((sum, round) => sum + round.stops.length, 0), span: duration(proposal.drive_s) })}</p>
      ${proposal.left_out.length ? html`<div class="message warning"><div><b>${t("plans.left_out", { n: proposal.left_out.length })}</b><ul class="left-out-stops">${proposal.left_out.map((one) => html`<li><b>${one.name}</b> ${this.why(one)}</li>`)}</ul></div></div>` : nothing}
      ${rounds.map((round) => html`<div><h3>${round.call_sign} <small>${t("plans.round", { from: clockMinute(Date.parse(round.leaves_at)), to: clockMinute(Date.parse(round.back_at)), span: duration(round.drive_s) })}</small></h3>
        <ol class="round">${round.stops.map((stop) => html`<li><b>${stop.name}</b><span>${clockMinute(Date.parse(stop.starts_at))}–${clockMinute(Date.parse(stop.leaves_at))}</span></li>`)}</ol></div>`)}
      <div class="buttons wrap"><button class="button" @click=${() => { this.proposal = null; this.draw(); this.requestUpdate(); }}>${t("plans.drop")}</button>
        <button class="button primary" ?disabled=${this.busy || !rounds.length} @click=${() => void this.give()}>${t("plans.give")}</button></div></section>`;
  }

  /** 株洲-巡-01 即使直接前往也将迟到 12 分 */
  private why(one: Proposal["left_out"][number]): string {
    const words = t(`plans.why.${one.code}` as Key);
    const late = one.code === "too_late" ? one.units.filter((unit) => unit.late_s !== null).sort((a, b) => a.late_s! - b.late_s!)[0] : undefined;
    return late ? t("plans.why.by", { why: words, unit: late.call_sign, span: minutesSeconds(late.late_s!) }) : words;
  }
}

customElements.define("tianshu-plans", Plans);
