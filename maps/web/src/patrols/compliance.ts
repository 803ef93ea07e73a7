/** Compliance (巡逻考核): the plans of a day, what the track proves of each stop, and the fixes that prove it. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { get, query, remove } from "../shared/api.ts";
import { dayField } from "../shared/moment.ts";
import { session } from "../shared/session.ts";
import { beijingDay, clockMinute, clockTime, DAY_MS, dayStart, duration, minutesSeconds } from "../shared/time.ts";
import type { Page } from "../shared/types.ts";
import { checkpointFeatures, point } from "./layers.ts";
import { Tab } from "./tab.ts";

interface Plan {
  id: number;
  call_sign: string;
  name: string;
  starts_at: string;
  ends_at: string;
  ordered: boolean;
  stops: unknown[];
}

interface Evidence {
  at: string;
  lon_deg: number;
  lat_deg: number;
  accuracy_m: number;
  distance_m: number;
}

interface Result {
  checkpoint_id: number;
  name: string;
  lon_deg: number;
  lat_deg: number;
  state: string;
  needed_s: number;
  dwell_s: number;
  dwell_at_most_s: number;
  arrived_at: string | null;
  out_of_order: boolean;
  evidence: Evidence[];
}

interface Judged {
  plan: Plan;
  fixes: number;
  silent_s: number;
  stops: Result[];
  counts: Record<string, number>;
}

const STATES = ["visited", "too_short", "missed", "unproven", "pending"] as const;

export class Compliance extends Tab {
  private day = beijingDay(Date.now());
  private plans: Plan[] = [];
  private judged: Judged | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.attempt(() => this.load());
  }

  private async load(): Promise<void> {
    const start_ms = dayStart(this.day);
    const span = query({ start: new Date(start_ms).toISOString(), end: new Date(start_ms + DAY_MS).toISOString() });
    this.plans = (await get<Page<Plan>>(`/patrols/plans${span}`)).items;
  }

  private turn(event: SubmitEvent): void {
    event.preventDefault();
    const day = String(new FormData(event.target as HTMLFormElement).get("day")).trim();
    if (Number.isNaN(dayStart(day))) return this.refuse(t("patrols.day_wrong"));
    Object.assign(this, { day, judged: null });
    this.draw();
    void this.attempt(() => this.load());
  }

  private async judge(plan: Plan): Promise<void> {
    this.judged = null;
    await this.attempt(async () => { this.judged = await get<Judged>(`/patrols/compliance?plan_id=${plan.id}`); });
    this.draw();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(".judged")?.focus());
  }

  private draw(): void {
    const stops = this.judged?.stops ?? [];
    const named = new Map(stops.map((stop) => [stop.checkpoint_id, `${stop.name} ${t(`compliance.${stop.state}` as Key)}`]));
    this.shelf.show("checkpoints", checkpointFeatures(this.shelf.checkpoints, new Map(stops.map((stop) => [stop.checkpoint_id, stop.state])), named));
    this.shelf.show("evidence", []);
    this.shelf.fit(stops.map((stop) => [stop.lon_deg, stop.lat_deg]));
  }

  private prove(stop: Result): void {
    this.shelf.show("evidence", stop.evidence.map((fix) => point([fix.lon_deg, fix.lat_deg], { label: clockTime(Date.parse(fix.at)) })));
    this.shelf.fit([[stop.lon_deg, stop.lat_deg], ...stop.evidence.map((fix): [number, number] => [fix.lon_deg, fix.lat_deg])]);
  }

  private async cancel(plan: Plan): Promise<void> {
    await this.attempt(async () => {
      await remove(`/patrols/plans/${plan.id}`);
      this.judged = null;
      await this.load();
    }, t("compliance.cancelled", { name: plan.name }));
    this.draw();
  }

  override render(): TemplateResult {
    return html`${this.said()}<form class="day-row" @submit=${(event: SubmitEvent) => this.turn(event)}>${dayField("day", t("patrols.day"), this.day)}<button class="button">${t("patrols.look")}</button></form>
      ${this.judged ? this.answer(this.judged) : nothing}
      ${this.plans.length ? html`<ul class="entries">${this.plans.map((plan) => this.item(plan))}</ul>` : html`<p class="empty">${t("compliance.none")}</p>`}`;
  }

  private item(plan: Plan): TemplateResult {
    const span = `${clockMinute(Date.parse(plan.starts_at))}–${clockMinute(Date.parse(plan.ends_at))}`;
    return html`<li class="entry"><div class="entry-row"><span class="row-main"><b>${plan.call_sign}</b><small>${plan.name} · ${span} · ${t("compliance.stops", { n: plan.stops.length })}</small></span>
      <button class="button" ?disabled=${this.busy} aria-label="${t("compliance.judge")} ${plan.call_sign} ${plan.name}" @click=${() => void this.judge(plan)}>${t("compliance.judge")}</button>
      ${session.may("manage_patrols") ? html`<button class="button quiet small" ?disabled=${this.busy} aria-label="${t("compliance.cancel")} ${plan.call_sign} ${plan.name}" @click=${() => void this.cancel(plan)}>${t("compliance.cancel")}</button>` : nothing}</div></li>`;
  }

  private answer(judged: Judged): TemplateResult {
    const counts = STATES.filter((state) => judged.counts[state]).map((state) => t("compliance.count", { state: t(`compliance.${state}`), n: judged.counts[state]! }));
    return html`<section class="card judged" tabindex="-1" aria-label=${t("patrols.compliance")}><h2>${judged.plan.call_sign} <small>${judged.plan.name}</small></h2>
      <p>${counts.join(t("list.dot"))}</p><p class="hint">${t("compliance.heard", { n: judged.fixes, span: duration(judged.silent_s) })}</p>
      <ul class="entries">${judged.stops.map((stop) => this.stop(stop))}</ul></section>`;
  }

  private stop(stop: Result): TemplateResult {
    const stayed = stop.arrived_at === null ? t("compliance.needs", { span: minutesSeconds(stop.needed_s) })
      : t("compliance.stayed", { at: clockTime(Date.parse(stop.arrived_at)), least: minutesSeconds(stop.dwell_s), most: minutesSeconds(stop.dwell_at_most_s), span: minutesSeconds(stop.needed_s) });
    return html`<li class="entry" data-verdict=${stop.state}><div class="entry-row"><span class="row-main"><b>${stop.name}</b><small>${stayed}</small></span><span class="verdict" data-state=${stop.state}>${t(`compliance.${stop.state}` as Key)}</span></div>
      ${stop.out_of_order ? html`<p><span class="tag warning">${t("compliance.out_of_order")}</span></p>` : nothing}
      ${stop.evidence.length ? html`<details><summary>${t("compliance.evidence", { n: stop.evidence.length })}</summary><ol class="evidence">${stop.evidence.map((fix) => html`<li>${clockTime(Date.parse(fix.at))}<span>${t("compliance.fix", { m: Math.round(fix.distance_m), accuracy: Math.round(fix.accuracy_m) })}</span></li>`)}</ol>
        <button class="button small" @click=${() => this.prove(stop)}>${t("compliance.on_map")}</button></details>` : html`<p class="hint">${t("compliance.no_evidence")}</p>`}</li>`;
  }
}

customElements.define("tianshu-compliance", Compliance);
