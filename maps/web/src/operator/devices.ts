/** Devices: found by number or plate, connected or not, and what can be asked of one. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { all, get } from "../shared/api.ts";
import { session } from "../shared/session.ts";
import "../shared/rows.ts";
import { ago, dayTime } from "../shared/time.ts";
import "./command-form.ts";
import "./commands.ts";
import "./frames.ts";
import "./media.ts";
import { nameOf, OperatorView, type Device, type Held } from "./view.ts";

const SHOW = ["all", "online", "offline"] as const;

interface Seen extends Device {
  session: Held | null;
  last_seen_at: string | null;
}

/** Whether a device is connected: by shape, colour and word. */
const link = (online: boolean): TemplateResult =>
  html`<span class="online-state" data-online=${online}>${t(online ? "operator.online" : "operator.offline")}</span>`;

const EXACT_S = 2;
const WRONG_S = 60;

/** How far a device's clock is off, and whether that matters: times of its positions are as wrong. */
function clock(behind_s: number | null): TemplateResult | string {
  if (behind_s === null) return t("operator.clock_unknown");
  const off_s = Math.round(Math.abs(behind_s));
  if (off_s < EXACT_S) return t("operator.clock_right");
  const words = t(behind_s > 0 ? "operator.clock_slow" : "operator.clock_fast", { off: spell(off_s) });
  return off_s < WRONG_S ? words : html`<span class="tag warning">${words}</span><span class="hint"> ${t("operator.clock_hint")}</span>`;
}

/** 95 s, 26 min, 8 h 0 min, 2 d. */
function spell(seconds: number): string {
  if (seconds < 120) return t("operator.seconds", { n: seconds });
  if (seconds < 7200) return t("operator.minutes", { n: Math.round(seconds / 60) });
  return seconds < 172_800 ? t("operator.hours", { n: Math.round(seconds / 360) / 10 }) : t("operator.days", { n: Math.round(seconds / 8640) / 10 });
}

export class OperatorDevices extends OperatorView {
  private devices: Device[] = [];
  private held = new Map<number, Held>();
  private chosen: Seen | null = null;
  private words = "";
  private show: (typeof SHOW)[number] = "all";
  private round = 0;

  protected override async load(): Promise<void> {
    const [devices, held] = await Promise.all([this.round++ % 10 ? null : all<Device>("/devices?limit=1000"), get<Held[]>("/devices/sessions")]);
    this.devices = devices ?? this.devices;
    this.held = new Map(held.map((one) => [one.device_id, one]));
    const seen = this.chosen ? await get<Seen>(`/devices/${this.chosen.id}`) : null;
    if (seen?.id === this.chosen?.id) this.chosen = seen;
  }

  private async choose(id: number): Promise<void> {
    const device = this.devices.find((one) => one.id === id);
    if (!device) return;
    this.chosen = { ...device, session: this.held.get(id) ?? null, last_seen_at: null };
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>(".device-detail h2")?.focus();
    await this.look();
  }

  private get found(): Device[] {
    const words = this.words.trim().toLowerCase();
    return this.devices.filter((one) => {
      const fits = !words || [one.phone, one.plate, one.terminal_id, `#${one.id}`].some((text) => text?.toLowerCase().includes(words));
      return fits && (this.show === "all" || this.held.has(one.id) === (this.show === "online"));
    });
  }

  override render(): TemplateResult {
    return html`${this.notes()}<div class="columns">${this.list()}${this.detail()}</div>`;
  }

  private list(): TemplateResult {
    const found = this.found;
    const row = (one: Device): TemplateResult => html`<div class="device"><b>${nameOf(one)}</b>${link(this.held.has(one.id))}<small>${one.phone} · #${one.id}</small></div>`;
    return html`<section class="card"><label class="field"><span>${t("operator.search")}</span>
        <input class="input" type="search" autocomplete="off" aria-keyshortcuts="/" .value=${this.words} @input=${(event: Event) => { this.words = (event.target as HTMLInputElement).value; this.requestUpdate(); }} /></label>
      <div class="actions" role="group" aria-label=${t("operator.show")}>${SHOW.map((one) => html`<button class="button" aria-pressed=${one === this.show}
        @click=${() => { this.show = one; this.requestUpdate(); }}>${t(`operator.${one}` as Key)}</button>`)}</div>
      <p class="hint" role="status">${t("operator.count", { n: found.length, online: this.held.size })}</p>
      ${found.length ? html`<tianshu-rows class="devices" .items=${found} .row=${row} .selected=${this.chosen?.id ?? null} .label=${t("operator.view.devices")}
        @pick=${(event: CustomEvent<number>) => void this.choose(event.detail)}></tianshu-rows>` : this.nothing(t("operator.no_devices"))}</section>`;
  }

  private detail(): TemplateResult {
    const one = this.chosen;
    if (!one) return html`<section class="card"><p class="hint">${t("operator.choose")}</p></section>`;
    const at = (iso: string | null): string => (iso ? `${dayTime(iso)}（${ago(Date.parse(iso), Date.now())}）` : "—");
    const fact = (words: Key, value: string | null | undefined): TemplateResult => html`<dt>${t(words)}</dt><dd>${value || "—"}</dd>`;
    return html`<div class="device-detail"><section class="card" aria-labelledby="device-title"><header><h2 id="device-title" tabindex="-1">${nameOf(one)}</h2>${link(one.session !== null)}</header>
      <dl class="facts">${fact("operator.phone", one.phone)}${fact("operator.plate", one.plate)}${fact("operator.terminal_id", one.terminal_id)}${fact("operator.protocol", one.session?.protocol ?? one.protocol)}
        ${fact("operator.since", one.session ? at(one.session.since) : null)}${fact("operator.remote", one.session?.remote)}${fact("operator.gateway", one.session?.gateway_id)}${fact("operator.last_seen", at(one.last_seen_at))}
        <dt>${t("operator.clock")}</dt><dd>${clock(one.clock_skew_s)}</dd></dl></section>
      ${session.may("command_device") ? html`<section class="card"><h2>${t("operator.command")}</h2><tianshu-operator-form .device=${one.id}></tianshu-operator-form></section>` : nothing}
      <section class="card"><h2>${t("operator.view.commands")}</h2><tianshu-operator-commands .device=${one.id}></tianshu-operator-commands></section>
      <section class="card"><h2>${t("operator.media")}</h2><tianshu-operator-media .device=${one.id}></tianshu-operator-media></section>
      ${session.may("view_frames") ? html`<section class="card"><h2>${t("operator.frames")}</h2><tianshu-operator-frames .device=${one.id}></tianshu-operator-frames></section>` : nothing}</div>`;
  }
}

customElements.define("tianshu-operator-devices", OperatorDevices);
