/**
 * Several calls that wait, decided together beside one after the other: which unit to which call, what each way costs,
 * and each pair sent with one key. The server has the last word on every pair.
 */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { byUrgency, priorityMark } from "../live/call-list.ts";
import { get, post, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { minutesSeconds } from "../shared/time.ts";
import type { CallOut } from "../shared/types.ts";
import type { World } from "../shared/world.ts";

interface Match {
  call_id: number;
  unit: { id: number; call_sign: string; kind: string };
  time_s: number;
  estimated: boolean;
}

interface Plan {
  together: Match[];
  one_by_one: Match[];
  total_together_s: number;
  total_one_by_one_s: number;
  left: number[];
}

const WAYS = ["together", "one_by_one"] as const;
type Way = (typeof WAYS)[number];
const STEPS: Record<string, [number, number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };

/** The calls that nobody was sent to, the most urgent first. */
export const waiting = (world: World): CallOut[] => byUrgency(world.calls.values()).filter((call) => call.state === "open");

export class Joint extends Part {
  static override properties = { world: { attribute: false }, now_ms: { attribute: false } };

  declare world: World;
  declare now_ms: number;
  private plan: Plan | null = null;
  private calls: CallOut[] = [];
  private sent = new Map<number, string>();
  private busy = false;
  private said: { kind: "ok" | "error"; words: string } | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.ask().then(() => this.focusPair());
  }

  /** Ask the server anew who should go where. */
  private async ask(): Promise<void> {
    this.busy = true;
    this.requestUpdate();
    try {
      this.plan = await get<Plan>("/recommendations?calls=all");
      this.calls = waiting(this.world);
      this.sent.clear();
    } catch (error) {
      this.said = { kind: "error", words: sentence(error) };
    }
    this.busy = false;
    this.requestUpdate();
  }

  private async send(match: Match): Promise<void> {
    this.busy = true;
    this.said = null;
    this.requestUpdate();
    const { call_id, unit } = match;
    try {
      await post(`/calls/${call_id}/assignments`, { unit_id: unit.id, level: "dispatched" });
      this.sent.set(call_id, unit.call_sign);
      this.said = { kind: "ok", words: t("joint.sent", { unit: unit.call_sign, id: call_id }) };
      this.busy = false;
      this.requestUpdate();
    } catch (error) {
      const words = sentence(error);
      await this.ask();
      this.said = { kind: "error", words: t("joint.refused", { unit: unit.call_sign, id: call_id, why: words }) };
      this.requestUpdate();
    }
    this.focusPair();
  }

  /** To the next pair that can be sent. */
  private focusPair(): void {
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[data-way=together]:not([disabled])")?.focus());
  }

  private onKey(event: KeyboardEvent): void {
    const step = STEPS[event.key];
    const at = (event.target as Element).closest<HTMLElement>("[data-pair]");
    if (!step || !at) return;
    event.preventDefault();
    event.stopPropagation();
    const [row, column] = [this.calls.findIndex((call) => call.id === Number(at.dataset["pair"])), WAYS.indexOf(at.dataset["way"] as Way)];
    const way = WAYS[Math.max(0, Math.min(WAYS.length - 1, column + step[1]))];
    for (let next = row + step[0]; next >= 0 && next < this.calls.length; next += step[0] || this.calls.length) {
      const pair = this.querySelector<HTMLElement>(`[data-pair="${this.calls[next]!.id}"][data-way=${way}]:not([disabled])`);
      if (pair) return pair.focus();
    }
  }

  override render(): TemplateResult {
    const close = (): void => void this.dispatchEvent(new CustomEvent("close-detail", { bubbles: true }));
    return html`<header class="detail-head"><div><h2>${t("joint.title")}</h2><p><span>${t("joint.calls", { n: this.calls.length })}</span></p></div>
        <button class="icon-button" aria-label=${t("live.close_detail")} @click=${close}>${icon("close")}</button></header>
      <div class="detail-body" tabindex="0" aria-label=${t("joint.title")} @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
        <div class="said" role="status">${this.said ? html`<p class="message ${this.said.kind}">${this.said.words}</p>` : nothing}</div>
        ${this.plan ? this.answer(this.plan) : this.busy ? html`<p class="message"><span class="spinner"></span>${t("live.loading")}</p>` : nothing}
        <button class="button" ?disabled=${this.busy} @click=${() => void this.ask().then(() => this.focusPair())}>${t("call.recommend_again")}</button></div>`;
  }

  private answer(plan: Plan): TemplateResult {
    if (!this.calls.length) return html`<p class="message ok">${t("joint.none")}</p>`;
    return html`${totals(plan)}
      <ul class="entries joint">${this.calls.map((call) => html`<li class="entry"><div class="entry-row">${priorityMark(call.priority)}<span class="row-main"><b>${code("call.kind", call.kind)}</b><small>#${call.id} ${call.address}</small></span></div>
        <div class="joint-ways">${WAYS.map((way) => this.pair(call, way, plan[way].find((one) => one.call_id === call.id)))}</div></li>`)}</ul>
      ${plan.one_by_one.some((one) => one.estimated) || plan.together.some((one) => one.estimated) ? html`<p class="message warning">${t("joint.estimated")}</p>` : nothing}`;
  }

  private pair(call: CallOut, way: Way, match: Match | undefined): TemplateResult {
    const label = t(`joint.${way}` as Key);
    if (!match) return html`<p class="joint-pair none"><small>${label}</small><b>${t(this.plan?.left.includes(call.id) ? "joint.nobody" : "joint.no_place")}</b></p>`;
    const { unit } = match;
    const gone = this.sent.get(call.id) ?? (this.isFree(unit.id) ? "" : "taken");
    const state = gone === unit.call_sign ? t("joint.done") : gone ? t("joint.taken") : t("call.assign");
    return html`<button class="button joint-pair" data-pair=${call.id} data-way=${way} ?disabled=${this.busy || gone !== ""} @click=${() => void this.send(match)}>
      <small>${label}</small><b>${unit.call_sign}</b><span>${minutesSeconds(match.time_s)}${match.estimated ? html` <span class="tag warning">${t("call.estimated")}</span>` : nothing}</span><small>${state} <span class="visually-hidden">#${call.id}</span></small></button>`;
  }

  private isFree(id: number): boolean {
    return this.world.units.get(id)?.state === "free";
  }
}

function totals(plan: Plan): TemplateResult {
  const saved_s = plan.total_one_by_one_s - plan.total_together_s;
  const more = plan.together.length - plan.one_by_one.length;
  const words = more > 0 ? t("joint.more", { n: more }) : saved_s >= 1 ? t("joint.saves", { span: minutesSeconds(saved_s) }) : t("joint.same");
  return html`<dl class="facts joint-totals">${WAYS.map((way) => html`<dt>${t(`joint.${way}` as Key)}</dt><dd data-total=${way}>${t("joint.total", { span: minutesSeconds(plan[`total_${way}_s`]), n: plan[way].length })}</dd>`)}
    <dt>${t("joint.difference")}</dt><dd data-total="saved"><b>${words}</b></dd></dl>`;
}

customElements.define("tianshu-joint", Joint);
