/** The entries of the trail: searched by officer, act, subject, result, case and time; newest first. */

import { html, nothing, type TemplateResult } from "lit";
import { auditZh } from "../i18n/audit.zh.ts";
import { code, t } from "../i18n/index.ts";
import { get, query } from "../shared/api.ts";
import type { Page } from "../shared/types.ts";
import { dayTime } from "../shared/time.ts";
import { AuditView } from "./view.ts";

interface Entry {
  id: number;
  at: string;
  account_id: number | null;
  username: string | null;
  act: string;
  subject: string | null;
  target: string;
  purpose: string;
  case_no: string | null;
  outcome: string;
  rows: number | null;
  remote: string | null;
}

export interface Wanted {
  account_id: string;
  act: string;
  subject: string;
  outcome: string;
  case_no: string;
}

export const ALL: Wanted = { account_id: "", act: "", subject: "", outcome: "", case_no: "" };
const OUTCOMES = ["allowed", "refused", "seen"];
/** Every act there are words for. */
const ACTS = Object.keys(auditZh).filter((key) => key.startsWith("act.")).map((key) => key.slice(4));

export class AuditEntries extends AuditView {
  static override properties = { ...AuditView.properties, wanted: { attribute: false } };

  declare wanted: Wanted;
  private items: Entry[] = [];
  private cursor: string | null = null;

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("wanted") && !changed.has("start")) void this.attempt(() => this.load());
    super.willUpdate(changed);
  }

  protected override async load(): Promise<void> {
    const page = await this.ask(null);
    [this.items, this.cursor] = [page.items, page.next_cursor];
  }

  private ask(cursor: string | null): Promise<Page<Entry>> {
    return get<Page<Entry>>(`/audit/entries${query({ ...this.wanted, start: this.start, end: this.end, cursor })}`);
  }

  private async more(): Promise<void> {
    const page = await this.ask(this.cursor);
    [this.items, this.cursor] = [[...this.items, ...page.items], page.next_cursor];
  }

  private search(event: Event): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const said = Object.keys(ALL).map((name) => [name, String(form.get(name) ?? "").trim()]);
    this.tell("audit-search", Object.fromEntries(said) as Wanted);
  }

  override render(): TemplateResult {
    return html`${this.form()}${this.refusal()}
      <section class="card">${this.items.length ? this.table() : this.nothing(t("audit.none"))}
      ${this.cursor ? html`<div class="actions"><button class="button" @click=${() => void this.attempt(() => this.more())}>${t("audit.more")}</button></div>` : nothing}</section>`;
  }

  private form(): TemplateResult {
    const chosen = (name: keyof Wanted, label: string, options: [string, string][]): TemplateResult =>
      html`<label class="field"><span>${label}</span><select class="input" name=${name} .value=${this.wanted[name]}>
        <option value="">${t("audit.any")}</option>${options.map(([value, words]) => html`<option value=${value} ?selected=${this.wanted[name] === value}>${words}</option>`)}</select></label>`;
    const written = (name: keyof Wanted, label: string, hint: string): TemplateResult =>
      html`<label class="field"><span>${label}</span><input class="input" name=${name} .value=${this.wanted[name]} placeholder=${hint} autocomplete="off" spellcheck="false" /></label>`;
    return html`<form class="card sift" @submit=${(event: Event) => this.search(event)}>
      ${chosen("account_id", t("audit.officer"), this.accounts.map(({ id, username, display_name }) => [String(id), display_name || username]))}
      ${chosen("act", t("audit.act"), ACTS.map((one) => [one, code("act", one)]))}
      ${written("subject", t("audit.subject"), "unit:5")}
      ${chosen("outcome", t("audit.outcome"), OUTCOMES.map((one) => [one, code("outcome", one)]))}
      ${written("case_no", t("cases.case_no"), "")}
      <button class="button primary">${t("audit.search")}</button></form>`;
  }

  private table(): TemplateResult {
    const heads = ["audit.at", "audit.officer", "audit.act", "audit.subject", "audit.purpose", "cases.case_no", "audit.outcome", "audit.rows", "audit.remote"] as const;
    return html`<div class="wide" tabindex="0" role="region" aria-label=${t("audit.entries")}><table><thead><tr>${heads.map((head) => html`<th scope="col">${t(head)}</th>`)}</tr></thead>
      <tbody>${this.items.map((one) => html`<tr><td class="when">${dayTime(one.at)}</td><td>${this.officer(one.account_id, one.username)}</td>
        <td title=${one.target}>${code("act", one.act)}</td><td>${this.subject(one.subject)}</td><td>${code("purpose", one.purpose)}</td><td>${one.case_no ?? ""}</td>
        <td><span class="outcome" data-outcome=${one.outcome}>${code("outcome", one.outcome)}</span></td><td class="number">${one.rows ?? ""}</td><td>${one.remote ?? ""}</td></tr>`)}</tbody></table></div>`;
  }
}

customElements.define("tianshu-audit-entries", AuditEntries);
