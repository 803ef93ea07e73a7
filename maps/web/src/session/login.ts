/** The login page: name and password, then what is left of the sign-in, one step at a time. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { get, post, Problem, sentence, words } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { prefs } from "../shared/prefs.ts";
import markUrl from "../shell/mark.svg";
import "./factor.ts";

type Step = "password" | "verify" | "enrol" | "renew";
const LATER: readonly string[] = ["verify", "enrol", "renew"];

export class LoginPage extends Part {
  static override properties = { left: { attribute: false } };

  /** The step of a sign-in that was begun before this page was loaded. */
  declare left: string | null;
  private step: Step = "password";
  private busy = false;
  private failure = "";
  private provider = false;

  override connectedCallback(): void {
    super.connectedCallback();
    const asked = new URLSearchParams(location.search);
    const [step, refused] = [asked.get("step"), asked.get("refused")];
    if (step !== null && LATER.includes(step)) this.step = step as Step;
    if (refused !== null) this.failure = t(refused === "UnknownSubject" ? "login.refused.UnknownSubject" : "login.refused.other");
    void get<{ enabled: boolean }>("/oidc").then(({ enabled }) => {
      this.provider = enabled;
      this.requestUpdate();
    }).catch(() => null);
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("left") && this.left !== null && LATER.includes(this.left)) this.step = this.left as Step;
  }

  private async signIn(form: FormData): Promise<void> {
    const [username, password] = [String(form.get("username")).trim(), String(form.get("password"))];
    if (!username || !password) return this.refuse(t("login.required"));
    await this.send("/login", { username, password }, "login.failed");
  }

  /** Take a step; the server says which one is left. */
  private async send(path: string, body: unknown, wrong: Key): Promise<void> {
    this.busy = true;
    this.failure = "";
    this.requestUpdate();
    try {
      this.go((await post<{ next: Step | null }>(path, body))?.next ?? null);
    } catch (error) {
      const refused = error instanceof Problem && [400, 401, 403, 422].includes(error.status);
      this.refuse(refused ? t(wrong, { detail: words(error) ?? error.detail }) : sentence(error));
    }
  }

  private go(next: Step | null): void {
    this.busy = false;
    if (next === null) {
      dispatchEvent(new CustomEvent("tianshu:signed-in"));
      return;
    }
    this.step = next;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLInputElement>("input")?.focus());
  }

  private refuse(words: string): void {
    this.busy = false;
    this.failure = words;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLInputElement>("[name=password], [name=code], [name=new]")?.select());
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    if (this.step === "password") void this.signIn(form);
    if (this.step === "verify") void this.send("/factor/verify", { code: String(form.get("code")).trim() }, "factor.failed");
    if (this.step === "renew") void this.send("/password", { current: form.get("current"), new: form.get("new") }, "password.weak");
  }

  private async startOver(): Promise<void> {
    await post("/logout").catch(() => null);
    location.assign("/login");
  }

  override render(): TemplateResult {
    return html`<div class="login"><div class="login-card">
      <div class="product">
        <img src=${markUrl} alt="" />
        <div><h1>天枢 Tianshu</h1><p>${t("app.tagline")}</p></div>
      </div>
      ${this.step === "enrol" ? html`<tianshu-factor @factor-ready=${() => this.go(null)}></tianshu-factor>` : this.form()}
      ${this.step === "password" ? this.other() : html`<button class="button quiet" @click=${() => void this.startOver()}>${t("login.start_over")}</button>`}
      <p class="notice">${t("login.notice")}</p>
      <div class="login-tools">
        <button class="button quiet" aria-label=${t("shell.language_label")} @click=${() => prefs.setLanguage(prefs.language === "zh" ? "en" : "zh")}>${t("shell.language")}</button>
      </div>
    </div></div>`;
  }

  private form(): TemplateResult {
    const fields = { password: () => this.passwordFields(), verify: () => this.verifyFields(), renew: () => this.renewFields(), enrol: () => html`` };
    const words: Record<Step, Key> = { password: "login.submit", verify: "factor.verify", renew: "password.change", enrol: "factor.confirm" };
    return html`<form @submit=${(event: SubmitEvent) => this.submit(event)} novalidate>${fields[this.step]()}
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <button class="button primary" ?disabled=${this.busy}>${this.busy ? t("login.busy") : t(words[this.step])}</button></form>`;
  }

  private passwordFields(): TemplateResult {
    return html`<label class="field"><span>${t("login.username")}</span>
        <input class="input" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus /></label>
      <label class="field"><span>${t("login.password")}</span>
        <input class="input" name="password" type="password" autocomplete="current-password" /></label>`;
  }

  private verifyFields(): TemplateResult {
    return html`<h2>${t("factor.verify_title")}</h2><p>${t("factor.verify_hint")}</p>
      <label class="field"><span>${t("factor.code")}</span>
        <input class="input" name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" /></label>`;
  }

  private renewFields(): TemplateResult {
    return html`<h2>${t("password.renew_title")}</h2><p>${t("password.renew_hint")}</p>
      <label class="field"><span>${t("password.current")}</span>
        <input class="input" name="current" type="password" autocomplete="current-password" /></label>
      <label class="field"><span>${t("password.new")}</span>
        <input class="input" name="new" type="password" autocomplete="new-password" aria-describedby="password-rule" /></label>
      <p id="password-rule" class="hint">${t("password.rule")}</p>`;
  }

  private other(): TemplateResult {
    return this.provider ? html`<p class="or">${t("login.or")}</p><a class="button" href="/oidc/start">${t("login.provider")}</a>` : html``;
  }
}

customElements.define("tianshu-login", LoginPage);
