/** One call: who is on it, who could come, the steps of those sent, its end. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { areas } from "../map/areas.ts";
import { get, post, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";
import { clockMinute, clockTime, duration, minutesSeconds } from "../shared/time.ts";
import type { Assignment, CallOut, CallRecord, Recommendation } from "../shared/types.ts";
import { unitSymbol } from "../shared/unit-symbol.ts";
import type { World } from "../shared/world.ts";
import { priorityMark } from "./call-list.ts";
import { reasonWords } from "./reasons.ts";

const NEXT: Record<string, string[]> = { dispatched: ["en_route"], en_route: ["on_scene"], on_scene: ["clear"] };

export class CallDetail extends Part {
  static override properties = { call: { attribute: false }, world: { attribute: false }, now_ms: { attribute: false } };

  declare call: CallOut;
  declare world: World;
  declare now_ms: number;
  private advice: Recommendation[] | null = null;
  private record: CallRecord | null = null;
  private asking = false;
  private busy = false;
  private closing = false;
  private said: { kind: "ok" | "error"; words: string } | null = null;

  override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("call");
    if (changed.has("call") && before?.id !== this.call.id) {
      Object.assign(this, { advice: null, record: null, closing: false, said: null });
      void this.reload();
      if (session.may("dispatch")) void this.ask();
    } else if (changed.has("call") && before !== this.call && before?.assignments.length !== this.call.assignments.length) {
      void this.reload();
    }
  }

  /** Ask the server who could come. */
  private async ask(): Promise<void> {
    const { id } = this.call;
    this.asking = true;
    const answer = await this.attempt(() => get<Recommendation[]>(`/calls/${id}/recommendations`));
    if (id !== this.call.id) return;
    this.advice = answer ?? [];
    this.asking = false;
    this.requestUpdate();
  }

  /** Do something at the server; a refusal becomes a sentence on the page and null. */
  private async attempt<T>(work: () => Promise<T>): Promise<T | null> {
    this.busy = true;
    this.said = null;
    this.requestUpdate();
    try {
      return await work();
    } catch (error) {
      this.said = { kind: "error", words: sentence(error) };
      return null;
    } finally {
      this.busy = false;
      this.requestUpdate();
    }
  }

  private async assign(unit: Recommendation["unit"]): Promise<void> {
    const done = await this.attempt(() => post(`/calls/${this.call.id}/assignments`, { unit_id: unit.id }));
    if (done === null) return void this.ask();
    this.said = { kind: "ok", words: t("call.assigned", { unit: unit.call_sign }) };
    this.advice = this.advice?.filter((other) => other.unit.id !== unit.id) ?? null;
    await this.reload();
  }

  private async step(assignment: Assignment, state: string): Promise<void> {
    await this.attempt(() => post(`/assignments/${assignment.id}/status`, { state }));
    await this.reload();
  }

  private async close(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const result = String(new FormData(event.target as HTMLFormElement).get("result")).trim();
    if (!result) {
      this.said = { kind: "error", words: t("call.result_needed") };
      return this.requestUpdate();
    }
    const before = this.call.id;
    const done = await this.attempt(() => post<CallOut>(`/calls/${before}/close`, { result }).then(() => true));
    if (done) this.dispatchEvent(new CustomEvent("call-closed", { detail: before, bubbles: true }));
  }

  private async reload(): Promise<void> {
    const call = await get<CallRecord>(`/calls/${this.call.id}`).catch(() => null);
    if (call?.id !== this.call.id) return;
    this.record = call;
    this.world.mergeCalls([call]);
  }

  override render(): TemplateResult {
    const { call } = this;
    const close = (): unknown => this.dispatchEvent(new CustomEvent("close-detail", { bubbles: true }));
    return html`<header class="detail-head">${priorityMark(call.priority)}
        <div><h2>${code("call.kind", call.kind)}</h2><p><span>${t(`call.priority.${call.priority}` as Key)}</span><span>${code("call.state", call.state)}</span></p></div>
        <button class="icon-button" aria-label=${t("live.close_detail")} @click=${close}>${icon("close")}</button></header>
      <div class="detail-body">
        <div class="said" role="status">${this.said ? html`<p class="message ${this.said.kind}">${this.said.words}</p>` : nothing}</div>
        <dl class="facts">
          <dt>${t("call.place")}</dt><dd>${call.address || areas.name(areas.at(call.lon_deg, call.lat_deg))}<br /><small>${call.lon_deg.toFixed(5)}, ${call.lat_deg.toFixed(5)}</small></dd>
          <dt>${t("call.taken")}</dt><dd>${clockTime(Date.parse(call.taken_at))}<br /><small>${t("call.age", { span: duration((this.now_ms - Date.parse(call.taken_at)) / 1000) })}</small></dd>
        </dl>
        ${call.notes ? html`<p class="notes">${call.notes}</p>` : nothing}
        ${this.assigned()}${session.may("dispatch") ? this.advised() : nothing}${this.log()}
      </div>
      ${session.may("dispatch") ? html`<div class="detail-actions">${this.closing ? this.closeForm() : html`<button class="button wide" @click=${() => this.startClosing()}>${icon("check")}${t("call.close")}</button>`}</div>` : nothing}`;
  }

  private assigned(): TemplateResult | typeof nothing {
    const { assignments } = this.call;
    if (!assignments.length) return nothing;
    return html`<section><h3>${t("call.assigned_units")}</h3><ul class="entries">${assignments.map((assignment) => this.assignment(assignment))}</ul></section>`;
  }

  private assignment(assignment: Assignment): TemplateResult {
    const unit = this.world.units.get(assignment.unit_id);
    const underWay = assignment.state === "dispatched" || assignment.state === "en_route";
    return html`<li class="entry"><div class="entry-row">${unitSymbol(unit?.kind ?? "", unit?.state ?? "off_duty", false)}
        <span class="row-main"><b>${unit?.callSign ?? `#${assignment.unit_id}`}</b>
          <small>${underWay && assignment.expected_s !== null ? t("call.expected", { span: minutesSeconds(assignment.expected_s) }) : code("call.assignment", assignment.state)}</small></span>
        ${(NEXT[assignment.state] ?? []).map((state) => html`<button class="button" ?disabled=${this.busy} @click=${() => void this.step(assignment, state)}>${t(`call.step.${state}` as Key)}</button>`)}
      </div>${progress(assignment)}</li>`;
  }

  private advised(): TemplateResult {
    return html`<section><div class="section-head"><h3>${t("call.recommended")}</h3>
        <button class="button quiet" ?disabled=${this.asking} @click=${() => void this.ask()}>${t("call.recommend_again")}</button></div>
      ${this.asking && !this.advice ? html`<p class="message"><span class="spinner"></span>${t("live.loading")}</p>` : nothing}
      ${this.advice?.length === 0 && !this.asking ? html`<p class="message">${t("call.no_recommendation")}</p>` : nothing}
      <ul class="entries">${(this.advice ?? []).map((item) => this.candidate(item))}</ul></section>`;
  }

  private candidate(item: Recommendation): TemplateResult {
    const show = (): unknown => this.dispatchEvent(new CustomEvent("show-unit", { detail: item.unit.id, bubbles: true }));
    return html`<li class="entry"><div class="entry-row">
        <button class="minutes" title=${t("alert.show")} @click=${show}><b>${(item.time_s / 60).toFixed(1)}</b><small>min</small></button>
        <span class="row-main"><b>${item.unit.call_sign}</b><small>${code("unit.kind", item.unit.kind)}</small></span>
        <button class="button primary" ?disabled=${this.busy} aria-label="${t("call.assign")} ${item.unit.call_sign}" @click=${() => void this.assign(item.unit)}>${t("call.assign")}</button></div>
      <p class="reason">${item.estimated ? html`<span class="tag warning" title=${t("call.estimated_hint")}>${t("call.estimated")}</span> ` : nothing}${reasonWords(item)}</p></li>`;
  }

  private log(): TemplateResult | typeof nothing {
    if (!this.record) return nothing;
    return html`<section><h3>${t("call.log")}</h3><ol class="log">${this.record.events.map((event) => {
      const unit = this.world.units.get(Number(event.detail["unit_id"]));
      return html`<li><time>${clockTime(Date.parse(event.at))}</time>${code("call.event", event.what)}${unit ? html` · ${unit.callSign}` : nothing}</li>`;
    })}</ol></section>`;
  }

  private startClosing(): void {
    this.closing = true;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[name=result]")?.focus());
  }

  private closeForm(): TemplateResult {
    return html`<form class="close-form" novalidate @submit=${(event: SubmitEvent) => void this.close(event)}>
      <label class="field"><span>${t("call.result")}</span><input class="input" name="result" placeholder=${t("call.result_hint")} autocomplete="off" /></label>
      <div class="buttons"><button type="button" class="button" @click=${() => { this.closing = false; this.requestUpdate(); }}>${t("call.cancel")}</button>
        <button class="button primary" ?disabled=${this.busy}>${t("call.close")}</button></div></form>`;
  }
}

/** Four steps as a line: filled up to where the unit is. */
function progress(assignment: Assignment): TemplateResult {
  const steps: [string, string | null][] = [["dispatched", assignment.dispatched_at], ["en_route", assignment.en_route_at], ["on_scene", assignment.on_scene_at], ["clear", assignment.clear_at]];
  return html`<ol class="steps">${steps.map(([state, at]) => html`<li ?data-done=${at !== null}>${code("call.assignment", state)}${at === null ? nothing : html`<br />${clockMinute(Date.parse(at))}`}</li>`)}</ol>`;
}

customElements.define("tianshu-call", CallDetail);
