/** What is kept about the owner of an account: shown, corrected, deleted (个人信息保护法 44–47). Tells `person-changed`. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { get, put, remove, sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { dayMinute } from "../shared/time.ts";

interface Person {
  account_id: number;
  username: string;
  display_name: string;
  created_at: string;
  roles: string[];
  sessions: { device: string | null; remote: string | null; seen_at: string }[];
  identities: string[];
  second_factor: boolean;
  done: Record<string, number>;
  carried: { call_sign: string; device_id: number | null; since: string; until: string | null }[];
}

const counted = (rows: Record<string, number>): string =>
  Object.entries(rows).filter(([, count]) => count > 0).map(([table, count]) => `${count} ${code("person.table", table)}`).join(t("list.and")) || "0";

export class PersonCard extends Part {
  static override properties = { account: { attribute: false }, own: { attribute: false } };

  declare account: number;
  declare own: boolean;
  private person: Person | null = null;
  private message = "";
  private failure = "";

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has("account")) return;
    this.person = null;
    this.message = this.failure = "";
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    this.failure = this.message = "";
    try {
      await work();
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
  }

  private async show(): Promise<void> {
    this.person = await get<Person>(`/accounts/${this.account}/data`);
  }

  private correct(event: SubmitEvent): void {
    event.preventDefault();
    const display_name = new FormData(event.target as HTMLFormElement).get("display_name");
    void this.attempt(async () => {
      await put(`/accounts/${this.account}/data`, { display_name });
      await this.show();
      this.message = t("admin.done");
      this.changed();
    });
  }

  private async destroy(): Promise<void> {
    this.querySelector("dialog")?.close();
    const { kept } = (await remove<{ kept: Record<string, number> }>(`/accounts/${this.account}/data`)) ?? { kept: {} };
    this.person = null;
    this.message = t("person.deleted", { kept: counted(kept) });
    this.changed();
  }

  private changed(): void {
    this.dispatchEvent(new CustomEvent("person-changed", { bubbles: true }));
  }

  override render(): TemplateResult {
    return html`<section class="card" aria-labelledby="person-title"><h2 id="person-title">${t("person.title")}</h2><p class="hint">${t("person.hint")}</p>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}</div>
      ${this.person ? this.kept(this.person) : html`<div class="actions"><button class="button" @click=${() => void this.attempt(() => this.show())}>${t("person.show")}</button></div>`}</section>`;
  }

  private kept(person: Person): TemplateResult {
    return html`<dl class="facts"><dt>${t("admin.username")}</dt><dd>${person.username}</dd><dt>${t("admin.display_name")}</dt><dd>${person.display_name}</dd>
        <dt>${t("person.created")}</dt><dd>${dayMinute(person.created_at)}</dd><dt>${t("admin.roles")}</dt><dd>${person.roles.map((role) => code("role", role)).join(t("list.and"))}</dd>
        <dt>${t("admin.factor")}</dt><dd>${person.second_factor ? t("admin.yes") : t("admin.no")}</dd><dt>${t("admin.links")}</dt><dd>${person.identities.join(" ") || "—"}</dd>
        <dt>${t("person.sessions")}</dt><dd>${person.sessions.map((one) => html`<span>${one.remote} ${dayMinute(one.seen_at)}</span><br />`)}${person.sessions.length ? nothing : "—"}</dd>
        <dt>${t("person.done")}</dt><dd>${counted(person.done)}</dd>
        <dt>${t("person.carried")}</dt><dd>${person.carried.map((one) => html`<span>${t("person.carried_row", { unit: one.call_sign, device: one.device_id ?? "—", since: dayMinute(one.since), until: one.until ? dayMinute(one.until) : t("person.now") })}</span><br />`)}${person.carried.length ? nothing : "—"}</dd></dl>
      ${this.own ? html`<p class="hint">${t("admin.refused_own")}</p>` : html`<form @submit=${(event: SubmitEvent) => this.correct(event)}>
        <label class="field"><span>${t("admin.display_name")}</span><input class="input" name="display_name" maxlength="80" .value=${person.display_name} required /></label>
        <div class="actions"><button class="button">${t("person.correct")}</button>
          <button class="button grave" type="button" @click=${() => this.querySelector("dialog")?.showModal()}>${t("person.delete")}</button></div></form>
      <dialog class="confirm" aria-labelledby="confirm-title"><h2 id="confirm-title">${t("person.delete")}</h2><p>${t("person.confirm", { name: person.display_name || person.username })}</p>
        <div class="actions"><button class="button" autofocus @click=${() => this.querySelector("dialog")?.close()}>${t("person.confirm_no")}</button>
          <button class="button grave" @click=${() => void this.attempt(() => this.destroy())}>${t("person.confirm_yes")}</button></div></dialog>`}`;
  }
}

customElements.define("tianshu-person", PersonCard);
