/** What the auditor's views share: a span of time, the accounts, and a refusal in words. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";

export interface AccountOut {
  id: number;
  username: string;
  display_name: string;
}


export abstract class AuditView extends Part {
  static override properties = { start: { attribute: false }, end: { attribute: false }, accounts: { attribute: false } };

  /** From `start` to before `end`, ISO 8601. */
  declare start: string;
  declare end: string;
  declare accounts: AccountOut[];
  protected failure = "";
  protected loading = false;

  /** Ask the server for what this view shows of the span. */
  protected abstract load(): Promise<void>;

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("start") || changed.has("end")) void this.attempt(() => this.load());
  }

  protected async attempt(work: () => Promise<unknown>): Promise<boolean> {
    this.failure = "";
    this.loading = true;
    this.requestUpdate();
    try {
      await work();
    } catch (error) {
      this.failure = sentence(error);
    }
    this.loading = false;
    this.requestUpdate();
    return !this.failure;
  }

  protected tell<T>(name: string, detail: T): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  protected officer(account_id: number | null, username: string | null): TemplateResult {
    if (account_id === null) return html`<span>${t("audit.machine")}</span>`;
    const name = this.accounts.find(({ id }) => id === account_id)?.display_name || (username ?? `#${account_id}`);
    return html`<button class="button quiet" @click=${() => this.tell("audit-officer", account_id)}>${name}</button>`;
  }

  protected subject(subject: string | null): TemplateResult {
    return subject === null ? html`<span class="hint">—</span>` : html`<button class="button quiet" @click=${() => this.tell("audit-subject", subject)}>${subject}</button>`;
  }

  protected refusal(): TemplateResult {
    return html`<div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>`;
  }

  /** What stands where there is nothing to show, or not yet. */
  protected nothing(words: string): TemplateResult {
    if (this.loading) return html`<div class="empty" role="status"><span class="spinner"></span><span class="visually-hidden">${t("live.loading")}</span></div>`;
    return html`<p class="empty">${words}</p>`;
  }
}
