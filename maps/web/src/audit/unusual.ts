/** What stands out: each finding says why, and that it is a question, not a verdict. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { get, query } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { AuditView } from "./view.ts";

interface Finding {
  kind: "volume" | "hours" | "acquaintance" | "subjects";
  account_id: number;
  username: string | null;
  day: string;
  value: number;
  usual: number | null;
  subject: string | null;
}

const ICONS = { volume: "report", hours: "moon", acquaintance: "user", subjects: "bell" } as const;

export class AuditUnusual extends AuditView {
  private items: Finding[] = [];

  protected override async load(): Promise<void> {
    this.items = await get<Finding[]>(`/audit/unusual${query({ start: this.start, end: this.end })}`);
  }

  override render(): TemplateResult {
    return html`${this.refusal()}<p class="message">${t("audit.unusual_hint")}</p>
      ${this.items.length ? html`<ul class="cases">${this.items.map((one) => this.finding(one))}</ul>` : this.nothing(t("audit.nothing_unusual"))}`;
  }

  private finding(one: Finding): TemplateResult {
    const why = t(`audit.why.${one.kind}` as Key, { value: one.value, usual: one.usual ?? 0, subject: one.subject ?? "" });
    return html`<li class="card finding"><header><span class="tag warning">${icon(ICONS[one.kind])}${t(`audit.kind.${one.kind}` as Key)}</span><time datetime=${one.day}>${one.day}</time></header>
      <p>${this.officer(one.account_id, one.username)}${why}</p>${one.subject ? html`<div class="actions">${this.subject(one.subject)}</div>` : nothing}</li>`;
  }
}

customElements.define("tianshu-audit-unusual", AuditUnusual);
