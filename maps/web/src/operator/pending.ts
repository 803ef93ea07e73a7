/** Terminals that knocked and are not known: accepted one by one. */

import { html, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { all, post } from "../shared/api.ts";
import { session } from "../shared/session.ts";
import { dayTime } from "../shared/time.ts";
import { OperatorView } from "./view.ts";

interface Pending {
  id: number;
  phone: string;
  terminal_id: string | null;
  maker: string | null;
  model: string | null;
  plate: string | null;
  protocol: string | null;
  remote: string | null;
  attempts: number;
  last_seen: string;
}

export class OperatorPending extends OperatorView {
  private items: Pending[] = [];

  protected override async load(): Promise<void> {
    this.items = await all<Pending>("/devices/pending?limit=1000");
  }

  private accept(one: Pending): void {
    void this.act(() => post(`/devices/pending/${one.id}/accept`), t("operator.accepted", { phone: one.phone }));
  }

  override render(): TemplateResult {
    const may = session.may("manage_devices");
    return html`${this.notes()}<section class="card"><p class="hint">${t("operator.pending_hint")}</p>${this.items.length ? html`<div class="wide" tabindex="0" role="region" aria-label=${t("operator.view.pending")}>
      <table><thead><tr>${(["phone", "plate", "terminal_id", "model", "protocol", "remote", "knocks", "last_seen", "actions"] as const).map((head) => html`<th scope="col">${t(`operator.${head}`)}</th>`)}</tr></thead>
      <tbody>${this.items.map((one) => html`<tr><td>${one.phone}</td><td>${one.plate ?? "—"}</td><td>${one.terminal_id ?? "—"}</td><td>${[one.maker, one.model].filter(Boolean).join(" ") || "—"}</td>
        <td>${one.protocol ?? "—"}</td><td>${one.remote ?? "—"}</td><td>${one.attempts}</td><td class="when">${dayTime(one.last_seen)}</td>
        <td>${may ? html`<button class="button" @click=${() => this.accept(one)}>${t("operator.accept")}<span class="visually-hidden"> ${one.phone}</span></button>` : "—"}</td></tr>`)}</tbody></table></div>` : this.nothing(t("operator.nobody_waits"))}</section>`;
  }
}

customElements.define("tianshu-operator-pending", OperatorPending);
