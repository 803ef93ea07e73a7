/** One's own sign-in: sessions, second factor, password. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { get, post, Problem, remove, sentence, words } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { dayMinute } from "../shared/time.ts";
import "./factor.ts";

interface SessionOut {
  id: string;
  kind: "page" | "machine";
  device: string | null;
  remote: string | null;
  since: string;
  seen_at: string;
  current: boolean;
}

interface FactorOut {
  required: boolean;
  enrolled: boolean;
  recovery_codes_left: number;
}


/** The system and browser that a browser says it is, in two words. */
export function deviceName(device: string | null): string {
  if (!device) return t("sessions.unknown_device");
  const browser = /(Edg|Firefox|Chrome|Safari)/.exec(device)?.[1]?.replace("Edg", "Edge");
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(device)?.[1];
  return browser && system ? `${browser} · ${system}` : device.slice(0, 40);
}

export class SecurityPage extends Part {
  private sessions: SessionOut[] = [];
  private factor: FactorOut | null = null;
  private replacing: string | null = null;
  private message = "";
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.load();
  }

  private async load(): Promise<void> {
    await this.attempt(async () => {
      [this.sessions, this.factor] = await Promise.all([get<SessionOut[]>("/sessions"), get<FactorOut>("/factor")]);
    });
  }

  private async attempt(work: () => Promise<unknown>): Promise<void> {
    this.failure = "";
    try {
      await work();
    } catch (error) {
      this.failure = error instanceof Problem && error.status === 422 ? t("password.weak", { detail: words(error) ?? error.detail }) : sentence(error);
    }
    this.requestUpdate();
  }

  private async end(session: SessionOut): Promise<void> {
    await this.attempt(() => remove(`/sessions/${session.id}`));
    await this.load();
  }

  private async endAll(): Promise<void> {
    await this.attempt(() => remove("/sessions"));
    location.assign("/login");
  }

  private async change(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    this.message = "";
    await this.attempt(async () => {
      await post("/password", { current: values.get("current"), new: values.get("new") });
      this.message = t("password.changed");
      form.reset();
    });
    if (!this.failure) await this.load();
  }

  private replace(event: SubmitEvent): void {
    event.preventDefault();
    this.replacing = String(new FormData(event.target as HTMLFormElement).get("password"));
    this.failure = "";
    this.requestUpdate();
  }

  private refused(words: string): void {
    this.replacing = null;
    this.failure = words;
    this.requestUpdate();
  }

  override render(): TemplateResult {
    return html`<div class="sheet"><h1>${t("nav.security")}</h1>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}</div>
      ${this.sessionList()}<div class="columns">${this.factorCard()}${this.passwordCard()}</div></div>`;
  }

  private sessionList(): TemplateResult {
    return html`<section class="card" aria-labelledby="sessions-title"><header><h2 id="sessions-title">${t("sessions.title")}</h2>
      <button class="button" @click=${() => void this.endAll()}>${t("sessions.end_all")}</button></header><p class="hint">${t("sessions.hint")}</p>
      <div class="wide" tabindex="0" role="region" aria-labelledby="sessions-title"><table><thead><tr>
        <th scope="col">${t("sessions.device")}</th><th scope="col">${t("sessions.remote")}</th><th scope="col">${t("sessions.since")}</th>
        <th scope="col">${t("sessions.seen")}</th><th scope="col">${t("sessions.actions")}</th></tr></thead>
      <tbody>${this.sessions.map((session) => html`<tr>
        <td>${deviceName(session.device)} ${session.kind === "machine" ? html`<span class="tag">${t("sessions.machine")}</span>` : nothing}</td>
        <td>${session.remote ?? ""}</td><td>${dayMinute(session.since)}</td><td>${dayMinute(session.seen_at)}</td>
        <td>${session.current ? html`<span class="tag">${t("sessions.current")}</span>`
          : html`<button class="button" @click=${() => void this.end(session)}>${t("sessions.end")}</button>`}</td></tr>`)}</tbody></table></div></section>`;
  }

  private factorCard(): TemplateResult {
    const factor = this.factor;
    if (this.replacing !== null) {
      return html`<section class="card"><tianshu-factor .password=${this.replacing}
        @factor-ready=${() => { this.replacing = null; void this.load(); }}
        @factor-refused=${(event: CustomEvent<string>) => this.refused(event.detail)}></tianshu-factor></section>`;
    }
    return html`<section class="card"><h2>${t("factor.verify_title")}</h2>
      <p>${factor?.enrolled ? t("factor.state_on", { n: factor.recovery_codes_left }) : t("factor.state_off")}</p>
      <form @submit=${(event: SubmitEvent) => this.replace(event)}>
        <label class="field"><span>${t("password.current")}</span><input class="input" name="password" type="password" autocomplete="current-password" required /></label>
        <button class="button">${factor?.enrolled ? t("factor.replace") : t("factor.set_up")}</button></form></section>`;
  }

  private passwordCard(): TemplateResult {
    return html`<section class="card"><h2>${t("password.title")}</h2><p id="rule" class="hint">${t("password.rule")}</p>
      <form @submit=${(event: SubmitEvent) => void this.change(event)}>
        <label class="field"><span>${t("password.current")}</span><input class="input" name="current" type="password" autocomplete="current-password" required /></label>
        <label class="field"><span>${t("password.new")}</span><input class="input" name="new" type="password" autocomplete="new-password" aria-describedby="rule" required /></label>
        <button class="button">${t("password.change")}</button></form></section>`;
  }
}

customElements.define("tianshu-security", SecurityPage);
