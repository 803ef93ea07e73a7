/** Terminals that knocked and are not known: accepted one by one. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
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
    return html`${this.notes()}<section class="card"><p class="hint">${t("operator.pending_hint")}</p>${this.items.length ? html`<ul class="pending" aria-label=${t("operator.view.pending")}>${this.items.map((one) => this.item(one))}</ul>` : this.nothing(t("operator.nobody_waits"))}</section>`;
  }

  private item(one: Pending): TemplateResult {
    const facts = { plate: one.plate, terminal_id: one.terminal_id, model: [one.maker, one.model].filter(Boolean).join(" "), protocol: one.protocol, remote: one.remote, knocks: String(one.attempts), last_seen: dayTime(one.last_seen) };
    return html`<li><header><b>${one.phone}</b>${session.may("manage_devices") ? html`<button class="button" @click=${() => this.accept(one)}>${t("operator.accept")}<span class="visually-hidden"> ${one.phone}</span></button>` : nothing}</header>
      <dl class="facts">${Object.entries(facts).map(([name, value]) => html`<dt>${t(`operator.${name}` as Key)}</dt><dd>${value || "—"}</dd>`)}</dl></li>`;
  }
}

customElements.define("tianshu-operator-pending", OperatorPending);
