/** The weekly review, signed with the password shown anew, and how the seals of the trail stand. */

import { html, nothing, type TemplateResult } from "lit";
import { say, t, type Told } from "../i18n/index.ts";
import { get, post } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { beijingDay, DAY_MS, dayStart, dayTime } from "../shared/time.ts";
import type { Page } from "../shared/types.ts";
import { AuditView } from "./view.ts";

interface Review {
  id: number;
  week: string;
  account_id: number;
  username: string | null;
  at: string;
  statement: string;
  entries: number;
  findings: number;
  digest: string;
}

interface Check {
  at: string;
  username: string | null;
  entries: number;
  seals: number;
  findings: { kind: string; where: string; sentence: string; told: Told | null }[];
}

interface Seals {
  hours: number;
  sealed_until: string | null;
  root: string | null;
  key: string | null;
  last_check: Check | null;
}

const WEEKS = 8;

/** The Mondays of the last weeks that are over, the newest first; Beijing days. */
export function pastMondays(now_ms: number, count: number = WEEKS): string[] {
  const today_ms = dayStart(beijingDay(now_ms));
  const sinceMonday = (new Date(today_ms + DAY_MS / 2).getUTCDay() + 6) % 7;
  return Array.from({ length: count }, (_, back) => beijingDay(today_ms - (sinceMonday + 7 * (back + 1)) * DAY_MS));
}

export class AuditReviews extends AuditView {
  private items: Review[] = [];
  private message = "";

  protected override async load(): Promise<void> {
    this.items = (await get<Page<Review>>("/audit/reviews")).items;
  }

  private async sign(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const said = new FormData(form);
    this.message = "";
    const signed = await this.attempt(async () => {
      await post("/audit/reviews", Object.fromEntries(said));
      await this.load();
    });
    (form.elements.namedItem("password") as HTMLInputElement).value = "";
    if (!signed) return;
    form.reset();
    this.message = t("audit.signed");
    this.requestUpdate();
  }

  override render(): TemplateResult {
    return html`${this.refusal()}<div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}</div>
      <div class="columns">${this.form()}<section>${this.items.length ? html`<ul class="cases">${this.items.map((one) => this.item(one))}</ul>` : this.nothing(t("audit.no_reviews"))}</section></div>`;
  }

  private form(): TemplateResult {
    const reviewed = new Set(this.items.map(({ week }) => week));
    return html`<section class="card"><h2>${t("audit.sign_title")}</h2><p class="hint">${t("audit.sign_hint")}</p>
      <form @submit=${(event: Event) => void this.sign(event)}>
        <label class="field"><span>${t("audit.week")}</span><select class="input" name="week">${pastMondays(Date.now()).map((monday) =>
          html`<option value=${monday}>${t("audit.week_of", { day: monday })}${reviewed.has(monday) ? ` · ${t("audit.reviewed")}` : ""}</option>`)}</select></label>
        <label class="field"><span>${t("audit.statement")}</span><textarea class="input" name="statement" maxlength="4000" required></textarea></label>
        <label class="field"><span>${t("login.password")}</span><input class="input" type="password" name="password" autocomplete="current-password" required /></label>
        <button class="button primary" ?disabled=${this.loading}>${t("audit.sign")}</button></form></section>`;
  }

  private item(one: Review): TemplateResult {
    return html`<li class="card"><header><h2>${t("audit.week_of", { day: one.week })}</h2><span class="tag">${icon("check")}${t("audit.reviewed")}</span></header>
      <p class="statement">${one.statement}</p>
      <dl class="facts"><dt>${t("audit.officer")}</dt><dd>${this.officer(one.account_id, one.username)}</dd><dt>${t("audit.at")}</dt><dd>${dayTime(one.at)}</dd>
        <dt>${t("audit.entries")}</dt><dd>${one.entries}</dd><dt>${t("audit.findings")}</dt><dd>${one.findings}</dd></dl>
      <p class="hint">${t("audit.digest")} <code class="secret">${one.digest}</code></p></li>`;
  }
}

export class AuditSeals extends AuditView {
  private seals: Seals | null = null;

  protected override async load(): Promise<void> {
    this.seals = await get<Seals>("/audit/seals");
  }

  private async check(): Promise<void> {
    await post("/audit/checks");
    await this.load();
  }

  override render(): TemplateResult {
    const seals = this.seals;
    if (!seals) return html`${this.refusal()}${this.nothing("")}`;
    return html`${this.refusal()}<div class="columns"><section class="card"><h2>${t("audit.seals")}</h2><p class="hint">${t("audit.seals_hint")}</p>
        <dl class="facts"><dt>${t("audit.sealed_hours")}</dt><dd>${seals.hours}</dd><dt>${t("audit.sealed_until")}</dt><dd>${seals.sealed_until ? dayTime(seals.sealed_until) : "—"}</dd></dl>
        ${seals.root ? html`<p class="hint">${t("audit.root")} <code class="secret">${seals.root}</code></p><p class="hint">${t("audit.key")} <code class="secret">${seals.key}</code></p>` : nothing}</section>
      <section class="card" aria-labelledby="check-title"><h2 id="check-title">${t("audit.check")}</h2>${this.result(seals.last_check)}
        <div class="actions"><button class="button primary" ?disabled=${this.loading} @click=${() => void this.attempt(() => this.check())}>${this.loading ? t("audit.checking") : t("audit.check_now")}</button></div>
        <p class="hint">${t("audit.check_hint")}</p></section></div>`;
  }

  private result(check: Check | null): TemplateResult {
    if (!check) return html`<p class="message">${t("audit.never_checked")}</p>`;
    const whole = check.findings.length === 0;
    return html`<p class="message ${whole ? "ok" : "error"}" role=${whole ? "status" : "alert"}>${icon(whole ? "check" : "bell")}<span>${whole ? t("audit.whole") : t("audit.broken", { n: check.findings.length })}</span></p>
      <dl class="facts"><dt>${t("audit.checked_at")}</dt><dd>${dayTime(check.at)}</dd><dt>${t("audit.checked_by")}</dt><dd>${check.username ?? t("audit.nightly")}</dd>
        <dt>${t("audit.entries")}</dt><dd>${check.entries}</dd><dt>${t("audit.sealed_hours")}</dt><dd>${check.seals}</dd></dl>
      ${whole ? nothing : html`<ul class="links">${check.findings.map((one) => html`<li><span>${(one.told && say(one.told)) ?? one.sentence}</span></li>`)}</ul>`}`;
  }
}

customElements.define("tianshu-audit-reviews", AuditReviews);
customElements.define("tianshu-audit-seals", AuditSeals);
