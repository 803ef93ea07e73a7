/** Sums of the trail: what each officer did, and who looked at one subject. */

import { html, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { get, query } from "../shared/api.ts";
import { dayTime } from "../shared/time.ts";
import { AuditView } from "./view.ts";

interface OfficerUse {
  account_id: number | null;
  username: string | null;
  looks: number;
  night_looks: number;
  refused: number;
  subjects: number;
  rows: number;
  last_at: string;
}

interface SubjectUse {
  account_id: number | null;
  username: string | null;
  looks: number;
  refused: number;
  rows: number;
  purposes: string[];
  case_nos: string[];
  first_at: string;
  last_at: string;
}

const heads = (keys: Key[]): TemplateResult => html`<thead><tr>${keys.map((key) => html`<th scope="col">${t(key)}</th>`)}</tr></thead>`;

export class AuditOfficers extends AuditView {
  private items: OfficerUse[] = [];

  protected override async load(): Promise<void> {
    this.items = await get<OfficerUse[]>(`/audit/officers${query({ start: this.start, end: this.end })}`);
  }

  override render(): TemplateResult {
    return html`${this.refusal()}<section class="card"><p class="hint">${t("audit.officers_hint")}</p>${this.items.length ? this.table() : this.nothing(t("audit.none"))}</section>`;
  }

  private table(): TemplateResult {
    return html`<div class="wide" tabindex="0" role="region" aria-label=${t("audit.officers")}><table>
      ${heads(["audit.officer", "audit.looks", "audit.night_looks", "audit.subjects", "audit.rows", "audit.refused", "audit.last"])}
      <tbody>${this.items.map((one) => html`<tr><td>${this.officer(one.account_id, one.username)}</td><td class="number">${one.looks}</td>
        <td class="number">${one.night_looks}</td><td class="number">${one.subjects}</td><td class="number">${one.rows}</td><td class="number">${one.refused}</td>
        <td class="when">${dayTime(one.last_at)}</td></tr>`)}</tbody></table></div>`;
  }
}

export class AuditSubject extends AuditView {
  static override properties = { ...AuditView.properties, subjectName: { attribute: false } };

  /** Such as unit:5; empty: none chosen yet. */
  declare subjectName: string;
  private items: SubjectUse[] = [];

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("subjectName") && !changed.has("start")) void this.attempt(() => this.load());
    super.willUpdate(changed);
  }

  protected override async load(): Promise<void> {
    const path = `/audit/subjects/${encodeURIComponent(this.subjectName)}`;
    this.items = this.subjectName ? await get<SubjectUse[]>(`${path}${query({ start: this.start, end: this.end })}`) : [];
  }

  private choose(event: Event): void {
    event.preventDefault();
    this.tell("audit-subject", String(new FormData(event.target as HTMLFormElement).get("subject")).trim());
  }

  override render(): TemplateResult {
    return html`<form class="card sift" @submit=${(event: Event) => this.choose(event)}>
        <label class="field"><span>${t("audit.subject")}</span><input class="input" name="subject" .value=${this.subjectName} placeholder="unit:5" required pattern="[a-z_]+:[0-9]{1,18}" title=${t("audit.subject_hint")} autocomplete="off" spellcheck="false" /></label>
        <button class="button primary">${t("audit.show")}</button><p class="hint">${t("audit.subject_hint")}</p></form>
      ${this.refusal()}<section class="card">${this.items.length ? this.table() : this.nothing(this.subjectName ? t("audit.nobody_looked") : t("audit.choose_subject"))}</section>`;
  }

  private table(): TemplateResult {
    return html`<div class="wide" tabindex="0" role="region" aria-label=${this.subjectName}><table>
      ${heads(["audit.officer", "audit.looks", "audit.refused", "audit.rows", "audit.purpose", "cases.case_no", "audit.first", "audit.last"])}
      <tbody>${this.items.map((one) => html`<tr><td>${this.officer(one.account_id, one.username)}</td><td class="number">${one.looks}</td><td class="number">${one.refused}</td>
        <td class="number">${one.rows}</td><td>${one.purposes.map((purpose) => code("purpose", purpose)).join(t("list.and"))}</td><td>${one.case_nos.join(" ")}</td>
        <td class="when">${dayTime(one.first_at)}</td><td class="when">${dayTime(one.last_at)}</td></tr>`)}</tbody></table></div>`;
  }
}

customElements.define("tianshu-audit-officers", AuditOfficers);
customElements.define("tianshu-audit-subject", AuditSubject);
