/** The officer's phone: my call, the way to it, one-tap status, guidance to check off, SOS by holding a button. */

import { html, nothing, type TemplateResult } from "lit";
import { code, learn, t, type Key } from "../i18n/index.ts";
import { officerEn } from "../i18n/officer.en.ts";
import { officerZh } from "../i18n/officer.zh.ts";
import { distance } from "../live/distance.ts";
import { get, post, Problem, put, remove, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { every, listen, Part } from "../shared/part.ts";
import { prefs } from "../shared/prefs.ts";
import { clockMinute, minutesSeconds } from "../shared/time.ts";
import { guidance } from "./guidance.ts";
import type { Guidance, My, UnitChoice } from "./my.ts";
import "./officer.css";
import "./sos.ts";

learn(officerZh, officerEn);

const EVERY_MS = 3_000;
/** The one step that comes next, as one large button. */
const NEXT: Record<string, [string, Key]> = {
  dispatched: ["accepted", "officer.accept"],
  accepted: ["en_route", "officer.en_route"],
  en_route: ["on_scene", "officer.on_scene"],
  on_scene: ["clear", "officer.clear"],
};
const REFUSABLE = ["proposed", "dispatched", "accepted"];

export class OfficerPage extends Part {
  private my: My | null = null;
  private units: UnitChoice[] | null = null;
  private read_ms = Date.now();
  private away = false;
  private busy = false;
  private asking: "refuse" | "feedback" | null = null;
  private mapShown = innerHeight > 700;
  private said: { kind: "ok" | "error"; words: string } | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.whileHere(() => every(EVERY_MS, () => void this.read()));
    this.whileHere(() => listen(window, "online", () => void this.read()));
    document.querySelector("meta[name=viewport]")?.setAttribute("content", "width=device-width, initial-scale=1, viewport-fit=cover");
    if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/officer.sw.js", { scope: "/officer" }).catch(() => undefined);
    void this.read();
  }

  private async read(): Promise<void> {
    if (this.busy) return;
    try {
      this.take(await get<My>("/my"));
    } catch (error) {
      this.away = error instanceof Problem && error.status === 0;
      if (!this.away) this.said = { kind: "error", words: sentence(error) };
    }
    this.requestUpdate();
  }

  private take(my: My): void {
    Object.assign(this, { my, read_ms: Date.now(), away: false });
    if (my.unit === null && this.units === null) void this.loadUnits();
  }

  private async loadUnits(): Promise<void> {
    this.units = await get<UnitChoice[]>("/my/units").catch(() => []);
    this.requestUpdate();
  }

  /** Do something at the server, then read everything as it stands. */
  private async act(work: () => Promise<unknown>, words = ""): Promise<void> {
    Object.assign(this, { busy: true, said: null });
    this.requestUpdate();
    try {
      await work();
      this.take(await get<My>("/my"));
      Object.assign(this, { asking: null, said: words ? { kind: "ok", words } : null });
    } catch (error) {
      this.said = { kind: "error", words: sentence(error) };
    }
    this.busy = false;
    this.requestUpdate();
  }

  private status(state: string): void {
    navigator.vibrate?.(30);
    void this.act(() => post("/my/status", { state }));
  }

  private answer(event: SubmitEvent): void {
    event.preventDefault();
    const words = String(new FormData(event.target as HTMLFormElement).get("words")).trim();
    if (this.asking === "feedback") return void (words && this.act(() => post("/my/feedback", { text: words }), t("officer.sent")));
    if (words) return void this.act(() => post("/my/refuse", { reason: words }));
    this.said = { kind: "error", words: t("officer.refuse_needed") };
    this.requestUpdate();
  }

  private ask(what: "refuse" | "feedback" | null): void {
    Object.assign(this, { asking: what, said: null });
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[name=words]")?.focus());
  }

  private step(id: string, done: boolean): void {
    void this.act(() => post(`/my/guidance/${encodeURIComponent(id)}`, { done }));
  }

  private showMap(): void {
    this.mapShown = !this.mapShown;
    this.requestUpdate();
  }

  override render(): TemplateResult {
    const { my } = this;
    return html`<div class="officer">
      <header class="officer-head"><div><h1>${my?.unit?.call_sign ?? t("officer.title")}</h1>${my?.unit ? html`<span class="state" data-state=${my.unit.state}>${code("unit.state", my.unit.state)}</span>` : nothing}</div>
        <a class="bar-button" href="/" data-page>${t("officer.live_map")}</a>
        <button class="bar-button" lang=${prefs.language === "zh" ? "en" : "zh-CN"} aria-label=${t("shell.language_label")} @click=${() => prefs.setLanguage(prefs.language === "zh" ? "en" : "zh")}>${t("shell.language")}</button>
        <a class="icon-button" href="/security" data-page aria-label=${t("officer.account")}>${icon("user")}</a></header>
      ${this.away ? html`<p class="banner" role="alert">${icon("offline")}${t("officer.offline", { time: clockMinute(this.read_ms) })}</p>` : nothing}
      <div class="officer-body" tabindex="0" aria-label=${t("officer.title")}>
        <div class="said" role="status">${this.said ? html`<p class="message ${this.said.kind}">${this.said.words}</p>` : nothing}</div>
        ${my === null ? (this.away ? nothing : html`<div class="empty"><span class="spinner"></span></div>`) : my.unit === null ? this.chooser() : my.call ? this.call(my) : this.waiting()}
      </div>
      <footer class="officer-foot">${my?.assignment && my.call ? this.steps(my.assignment.state) : nothing}<tianshu-sos .place=${my?.unit ?? null}></tianshu-sos></footer></div>`;
  }

  private chooser(): TemplateResult {
    if (this.units === null) return html`<div class="empty"><span class="spinner"></span></div>`;
    return html`<h2>${t("officer.sign_on")}</h2><p>${this.units.length ? t("officer.sign_on_hint") : t("officer.no_units")}</p>
      <ul class="choices">${this.units.map((unit) => html`<li><button class="button wide" ?disabled=${this.busy} @click=${() => void this.act(() => put("/my/duty", { unit_id: unit.id }))}><b>${unit.call_sign}</b><span>${code("unit.kind", unit.kind)}</span></button></li>`)}</ul>`;
  }

  private waiting(): TemplateResult {
    const off = (): void => void this.act(async () => { await remove("/my/duty"); this.units = null; });
    return html`<div class="empty standing-by"><h2>${t("officer.waiting")}</h2><p>${t("officer.waiting_hint")}</p>
      <button class="button" ?disabled=${this.busy} @click=${off}>${t("officer.sign_off")}</button></div>`;
  }

  private call(my: My): TemplateResult {
    const call = my.call!;
    return html`<section class="my-call"><header><span class="priority" data-priority=${call.priority}><span class="visually-hidden">${t("call.priority")} </span>${call.priority}</span>
        <div><h2>${code("call.kind", call.kind)}</h2><p>${t(`call.priority.${call.priority}` as Key)}${t("list.dot")}${code("call.assignment", my.assignment?.state ?? "")}</p></div></header>
        <p class="address">${icon("pin")}<span>${call.address || (call.lon_deg === null ? t("call.place_unknown") : `${call.lon_deg.toFixed(5)}, ${call.lat_deg?.toFixed(5)}`)}</span></p>
        ${call.notes ? html`<p class="notes">${call.notes}</p>` : nothing}</section>
      ${this.way(my)}
      ${this.asking ? this.questionForm() : html`<div class="officer-more"><button class="button" @click=${() => this.ask("feedback")}>${t("officer.feedback")}</button>
        ${REFUSABLE.includes(my.assignment?.state ?? "") ? html`<button class="button" @click=${() => this.ask("refuse")}>${t("officer.refuse")}</button>` : nothing}</div>`}
      ${my.guidance ? this.guide(my.guidance) : nothing}`;
  }

  private guide(told: Guidance): TemplateResult {
    return guidance(told, this.busy || this.away, (id, done) => this.step(id, done));
  }

  /** The way there: in words at once, on the map when it is loaded. */
  private way(my: My): TemplateResult | typeof nothing {
    if (my.call === null || my.call.lon_deg === null) return nothing;
    const about = my.route?.properties;
    if (this.mapShown) void import("./map.ts");
    return html`<section class="way"><div class="way-line"><p>${about ? t(about.estimated ? "officer.route_estimated" : "officer.route", { length: distance(about.length_m), span: minutesSeconds(about.time_s) }) : nothing}</p>
      <button class="button" aria-expanded=${this.mapShown} @click=${() => this.showMap()}>${t(this.mapShown ? "officer.hide_map" : "officer.show_map")}</button></div>
      ${this.mapShown ? html`<tianshu-way .my=${my}></tianshu-way>` : nothing}</section>`;
  }

  private questionForm(): TemplateResult {
    const refusing = this.asking === "refuse";
    return html`<form class="close-form" novalidate @submit=${(event: SubmitEvent) => this.answer(event)}>
      <label class="field"><span>${t(refusing ? "officer.refuse_reason" : "officer.feedback")}</span><textarea class="input" name="words" placeholder=${refusing ? "" : t("officer.feedback_hint")}></textarea></label>
      <div class="buttons"><button type="button" class="button" @click=${() => this.ask(null)}>${t("call.cancel")}</button><button class="button primary" ?disabled=${this.busy}>${t(refusing ? "officer.refuse" : "officer.send")}</button></div></form>`;
  }

  private steps(state: string): TemplateResult {
    const [to, words] = NEXT[state] ?? [];
    if (!to || !words) return html`<p class="step-note">${t("officer.proposed")}</p>`;
    return html`<button class="button primary step" data-step=${to} ?disabled=${this.busy || this.away} @click=${() => this.status(to)}>${t(words)}</button>`;
  }
}

customElements.define("tianshu-officer", OfficerPage);
