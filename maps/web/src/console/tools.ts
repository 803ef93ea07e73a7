/** The desk's tools on the map: sounds, layers, closing a road, the map in a window of its own, the handover. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import type { Desk } from "../live/desk.ts";
import { post, remove, sentence } from "../shared/api.ts";
import { icon, type IconName } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";
import { sounds } from "../shared/sounds.ts";
import { minutesSeconds } from "../shared/time.ts";
import { advice, closures, LAYERS, type Advice, type Closure } from "./overlays.ts";

export function deskTools(desk: Desk): TemplateResult {
  const button = (key: string, words: Key, name: IconName, act: () => void, more: { pressed?: boolean; count?: number } = {}): TemplateResult => html`<button class="icon-button"
    aria-label=${t(words)} title="${t(words)} (${key})" aria-keyshortcuts=${key} aria-pressed=${more.pressed ?? nothing} @click=${act}>${icon(name)}${more.count ? html`<span class="dot-count">${more.count}</span>` : nothing}</button>`;
  return html`<div class="desk-tools" role="toolbar" aria-label=${t("desk.tools")}>
      ${button("K", sounds.muted ? "desk.unmute" : "desk.mute", sounds.muted ? "mute" : "sound", () => desk.mute(), { pressed: sounds.muted })}
      ${button("V", "desk.pop_out", "window", () => desk.popOut())}
      ${session.may("hand_over") ? button("H", "handover.title", "note", () => desk.handOver(), { count: desk.notesWaiting }) : nothing}
      ${session.may("view_reports") ? html`<a class="icon-button" data-page href="/reports" aria-label=${t("desk.report")} title=${t("desk.report")}>${icon("report")}</a>` : nothing}
      <tianshu-layers .desk=${desk} .names=${[...desk.layers].join()}></tianshu-layers></div>
    ${session.may("hand_over") ? html`<tianshu-handover @notes=${(event: CustomEvent<number>) => { desk.notesWaiting = event.detail; desk.redraw(); }}></tianshu-handover>` : nothing}`;
}

/** How deep the colour of each limit is. */
const REACH = html`<span class="reach-key" aria-hidden="true"><i>3</i><i>5</i><i>10</i></span>`;

/** The list of layers, and the closed roads. */
class Layers extends Part {
  static override properties = { desk: { attribute: false }, names: {} };

  declare desk: Desk;
  declare names: string;
  private shown = false;
  private closed: Closure[] = [];
  private advised: Advice | null = null;
  private unadvised = "";
  private failure = "";

  toggle(): void {
    this.shown = !this.shown;
    this.requestUpdate();
    if (this.shown) void this.load();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(this.shown ? "input" : "button")?.focus());
  }

  private async load(): Promise<void> {
    if (this.desk.page.map) this.closed = await closures(this.desk.page.map);
    this.requestUpdate();
    if (!this.desk.layers.has("posts")) return;
    [this.advised, this.unadvised] = await advice().then((found): [Advice, string] => [found, ""], (error: unknown): [null, string] => [null, sentence(error)]);
    this.requestUpdate();
  }

  private async attempt(work: () => Promise<unknown>): Promise<void> {
    this.failure = "";
    await work().catch((error: unknown) => { this.failure = sentence(error); });
    if (!this.desk.layers.has("closures")) this.desk.toggle("closures");
    else { this.desk.toggle("closures"); this.desk.toggle("closures"); }
    await this.load();
  }

  private pick(on: boolean): void {
    this.desk.picking = on;
    if (!on) this.desk.page.setPlace(null);
    this.desk.redraw();
    this.requestUpdate();
  }

  private async close(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { page } = this.desk;
    const place = page.place ?? page.middle();
    const reason = String(new FormData(event.target as HTMLFormElement).get("reason")).trim();
    const network = page.map?.roads[0]?.name;
    if (!reason || !place || network === undefined) return;
    await this.attempt(() => post(`/roads/${encodeURIComponent(network)}/closures`, { shape: { type: "Point", coordinates: place }, reason }));
    if (!this.failure) this.pick(false);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.pick(false);
    this.toggle();
  }

  override render(): TemplateResult {
    return html`<button class="icon-button" aria-label=${t("desk.layers")} title="${t("desk.layers")} (Y)" aria-keyshortcuts="Y" aria-expanded=${this.shown} @click=${() => this.toggle()}>${icon("layers")}</button>
      ${this.shown ? html`<div class="layers-box" @keydown=${(event: KeyboardEvent) => this.onKey(event)}><h3>${t("desk.layers")}</h3>
        ${LAYERS.filter((name) => name !== "posts" || session.may("dispatch")).map((name) => html`<label class="check"><input type="checkbox" .checked=${this.desk.layers.has(name)} @change=${() => { this.desk.toggle(name); if (name === "posts") void this.load(); }} />${t(`layer.${name}` as Key)}${name === "coverage" ? REACH : nothing}</label>`)}
        ${this.desk.layers.has("posts") ? this.moves() : nothing}
        ${session.may("close_roads") ? this.roads() : nothing}</div>` : nothing}`;
  }

  /** Who had better wait elsewhere. Advice: who answers a call is decided by time alone. */
  private moves(): TemplateResult {
    const found = this.advised;
    if (!found) return this.unadvised ? html`<p class="message warning">${this.unadvised}</p>` : html``;
    return html`<h3>${t("posts.title")}</h3><p class="hint">${t("posts.basis", { n: found.calls, share: Math.round(found.covered_share * 100), minutes: found.limit_s / 60 })}</p>
      ${found.moves.length ? html`<ul class="closures">${found.moves.map((move) => html`<li><span><b>${move.call_sign}</b> ${t("posts.move", { span: minutesSeconds(move.time_s), share: (move.gain_share * 100).toFixed(1) })}</span>
        <button class="button small" aria-label="${t("alert.show")} ${move.call_sign}" @click=${() => this.desk.page.fly(move.lon_deg, move.lat_deg)}>${t("alert.show")}</button></li>`)}</ul>` : html`<p>${t("posts.stay")}</p>`}`;
  }

  private roads(): TemplateResult {
    return html`<h3>${t("closure.title")}</h3>${this.failure ? html`<p class="message error" role="alert">${this.failure}</p>` : nothing}
      <ul class="closures">${this.closed.map((one) => html`<li><span>${one.reason}</span><button class="button small" @click=${() => void this.open(one)}>${t("closure.open")}</button></li>`)}</ul>
      ${this.desk.picking ? html`<form class="close-form" @submit=${(event: SubmitEvent) => void this.close(event)}><p class="message">${t("closure.where")}</p>
        <label class="field"><span>${t("closure.reason")}</span><input class="input" name="reason" autocomplete="off" required /></label>
        <div class="buttons"><button type="button" class="button" @click=${() => this.pick(false)}>${t("call.cancel")}</button><button class="button primary">${t("closure.close")}</button></div></form>`
      : html`<button class="button" @click=${() => this.pick(true)}>${t("closure.close")}</button>`}`;
  }

  private async open(one: Closure): Promise<void> {
    const network = this.desk.page.map?.roads[0]?.name;
    if (network !== undefined) await this.attempt(() => remove(`/roads/${encodeURIComponent(network)}/closures/${one.id}`));
  }
}

customElements.define("tianshu-layers", Layers);
