/** The login page. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { post, Problem, sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { prefs } from "../shared/prefs.ts";
import markUrl from "../shell/mark.svg";

export class LoginPage extends Part {
  private busy = false;
  private failure = "";

  private async signIn(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const [username, password] = [String(form.get("username")).trim(), String(form.get("password"))];
    if (!username || !password) return this.refuse(t("login.required"));
    this.busy = true;
    this.failure = "";
    this.requestUpdate();
    try {
      await post("/login", { username, password });
      dispatchEvent(new CustomEvent("tianshu:signed-in"));
    } catch (error) {
      const wrong = error instanceof Problem && [400, 401, 403].includes(error.status);
      this.refuse(wrong ? t("login.failed") : sentence(error));
    }
  }

  private refuse(words: string): void {
    this.busy = false;
    this.failure = words;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLInputElement>("[name=password]")?.select());
  }

  override render(): TemplateResult {
    return html`<div class="login"><div class="login-card">
      <div class="product">
        <img src=${markUrl} alt="" />
        <div><h1>天枢 Tianshu</h1><p>${t("app.tagline")}</p></div>
      </div>
      <form @submit=${(event: SubmitEvent) => void this.signIn(event)} novalidate>
        <label class="field"><span>${t("login.username")}</span>
          <input class="input" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus /></label>
        <label class="field"><span>${t("login.password")}</span>
          <input class="input" name="password" type="password" autocomplete="current-password" /></label>
        <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
        <button class="button primary" ?disabled=${this.busy}>${this.busy ? t("login.busy") : t("login.submit")}</button>
      </form>
      <p class="notice">${t("login.notice")}</p>
      <div class="login-tools">
        <button class="button quiet" aria-label=${t("shell.language_label")} @click=${() => prefs.setLanguage(prefs.language === "zh" ? "en" : "zh")}>${t("shell.language")}</button>
      </div>
    </div></div>`;
  }
}

customElements.define("tianshu-login", LoginPage);
