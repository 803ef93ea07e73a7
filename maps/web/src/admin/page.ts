/** Accounts and their roles: the security administrator's page. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { all, get, post, Problem, put, remove, sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";
import "./person.ts";
import "./requests.ts";

interface AccountOut {
  id: number;
  username: string;
  display_name: string;
  active: boolean;
  locked_until: string | null;
  roles: string[];
  has_factor: boolean;
  sessions: number;
  identities: { issuer: string; subject: string }[];
}

interface Rules {
  roles: Record<string, string[]>;
  separated: [string, string][];
  second_factor: string[];
}

export class AdministrationPage extends Part {
  private accounts: AccountOut[] = [];
  private rules: Rules | null = null;
  private chosen: number | null = null;
  private creating = false;
  private secret: { words: string; password: string } | null = null;
  private message = "";
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.attempt(() => this.load());
  }

  private async load(): Promise<void> {
    [this.accounts, this.rules] = await Promise.all([all<AccountOut>("/accounts"), get<Rules>("/accounts/roles")]);
  }

  /** Do something, then show how things stand; a refusal is explained. */
  private async attempt(work: () => Promise<unknown>, roles: readonly string[] = []): Promise<boolean> {
    this.failure = "";
    this.message = "";
    try {
      await work();
      return true;
    } catch (error) {
      this.failure = this.explain(error, roles);
      return false;
    } finally {
      this.requestUpdate();
    }
  }

  private explain(error: unknown, roles: readonly string[]): string {
    const pair = this.rules?.separated.find(([a, b]) => roles.includes(a) && roles.includes(b));
    if (error instanceof Problem && error.status === 422 && pair) {
      return t("admin.refused_separation", { a: code("role", pair[0]), b: code("role", pair[1]) });
    }
    if (error instanceof Problem && error.status === 403 && this.own) return t("admin.refused_own");
    return sentence(error);
  }

  private get account(): AccountOut | undefined {
    return this.accounts.find(({ id }) => id === this.chosen);
  }

  private get own(): boolean {
    return this.account?.username === session.me?.username;
  }

  private async act(work: () => Promise<unknown>, roles: readonly string[] = []): Promise<void> {
    this.secret = null;
    if (await this.attempt(work, roles)) this.message = t("admin.done");
    await this.load().catch(() => null);
    this.requestUpdate();
  }

  private async toggle(account: AccountOut, role: string, box: HTMLInputElement): Promise<void> {
    const path = `/accounts/${account.id}/roles/${role}`;
    await this.act(() => (box.checked ? put(path) : remove(path)), [...account.roles, role]);
    box.checked = this.account?.roles.includes(role) ?? false;
  }

  private async resetPassword(account: AccountOut): Promise<void> {
    await this.act(async () => {
      const made = await post<{ password: string }>(`/accounts/${account.id}/password`);
      this.secret = { words: t("admin.new_password"), password: made?.password ?? "" };
    });
  }

  private async create(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const roles = form.getAll("role").map(String);
    if (!roles.length) {
      this.failure = t("admin.role_required");
      return this.requestUpdate();
    }
    const body = { username: form.get("username"), display_name: form.get("display_name"), roles };
    await this.act(async () => {
      const made = await post<{ id: number; password: string }>("/accounts", body);
      if (!made) return;
      this.secret = { words: t("admin.created"), password: made.password };
      this.chosen = made.id;
      this.creating = false;
    }, roles);
  }

  private async link(event: SubmitEvent, account: AccountOut): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    await this.act(() => post(`/accounts/${account.id}/identities`, { issuer: values.get("issuer"), subject: values.get("subject") }));
    if (!this.failure) form.reset();
  }

  override render(): TemplateResult {
    return html`<div class="sheet"><header><h1>${t("admin.title")}</h1>
      ${session.may("manage_accounts") ? html`<button class="button primary" aria-expanded=${this.creating} @click=${() => { this.creating = !this.creating; this.requestUpdate(); }}>${t("admin.create")}</button>` : nothing}</header>
      <p class="hint">${t("admin.separation")}</p>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}
        ${this.secret ? html`<p class="message warning"><span>${this.secret.words} <code class="secret">${this.secret.password}</code></span></p>` : nothing}</div>
      ${this.creating ? this.form() : nothing}
      <div class="columns">${this.list()}${this.detail()}</div>
      ${session.may("manage_personal_data") ? html`<tianshu-requests></tianshu-requests>` : nothing}</div>`;
  }

  private list(): TemplateResult {
    return html`<section class="card"><div class="wide" tabindex="0" role="region" aria-label=${t("admin.title")}><table class="accounts"><thead><tr><th scope="col">${t("admin.account")}</th><th scope="col">${t("admin.roles")}</th>
      <th scope="col">${t("admin.state")}</th></tr></thead><tbody>${this.accounts.map((account) => html`<tr aria-current=${account.id === this.chosen}>
        <td><button class="button quiet" @click=${() => this.choose(account.id)}>${account.display_name}</button><small>${account.username}</small></td>
        <td>${account.roles.map((role) => html`<span class="tag">${code("role", role)}</span> `)}</td>
        <td>${this.state(account)}</td></tr>`)}</tbody></table></div></section>`;
  }

  private choose(id: number): void {
    this.chosen = id;
    this.failure = this.message = "";
    this.secret = null;
    this.requestUpdate();
  }

  private state(account: AccountOut): string {
    if (!account.active) return t("admin.locked");
    const locked = account.locked_until !== null && Date.parse(account.locked_until) > Date.now();
    return locked ? t("admin.locked_out") : t("admin.active");
  }

  private detail(): TemplateResult {
    const account = this.account;
    if (!account) return html`<section class="card"><p class="hint">${t("admin.choose")}</p></section>`;
    const may = session.may("manage_accounts");
    const at = `/accounts/${account.id}`;
    return html`<section class="card" aria-labelledby="account-title"><h2 id="account-title">${account.display_name}</h2>
      <dl class="facts"><dt>${t("admin.username")}</dt><dd>${account.username}</dd><dt>${t("admin.state")}</dt><dd>${this.state(account)}</dd>
        <dt>${t("admin.factor")}</dt><dd>${account.has_factor ? t("admin.yes") : t("admin.no")}</dd><dt>${t("admin.open_sessions")}</dt><dd>${account.sessions}</dd></dl>
      <fieldset ?disabled=${!may}><legend>${t("admin.roles")}</legend>${Object.keys(this.rules?.roles ?? {}).map((role) => html`<label class="check">
        <input type="checkbox" .checked=${account.roles.includes(role)} @change=${(event: Event) => void this.toggle(account, role, event.target as HTMLInputElement)} />${code("role", role)}</label>`)}</fieldset>
      ${may ? html`<div class="actions">
        ${account.active && this.state(account) === t("admin.active")
          ? html`<button class="button" @click=${() => void this.act(() => post(`${at}/lock`))}>${t("admin.lock")}</button>`
          : html`<button class="button" @click=${() => void this.act(() => post(`${at}/unlock`))}>${t("admin.unlock")}</button>`}
        <button class="button" @click=${() => void this.act(() => remove(`${at}/factor`))}>${t("admin.reset_factor")}</button>
        <button class="button" @click=${() => void this.resetPassword(account)}>${t("admin.reset_password")}</button>
        <button class="button" @click=${() => void this.act(() => remove(`${at}/sessions`))}>${t("admin.end_sessions")}</button></div>${this.links(account)}` : nothing}</section>
      ${session.may("manage_personal_data") ? html`<tianshu-person .account=${account.id} .own=${this.own} @person-changed=${() => void this.attempt(() => this.load())}></tianshu-person>` : nothing}`;
  }

  private links(account: AccountOut): TemplateResult {
    const unlink = (issuer: string): Promise<unknown> => remove(`/accounts/${account.id}/identities?issuer=${encodeURIComponent(issuer)}`);
    return html`<h3>${t("admin.links")}</h3>
      ${account.identities.length ? html`<ul class="links">${account.identities.map(({ issuer, subject }) => html`<li><span>${issuer} · ${subject}</span>
        <button class="button" @click=${() => void this.act(() => unlink(issuer))}>${t("admin.unlink")}</button></li>`)}</ul>` : html`<p class="hint">${t("admin.no_links")}</p>`}
      <form @submit=${(event: SubmitEvent) => void this.link(event, account)}>
        <label class="field"><span>${t("admin.issuer")}</span><input class="input" name="issuer" type="url" required /></label>
        <label class="field"><span>${t("admin.subject")}</span><input class="input" name="subject" required /></label>
        <button class="button">${t("admin.link")}</button></form>`;
  }

  private form(): TemplateResult {
    return html`<section class="card"><h2>${t("admin.create")}</h2><form @submit=${(event: SubmitEvent) => void this.create(event)}>
      <label class="field"><span>${t("admin.username")}</span><input class="input" name="username" autocomplete="off" autocapitalize="none" spellcheck="false" required /></label>
      <label class="field"><span>${t("admin.display_name")}</span><input class="input" name="display_name" autocomplete="off" required /></label>
      <fieldset><legend>${t("admin.roles")}</legend>${Object.keys(this.rules?.roles ?? {}).map((role) => html`<label class="check">
        <input type="checkbox" name="role" value=${role} />${code("role", role)}</label>`)}</fieldset>
      <button class="button primary">${t("admin.create")}</button></form></section>`;
  }
}

customElements.define("tianshu-administration", AdministrationPage);
