/** Setting up a second factor: the QR code, the first code, the recovery codes. Tells `factor-ready` when kept. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { post, Problem, sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";

interface Enrolment {
  secret: string;
  uri: string;
  svg: string;
}

export class FactorSetup extends Part {
  static override properties = { password: { attribute: false } };

  /** Asked for again where a session is fully open; null in a sign-in that is under way. */
  declare password: string | null;
  private enrolment: Enrolment | null = null;
  private codes: string[] = [];
  private failure = "";

  constructor() {
    super();
    this.password = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.begin();
  }

  private async begin(): Promise<void> {
    try {
      this.enrolment = await post<Enrolment>("/factor/enrol", { password: this.password });
    } catch (error) {
      this.failure = sentence(error);
      this.dispatchEvent(new CustomEvent("factor-refused", { detail: this.failure, bubbles: true }));
    }
    this.requestUpdate();
  }

  private async confirm(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const code = String(new FormData(event.target as HTMLFormElement).get("code")).trim();
    try {
      this.codes = (await post<{ recovery_codes: string[] }>("/factor/confirm", { code }))?.recovery_codes ?? [];
      this.failure = "";
    } catch (error) {
      const wrong = error instanceof Problem && [403, 422].includes(error.status);
      this.failure = wrong ? t("factor.failed") : sentence(error);
    }
    this.requestUpdate();
  }

  override render(): TemplateResult {
    if (this.codes.length) return this.kept();
    const known = this.enrolment;
    return html`<div class="factor">
      <h2>${t("factor.enrol_title")}</h2><p>${t("factor.enrol_hint")}</p>
      ${known ? html`<img class="qr" alt=${t("factor.qr")} src=${`data:image/svg+xml,${encodeURIComponent(known.svg)}`} />
        <details><summary>${t("factor.secret")}</summary><code class="secret">${known.secret}</code></details>` : nothing}
      <form @submit=${(event: SubmitEvent) => void this.confirm(event)} novalidate>
        <label class="field"><span>${t("factor.code")}</span>
          <input class="input" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required /></label>
        <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
        <button class="button primary" ?disabled=${!known}>${t("factor.confirm")}</button>
      </form></div>`;
  }

  private kept(): TemplateResult {
    return html`<div class="factor"><h2>${t("factor.codes_title")}</h2><p>${t("factor.codes_hint")}</p>
      <ul class="codes">${this.codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
      <button class="button primary" @click=${() => this.dispatchEvent(new CustomEvent("factor-ready", { bubbles: true }))}>${t("factor.codes_kept")}</button></div>`;
  }
}

customElements.define("tianshu-factor", FactorSetup);
