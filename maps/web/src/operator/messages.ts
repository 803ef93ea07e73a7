/** BeiDou short messages in both directions, newest first. */

import { html, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { get } from "../shared/api.ts";
import type { Page, ShortMessage } from "../shared/types.ts";
import { dayTime } from "../shared/time.ts";
import { OperatorView } from "./view.ts";

export class OperatorMessages extends OperatorView {
  private items: ShortMessage[] = [];

  protected override async load(): Promise<void> {
    this.items = (await get<Page<ShortMessage>>("/messages?limit=100")).items;
  }

  override render(): TemplateResult {
    return html`${this.notes()}<section class="card">${this.items.length ? html`<ul class="messages">${this.items.map((one) => this.item(one))}</ul>` : this.nothing(t("operator.no_messages"))}</section>`;
  }

  private item(one: ShortMessage): TemplateResult {
    const way = one.direction === "in" ? t("operator.received") : one.sent_at ? t("operator.sent") : t("operator.waits");
    return html`<li><header><b>${one.call_sign ?? `#${one.device_id}`}</b><span class="way" data-direction=${one.direction}>${way}</span>${one.calls_for_help ? html`<span class="tag warning">${t("operator.help")}</span>` : ""}<span class="hint">${dayTime(one.at)}</span></header>
      <p>${one.text ?? t("operator.no_text")}</p></li>`;
  }
}

customElements.define("tianshu-operator-messages", OperatorMessages);
