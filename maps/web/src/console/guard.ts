/**
 * What a dispatcher hears and can't overlook, whichever page he looks at: the siren and the panel of an SOS, the ring of
 * a new call, the tone of an alert, the signal of a timer that has run out.
 */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { distance } from "../live/reasons.ts";
import { get, post, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { every, listen, Part } from "../shared/part.ts";
import { placed } from "../shared/place.ts";
import { sounds } from "../shared/sounds.ts";
import { clockTime, duration, minutesSeconds } from "../shared/time.ts";
import type { AlertOut, Recommendation } from "../shared/types.ts";
import { world } from "../shared/world.ts";
import { loadTables, type Tables } from "./tables.ts";
import { pressing } from "./timers.ts";

const LOOK_MS = 1_000;
/** A timer that ran out longer ago, before this page was opened, makes no sound. */
const JUST_S = 10;
const NEAREST = 3;

interface Near {
  sign: string;
  words: string;
}

export class Guard extends Part {
  private closing: number | null = null;
  private failure = "";
  private tables: Tables | null = null;
  private readonly near = new Map<number, Near[]>();
  private readonly late = new Set<string>();

  override connectedCallback(): void {
    super.connectedCallback();
    const on = (type: string, handler: (event: CustomEvent) => void): void =>
      this.whileHere(() => {
        world.addEventListener(type, handler as EventListener);
        return () => world.removeEventListener(type, handler as EventListener);
      });
    on("alerts", () => this.alertsChanged());
    on("call", () => sounds.play("call"));
    on("alert", (event) => this.announce(event.detail as AlertOut));
    this.whileHere(() => every(LOOK_MS, () => this.watchTimers()));
    this.whileHere(() => listen(window, "keydown", (event) => this.onKey(event)));
    this.whileHere(() => () => sounds.alarm(false));
    void loadTables().then((tables) => { this.tables = tables; }, () => undefined);
    void world.open().then((stop) => (this.isConnected ? this.whileHere(() => stop) : stop()), () => undefined);
  }

  private get emergencies(): AlertOut[] {
    return [...world.alerts.values()].filter((alert) => alert.kind === "sos").sort((a, b) => Number(a.state !== "open") - Number(b.state !== "open") || a.id - b.id);
  }

  private alertsChanged(): void {
    const { emergencies } = this;
    sounds.alarm(emergencies.some((alert) => alert.state === "open"));
    for (const alert of emergencies) if (!this.near.has(alert.id)) void this.propose(alert);
    this.requestUpdate();
  }

  /** A tone; for an SOS the siren sounds already, and what lies over the page makes way (its text is kept). */
  private announce(alert: AlertOut): void {
    if (alert.kind !== "sos") return sounds.play("alert");
    for (const dialog of document.querySelectorAll<HTMLDialogElement>("dialog[open]")) dialog.close();
  }

  /** Who is there soonest by road; only where that is not answered, who is nearest in a straight line, said to be a guess. */
  private async propose(alert: AlertOut): Promise<void> {
    this.near.set(alert.id, []);
    const words = (time_s: number, length_m: number, estimated: boolean): string => `${minutesSeconds(time_s)}${t("list.dot")}${estimated ? `${t("call.estimated")} ` : ""}${distance(length_m)}`;
    const found = await get<Recommendation[]>(`/alerts/${alert.id}/recommendations`).catch(() => []);
    const said = (alert.detail["nearest"] ?? []) as { call_sign: string; airline_m: number; time_s: number }[];
    const near = found.length
      ? found.map((one) => ({ sign: one.unit.call_sign, words: words(one.time_s, one.length_m, one.estimated) }))
      : said.map((one) => ({ sign: one.call_sign, words: words(one.time_s, one.airline_m, true) }));
    this.near.set(alert.id, near.slice(0, NEAREST));
    this.requestUpdate();
  }

  private watchTimers(): void {
    if (this.emergencies.length) this.requestUpdate();
    if (!this.tables) return;
    for (const call of world.calls.values()) {
      const timer = pressing(call, this.tables.timers, Date.now());
      const key = `${call.id}:${timer?.what}`;
      if (!timer || timer.left_s >= 0 || this.late.has(key)) continue;
      this.late.add(key);
      if (timer.left_s > -JUST_S) sounds.play("late");
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (!event.altKey || event.code !== "KeyS" || !this.emergencies.length) return;
    event.preventDefault();
    this.querySelector<HTMLElement>("button")?.focus();
  }

  private async send(alert: AlertOut, step: string, body?: unknown): Promise<void> {
    this.failure = "";
    try {
      const answer = await post<AlertOut>(`/alerts/${alert.id}/${step}`, body);
      this.closing = null;
      if (answer) world.mergeAlerts([answer]);
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
  }

  private close(alert: AlertOut, event: SubmitEvent): void {
    event.preventDefault();
    const reason = String(new FormData(event.target as HTMLFormElement).get("reason")).trim();
    if (reason) return void this.send(alert, "close", { reason });
    this.failure = t("alert.reason_needed");
    this.requestUpdate();
  }

  private ask(id: number | null): void {
    this.closing = id;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[name=reason]")?.focus());
  }

  override render(): TemplateResult | typeof nothing {
    const { emergencies } = this;
    if (!emergencies.length) return nothing;
    return html`<section class="sos-board" role="alert" aria-label=${t("sos.title")}>${emergencies.map((alert) => this.item(alert))}</section>`;
  }

  private item(alert: AlertOut): TemplateResult {
    const open = alert.state === "open";
    const tell = (type: string): void => { dispatchEvent(new CustomEvent(type, { detail: alert })); };
    const age = duration((Date.now() - Date.parse(alert.at)) / 1000);
    return html`<article class="sos" data-state=${alert.state}>
      <header><span class="sos-mark" aria-hidden="true">SOS</span><div><h2>${alert.call_sign ?? t("sos.unknown")}</h2><p>${clockTime(Date.parse(alert.at))}${t("list.dot")}${t("time.ago", { span: age })}${open ? nothing : html`${t("list.dot")}${t("alert.state.acknowledged")}`}</p></div></header>
      ${placed(alert) ? nothing : html`<p class="message warning">${t("sos.no_place")}</p>`}
      ${this.nearest(alert)}
      ${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}
      ${this.closing === alert.id ? this.reasonForm(alert) : html`<div class="buttons">
        ${open ? html`<button class="button danger" @click=${() => void this.send(alert, "acknowledge")}>${icon("check")}${t("sos.acknowledge")}</button>` : nothing}
        <button class="button" @click=${() => tell("tianshu:show-alert")}>${icon("target")}${t("alert.show")}</button>
        <button class="button" @click=${() => tell("tianshu:call-from-alert")}>${icon("plus")}${t("sos.take")}</button>
        ${open ? nothing : html`<button class="button" @click=${() => this.ask(alert.id)}>${t("alert.close")}</button>`}</div>`}</article>`;
  }

  private nearest(alert: AlertOut): TemplateResult | typeof nothing {
    const near = this.near.get(alert.id) ?? [];
    if (!near.length) return nothing;
    return html`<div class="sos-near"><h3>${t("sos.nearest")}</h3><ol>${near.map((one) => html`<li><b>${one.sign}</b><span>${one.words}</span></li>`)}</ol></div>`;
  }

  private reasonForm(alert: AlertOut): TemplateResult {
    return html`<form class="close-form" novalidate @submit=${(event: SubmitEvent) => this.close(alert, event)}>
      <label class="field"><span>${t("alert.reason")}</span><input class="input" name="reason" placeholder=${t("alert.reason_hint")} autocomplete="off" /></label>
      <div class="buttons"><button type="button" class="button" @click=${() => this.ask(null)}>${t("call.cancel")}</button><button class="button danger">${t("alert.close")}</button></div></form>`;
  }
}

customElements.define("tianshu-guard", Guard);
