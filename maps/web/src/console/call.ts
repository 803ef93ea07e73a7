/** One call: its facts and timers, who is on it, who could come, calls that may be the same, its timeline, its end. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { areas } from "../map/areas.ts";
import { priorityMark } from "../live/call-list.ts";
import { get, patch, post, remove, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { placed } from "../shared/place.ts";
import { session } from "../shared/session.ts";
import { clockTime, duration } from "../shared/time.ts";
import { OVER, type Assignment, type CallOut, type CallRecord } from "../shared/types.ts";
import type { World } from "../shared/world.ts";
import { ask, type Question } from "./ask.ts";
import { candidates, type Candidates } from "./candidates.ts";
import { countdown } from "./countdown.ts";
import { similarEntry } from "./intake.ts";
import { sending } from "./sending.ts";
import { loadTables, say, type Similar, type Tables } from "./tables.ts";
import { timeline } from "./timeline.ts";
import { callTimer } from "./timers.ts";

const RELOAD_MS = 300;

export class CallDetail extends Part {
  static override properties = { call: { attribute: false }, world: { attribute: false }, now_ms: { attribute: false }, place: { attribute: false } };

  declare call: CallOut;
  declare world: World;
  declare now_ms: number;
  /** Where the map was clicked while the call's place is unknown. */
  declare place: [number, number] | null;
  private advice: Candidates | null = null;
  private record: CallRecord | null = null;
  private similar: Similar[] = [];
  private tables: Tables | null = null;
  private asking = false;
  /** The officer asked for the recommendations before they had come. */
  private wanted = false;
  private busy = false;
  private question: Question | null = null;
  private said: { kind: "ok" | "error"; words: string } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void loadTables().then((tables) => { this.tables = tables; this.requestUpdate(); }, () => undefined);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("call");
    if (!changed.has("call") || before === this.call) return;
    if (before?.id !== this.call.id) {
      Object.assign(this, { advice: null, record: null, similar: [], wanted: false, question: null, said: null });
      void this.reload();
      void this.compare();
      if (this.mayDispatch) void this.ask();
    } else {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.reload(), RELOAD_MS);
    }
  }

  private get mayDispatch(): boolean {
    return session.may("dispatch");
  }

  get closed(): boolean {
    return this.call.state === "closed";
  }

  /** Ask the server who could come. */
  async ask(): Promise<void> {
    const { id } = this.call;
    if (!placed(this.call) || this.closed) return;
    this.asking = true;
    const answer = await this.attempt(() => get<Candidates>(`/calls/${id}/candidates`));
    if (id !== this.call.id) return;
    this.advice = answer;
    this.asking = false;
    this.requestUpdate();
    if (this.wanted) this.recommend();
  }

  /** Go to the first unit that could be sent, as soon as it is known. */
  recommend(): void {
    this.wanted = this.advice === null;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[data-send]")?.focus());
  }

  private async compare(): Promise<void> {
    const { id } = this.call;
    const similar = await get<Similar[]>(`/calls/${id}/similar`).catch(() => []);
    if (id !== this.call.id) return;
    this.similar = similar;
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

  /** Take a step, say that it was taken, and read the call anew. */
  private async act(path: string, body: unknown, words = ""): Promise<boolean> {
    const done = await this.attempt(() => post(path, body).then(() => true));
    if (done && words) this.said = { kind: "ok", words };
    if (done) this.question = null;
    await this.reload();
    return done === true;
  }

  private async send(unitId: number, sign: string, level: "dispatched" | "proposed"): Promise<void> {
    await this.act(`/calls/${this.call.id}/assignments`, { unit_id: unitId, level }, t(level === "proposed" ? "call.proposed" : "call.assigned", { unit: sign }));
    const { said } = this;
    await this.ask();
    this.said ??= said;
    await this.updateComplete;
    this.querySelector<HTMLElement>("[data-step]")?.focus();
  }

  private async step(one: Assignment, step: string): Promise<void> {
    await (step === "dispatch" ? this.act(`/assignments/${one.id}/dispatch`, {}) : this.act(`/assignments/${one.id}/status`, { state: step }));
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[data-step]")?.focus());
  }

  private withdraw(one: Assignment): void {
    this.put({ label: t("call.withdraw_reason"), hint: "", act: t("call.withdraw"), run: (reason) => void this.act(`/assignments/${one.id}/withdraw`, { reason }).then(() => this.ask()) });
  }

  /** 签收 */
  sign(): void {
    if (this.call.signed_at === null && this.mayDispatch && !this.closed) void this.act(`/calls/${this.call.id}/sign`, {}, t("call.signed"));
  }

  private feedback(): void {
    this.put({ label: t("call.feedback"), hint: t("call.feedback_hint"), act: t("call.feedback_send"), run: (text) => void this.act(`/calls/${this.call.id}/feedback`, { text }, t("call.feedback_sent")) });
  }

  /** Ask for the result and close the call. */
  end(): void {
    if (this.closed || !this.mayDispatch) return;
    const codes = (this.tables?.results ?? []).map((one) => ({ code: one.code, words: say(one.name) }));
    this.put({ label: t("call.result"), hint: t("call.result_hint"), act: t("call.close"), codes, run: (result, chosen) => void this.finish(result, chosen) });
  }

  private async finish(result: string, chosen: string): Promise<void> {
    if (!result) return this.refuse(t("call.result_needed"));
    const { id } = this.call;
    if (await this.act(`/calls/${id}/close`, { result, ...(chosen ? { result_code: chosen } : {}) })) this.dispatchEvent(new CustomEvent("call-closed", { detail: id, bubbles: true }));
  }

  private reopen(): void {
    this.put({ label: t("call.reopen_reason"), hint: "", act: t("call.reopen"), run: (reason) => void this.act(`/calls/${this.call.id}/reopen`, { reason }, t("call.reopened")) });
  }

  private put(question: Question): void {
    const { run } = question;
    const needed = (text: string, chosen: string): void => (text ? run(text, chosen) : this.refuse(t("call.words_needed")));
    this.question = { ...question, run: needed };
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(".ask select, .ask input")?.focus());
  }

  private refuse(words: string): void {
    this.said = { kind: "error", words };
    this.requestUpdate();
  }

  private async link(other: number, on: boolean): Promise<void> {
    const path = `/calls/${this.call.id}/links`;
    await this.attempt(() => (on ? post(path, { other_id: other, kind: "duplicate" }) : remove(`${path}/${other}`)));
    await this.reload();
  }

  private async setPlace([lon_deg, lat_deg]: [number, number]): Promise<void> {
    await this.attempt(() => patch(`/calls/${this.call.id}`, { lon_deg, lat_deg }));
    await this.reload();
    this.dispatchEvent(new CustomEvent("placed", { bubbles: true }));
    void this.ask();
  }

  private async reload(): Promise<void> {
    const record = await get<CallRecord>(`/calls/${this.call.id}`).catch(() => null);
    if (record?.id !== this.call.id) return;
    this.record = record;
    if (this.closed || record.state !== "closed") this.dispatchEvent(new CustomEvent("call-read", { detail: record, bubbles: true }));
    this.requestUpdate();
  }

  private tell(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }

  override render(): TemplateResult {
    const { call } = this;
    return html`<header class="detail-head">${priorityMark(call.priority)}
        <div><h2>${code("call.kind", call.kind)}</h2><p><span>#${call.id}</span><span>${t(`call.priority.${call.priority}` as Key)}</span><span>${code("call.state", call.state)}</span></p></div>
        <button class="icon-button" aria-label=${t("live.close_detail")} @click=${() => this.tell("close-detail")}>${icon("close")}</button></header>
      <div class="detail-body" tabindex="0" aria-label=${code("call.kind", call.kind)}>
        <div class="said" role="status">${this.said ? html`<p class="message ${this.said.kind}">${this.said.words}</p>` : nothing}</div>
        ${this.tables ? countdown(callTimer(call, this.tables.timers, this.now_ms)) : nothing}
        ${this.facts()}
        ${call.notes ? html`<p class="notes">${call.notes}</p>` : nothing}${this.answers()}
        ${sending(call.assignments, this.world, this.tables, this.now_ms, { busy: this.busy, step: (one, step) => void this.step(one, step), withdraw: (one) => this.withdraw(one), show: (id) => this.tell("show-unit", id) })}
        ${this.mayDispatch && !this.closed ? this.advised() : nothing}${this.related()}
        ${this.record ? timeline(this.record, this.world) : nothing}
      </div>${this.mayDispatch ? this.actions() : nothing}`;
  }

  private facts(): TemplateResult {
    const { call } = this;
    const where = placed(call) ? html`${call.address || areas.name(areas.at(call.lon_deg, call.lat_deg))}<br /><small>${call.lon_deg.toFixed(5)}, ${call.lat_deg.toFixed(5)}</small>` : html`${call.address} <span class="tag warning">${t("call.place_unknown")}</span>`;
    return html`<dl class="facts"><dt>${t("call.place")}</dt><dd>${where}${call.outside ? html`<br /><span class="tag">${t("call.outside")}</span>` : nothing}</dd>
        <dt>${t("call.taken")}</dt><dd>${clockTime(Date.parse(call.taken_at))}<br /><small>${t("call.age", { span: duration((this.now_ms - Date.parse(call.taken_at)) / 1000) })}</small></dd>
        ${this.closed && this.record ? html`<dt>${t("call.result")}</dt><dd>${this.record.result}</dd>` : nothing}</dl>
      ${placed(call) || this.closed ? nothing : html`<div class="place-line"><p class="message">${icon("pin")}<span>${t("call.place_later")}</span></p>${this.place ? html`<button class="button primary" @click=${() => void this.setPlace(this.place!)}>${t("call.set_place")}</button>` : nothing}</div>`}`;
  }

  private answers(): TemplateResult | typeof nothing {
    const questions = this.tables?.kinds.find((kind) => kind.code === this.call.kind)?.questions ?? [];
    const given = questions.filter((question) => this.call.answers[question.id]);
    if (!given.length) return nothing;
    const words = (question: (typeof given)[number]): string => {
      const answer = this.call.answers[question.id]!;
      if (question.answer === "yes_no") return t(answer === "yes" ? "answer.yes" : "answer.no");
      const choice = question.choices.find((one) => one.code === answer);
      return choice ? say(choice.name) : answer;
    };
    return html`<dl class="facts answers">${given.map((question) => html`<dt>${say(question.text)}</dt><dd>${words(question)}</dd>`)}</dl>`;
  }

  private advised(): TemplateResult {
    return html`<section><div class="section-head"><h3>${t("call.recommended")}</h3>
        <button class="button quiet" ?disabled=${this.asking} @click=${() => void this.ask()}>${t("call.recommend_again")}</button></div>
      ${this.asking && !this.advice ? html`<p class="message"><span class="spinner"></span>${t("live.loading")}</p>` : nothing}
      ${this.advice ? candidates(this.advice, { busy: this.busy, send: (id, sign, level) => void this.send(id, sign, level), show: (id) => this.tell("show-unit", id) }) : nothing}</section>`;
  }

  private related(): TemplateResult | typeof nothing {
    const links = this.record?.links ?? [];
    const linked = new Set(links.map((link) => link.call_id));
    const open = (id: number): TemplateResult => html`<button class="button" @click=${() => this.tell("open-call", id)}>${t("call.open_it")}</button>`;
    const similar = this.mayDispatch && !this.closed ? this.similar.filter((one) => !linked.has(one.call.id)) : [];
    if (!links.length && !similar.length) return nothing;
    return html`<section><h3>${icon("link")}${t("call.related")}</h3><ul class="entries">
      ${links.map((link) => html`<li class="entry"><div class="entry-row"><span class="row-main"><b>#${link.call_id}</b><small>${code("call.link", link.kind)}</small></span>${open(link.call_id)}
        ${this.mayDispatch ? html`<button class="button quiet" ?disabled=${this.busy} @click=${() => void this.link(link.call_id, false)}>${t("call.unlink")}</button>` : nothing}</div></li>`)}
      ${similar.map((one) => similarEntry(one, html`${open(one.call.id)}<button class="button" ?disabled=${this.busy} @click=${() => void this.link(one.call.id, true)}>${t("call.link_it")}</button>`))}</ul></section>`;
  }

  private actions(): TemplateResult {
    const cancel = (): void => { this.question = null; this.requestUpdate(); };
    if (this.question) return html`<div class="detail-actions">${ask(this.question, this.busy, cancel)}</div>`;
    if (this.closed) return html`<div class="detail-actions"><button class="button wide" @click=${() => this.reopen()}>${icon("replay")}${t("call.reopen")}</button></div>`;
    const working = this.call.assignments.some((one) => !OVER.includes(one.state));
    return html`<div class="detail-actions">
      ${this.call.signed_at === null ? html`<button class="button primary wide" aria-keyshortcuts="S" ?disabled=${this.busy} @click=${() => this.sign()}>${icon("check")}${t("call.sign")}</button>` : nothing}
      <button class="button" @click=${() => this.feedback()}>${t("call.feedback")}</button>
      <button class="button" aria-keyshortcuts="C" title=${working ? t("call.units_there") : nothing} @click=${() => this.end()}>${t("call.close")}</button></div>`;
  }
}

customElements.define("tianshu-call", CallDetail);
