/** The auditor's page: who looked at whom, what stands out, the weekly review, the seals. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { all } from "../shared/api.ts";
import { dayField } from "../shared/moment.ts";
import { Part } from "../shared/part.ts";
import { beijingDay, DAY_MS, dayStart } from "../shared/time.ts";
import { ALL, type Wanted } from "./entries.ts";
import "./people.ts";
import "./reviews.ts";
import "./unusual.ts";
import type { AccountOut } from "./view.ts";

const VIEWS = ["entries", "officers", "subject", "unusual", "reviews", "seals"] as const;
type View = (typeof VIEWS)[number];
/** Views that don't ask for a span of time. */
const TIMELESS: readonly View[] = ["reviews", "seals"];
const SPAN_DAYS = 7;

export class AuditPage extends Part {
  private view: View = "entries";
  private accounts: AccountOut[] = [];
  private wanted: Wanted = ALL;
  private subject = "";
  private from = beijingDay(Date.now() - (SPAN_DAYS - 1) * DAY_MS);
  private to = beijingDay(Date.now());
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    const asked = new URLSearchParams(location.search).get("view") as View | null;
    if (asked !== null && VIEWS.includes(asked)) this.view = asked;
    void all<AccountOut>("/accounts").then((accounts) => {
      this.accounts = accounts;
      this.requestUpdate();
    }).catch(() => null);
    this.addEventListener("audit-officer", (event) => this.open("entries", { wanted: { ...ALL, account_id: String((event as CustomEvent<number>).detail) } }));
    this.addEventListener("audit-subject", (event) => this.open("subject", { subject: (event as CustomEvent<string>).detail }));
    this.addEventListener("audit-search", (event) => this.open("entries", { wanted: (event as CustomEvent<Wanted>).detail }));
  }

  /** Show a view. Its name alone stands in the address: whom it is about never does. */
  private open(view: View, more: { wanted?: Wanted; subject?: string } = {}): void {
    this.view = view;
    this.wanted = more.wanted ?? this.wanted;
    this.subject = more.subject ?? this.subject;
    history.replaceState(null, "", `/audit?view=${view}`);
    this.requestUpdate();
  }

  private span(form: HTMLFormElement): void {
    const values = new FormData(form);
    const [from, to] = [String(values.get("from")).trim(), String(values.get("to")).trim()];
    this.failure = dayStart(from) <= dayStart(to) ? "" : t("field.days_wrong");
    if (!this.failure) Object.assign(this, { from, to });
    this.requestUpdate();
  }

  override render(): TemplateResult {
    return html`<div class="sheet audit"><header><h1>${t("audit.title")}</h1>${TIMELESS.includes(this.view) ? nothing : this.period()}</header>
      <nav class="views" aria-label=${t("audit.views")}>${VIEWS.map((view) =>
        html`<button class="button" aria-pressed=${view === this.view} @click=${() => this.open(view)}>${t(`audit.view.${view}` as Key)}</button>`)}</nav>
      ${this.failure ? html`<p class="message error" role="alert">${this.failure}</p>` : nothing}${this.shown()}</div>`;
  }

  private period(): TemplateResult {
    return html`<form class="actions" novalidate @change=${(event: Event) => this.span(event.currentTarget as HTMLFormElement)} @submit=${(event: SubmitEvent) => { event.preventDefault(); this.span(event.currentTarget as HTMLFormElement); }}>
      ${dayField("from", t("audit.from"), this.from)}${dayField("to", t("audit.to"), this.to)}</form>`;
  }

  private shown(): TemplateResult {
    const start = new Date(dayStart(this.from)).toISOString();
    const end = new Date(dayStart(this.to) + DAY_MS).toISOString();
    switch (this.view) {
      case "entries":
        return html`<tianshu-audit-entries .start=${start} .end=${end} .accounts=${this.accounts} .wanted=${this.wanted}></tianshu-audit-entries>`;
      case "officers":
        return html`<tianshu-audit-officers .start=${start} .end=${end} .accounts=${this.accounts}></tianshu-audit-officers>`;
      case "subject":
        return html`<tianshu-audit-subject .start=${start} .end=${end} .accounts=${this.accounts} .subjectName=${this.subject}></tianshu-audit-subject>`;
      case "unusual":
        return html`<tianshu-audit-unusual .start=${start} .end=${end} .accounts=${this.accounts}></tianshu-audit-unusual>`;
      case "reviews":
        return html`<tianshu-audit-reviews .start=${start} .end=${end} .accounts=${this.accounts}></tianshu-audit-reviews>`;
      case "seals":
        return html`<tianshu-audit-seals .start=${start} .end=${end} .accounts=${this.accounts}></tianshu-audit-seals>`;
    }
  }
}

customElements.define("tianshu-audit", AuditPage);
