/** The alerts: acknowledged with one press, closed with a reason only. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { post, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";
import { ago, clockTime } from "../shared/time.ts";
import type { AlertOut } from "../shared/types.ts";
import type { World } from "../shared/world.ts";

const RANK: Record<string, number> = { urgent: 0, warning: 1, notice: 2 };
/** More than this at once is not read by anybody: the rest follows as these are dealt with. */
const MOST_SHOWN = 100;

export const byWeight = (alerts: Iterable<AlertOut>): AlertOut[] =>
  [...alerts].sort((a, b) => Number(a.state !== "open") - Number(b.state !== "open") || (RANK[a.severity] ?? 3) - (RANK[b.severity] ?? 3) || b.at.localeCompare(a.at));

/** SOS · 天元-012 · 神农城 */
export const alertWords = (alert: AlertOut): string =>
  [code("alert.kind", alert.kind), alert.call_sign, alert.area_name].filter(Boolean).join(t("list.dot"));

export class Alerts extends Part {
  static override properties = { world: { attribute: false }, now_ms: { attribute: false } };

  declare world: World;
  declare now_ms: number;
  private closing: number | null = null;
  private failure: { id: number; words: string } | null = null;

  private async send(alert: AlertOut, step: string, body?: unknown): Promise<void> {
    this.failure = null;
    try {
      const answer = await post<AlertOut>(`/alerts/${alert.id}/${step}`, body);
      this.closing = null;
      this.world.mergeAlerts([answer ?? { ...alert, state: step === "close" ? "closed" : "acknowledged" }]);
    } catch (error) {
      this.failure = { id: alert.id, words: sentence(error) };
    }
    this.requestUpdate();
  }

  private close(alert: AlertOut, event: SubmitEvent): void {
    event.preventDefault();
    const reason = String(new FormData(event.target as HTMLFormElement).get("reason")).trim();
    if (reason) return void this.send(alert, "close", { reason });
    this.failure = { id: alert.id, words: t("alert.reason_needed") };
    this.requestUpdate();
  }

  private ask(id: number | null): void {
    this.closing = id;
    this.failure = null;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[name=reason]")?.focus());
  }

  override render(): TemplateResult {
    const alerts = byWeight(this.world.alerts.values()).slice(0, MOST_SHOWN);
    if (!alerts.length) return html`<div class="empty">${t("alert.none")}</div>`;
    return html`<ul class="alert-list" tabindex="0" aria-label=${t("live.alerts")}>${alerts.map((alert) => this.item(alert))}</ul>`;
  }

  private item(alert: AlertOut): TemplateResult {
    const show = (): unknown => this.dispatchEvent(new CustomEvent("show-alert", { detail: alert, bubbles: true }));
    return html`<li class="alert" data-severity=${alert.severity} data-state=${alert.state}>
      <button class="alert-main" @click=${show}>
        <span class="severity" data-severity=${alert.severity} aria-hidden="true"></span>
        <span class="row-main"><b>${code("alert.kind", alert.kind)}</b><small>${[alert.call_sign, alert.area_name].filter(Boolean).join(t("list.dot")) || code("alert.severity", alert.severity)}</small>${this.correction(alert)}</span>
        <span class="row-side"><span class="age">${clockTime(Date.parse(alert.at))}</span><small>${alert.state === "open" ? ago(Date.parse(alert.at), this.now_ms) : code("alert.state", alert.state)}</small></span>
      </button>
      ${this.closing === alert.id ? this.reasonForm(alert) : !session.may("handle_alerts") ? nothing : html`<div class="buttons">
        ${alert.state === "open" ? html`<button class="button" @click=${() => void this.send(alert, "acknowledge")}>${icon("check")}${t("alert.acknowledge")}</button>` : nothing}
        <button class="button quiet" @click=${() => this.ask(alert.id)}>${t("alert.close")}</button></div>`}
      ${this.failure?.id === alert.id ? html`<p class="message error" role="alert">${this.failure.words}</p>` : nothing}
    </li>`;
  }

  /** What positions that came late say about an alert; nothing in most cases. */
  private correction(alert: AlertOut): TemplateResult | typeof nothing {
    const later = alert.corrected_by !== null || [...this.world.alerts.values()].some((each) => each.corrects === alert.id);
    const words = later ? "alert.corrected" : alert.detail["withdrawn"] ? "alert.withdrawn" : alert.corrects !== null ? "alert.corrects" : null;
    return words ? html`<small>${t(words)}</small>` : nothing;
  }

  private reasonForm(alert: AlertOut): TemplateResult {
    return html`<form class="close-form" novalidate @submit=${(event: SubmitEvent) => this.close(alert, event)}>
      <label class="field"><span>${t("alert.reason")}</span><input class="input" name="reason" placeholder=${t("alert.reason_hint")} autocomplete="off" /></label>
      <div class="buttons"><button type="button" class="button" @click=${() => this.ask(null)}>${t("call.cancel")}</button><button class="button primary">${t("alert.close")}</button></div></form>`;
  }
}

customElements.define("tianshu-alerts", Alerts);
