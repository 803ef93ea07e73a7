/** What was refused, by reason: the bytes, and why. */

import { html, nothing, type TemplateResult } from "lit";
import { code, say, t, type Told } from "../i18n/index.ts";
import { get, query } from "../shared/api.ts";
import type { Page } from "../shared/types.ts";
import { dayTime } from "../shared/time.ts";
import { OperatorView } from "./view.ts";

interface BadFrame {
  id: number;
  at: string;
  remote: string | null;
  phone: string | null;
  reason: string;
  told: Told | null;
  frame_hex: string;
}

interface Refusals {
  reason: string;
  count: number;
  last_at: string;
}

const PAGE = 50;
/** 7e 02 00 …: bytes as people read them. */
export const spaced = (hex: string): string => hex.match(/../g)?.join(" ") ?? "";

export class OperatorQuarantine extends OperatorView {
  private reasons: Refusals[] = [];
  private items: BadFrame[] = [];
  private reason = "";
  private wanted = PAGE;

  protected override async load(): Promise<void> {
    const [reasons, page] = await Promise.all([
      get<Refusals[]>("/quarantine/reasons"),
      get<Page<BadFrame>>(`/quarantine${query({ reason: this.reason, limit: this.wanted })}`),
    ]);
    [this.reasons, this.items] = [reasons, page.items];
  }

  private choose(reason: string): void {
    this.reason = reason;
    this.wanted = PAGE;
    void this.look();
    this.requestUpdate();
  }

  override render(): TemplateResult {
    const total = this.reasons.reduce((sum, one) => sum + one.count, 0);
    const choice = (reason: string, words: string, count: number): TemplateResult =>
      html`<button class="button" aria-pressed=${reason === this.reason} @click=${() => this.choose(reason)}>${words} <span class="tag">${count}</span></button>`;
    return html`${this.notes()}<div class="actions" role="group" aria-label=${t("operator.reason")}>${choice("", t("operator.all"), total)}${this.reasons.map((one) => choice(one.reason, code("refusal", one.reason), one.count))}</div>
      <section class="card">${this.items.length ? html`<ul class="frames">${this.items.map((one) => this.item(one))}</ul>` : this.nothing(t("operator.nothing_refused"))}
      ${this.items.length === this.wanted && this.wanted < 1000 ? html`<button class="button" @click=${() => { this.wanted = Math.min(1000, this.wanted * 2); void this.look(); }}>${t("operator.more")}</button>` : nothing}</section>`;
  }

  private item(one: BadFrame): TemplateResult {
    return html`<li><header><b>${code("refusal", one.reason)}</b><span class="hint">${dayTime(one.at)} · ${one.remote ?? "—"}${one.phone ? ` · ${one.phone}` : ""}</span></header>
      <p>${(one.told && say(one.told)) ?? t("operator.see_bytes")}</p><code class="hex" tabindex="0">${spaced(one.frame_hex)}</code></li>`;
  }
}

customElements.define("tianshu-operator-quarantine", OperatorQuarantine);
