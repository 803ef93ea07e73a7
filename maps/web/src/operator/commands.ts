/** Commands and how far each came: of one device, or of all. */

import { html, nothing, type TemplateResult } from "lit";
import { code, say, t, type Told } from "../i18n/index.ts";
import { get, query, remove } from "../shared/api.ts";
import { session } from "../shared/session.ts";
import type { Page } from "../shared/types.ts";
import { facts } from "./facts.ts";
import { dayTime } from "../shared/time.ts";
import { OperatorView } from "./view.ts";

interface Command {
  id: number;
  device_id: number;
  kind: string;
  parameters: Record<string, unknown>;
  state: string;
  asked_by: string | null;
  asked_at: string;
  attempts: number;
  settled_at: string | null;
  answer: Record<string, unknown> | null;
  detail: string | null;
  told: Told | null;
}

const STATES = ["queued", "sent", "acknowledged", "answered", "refused", "timed_out", "expired", "cancelled"];

export class OperatorCommands extends OperatorView {
  static override properties = { device: { attribute: false } };

  declare device: number | null;
  private items: Command[] = [];
  private state = "";

  constructor() {
    super();
    this.device = null;
  }

  protected override get period_ms(): number {
    return 1_000;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const asked = (): void => void this.look();
    this.whileHere(() => {
      window.addEventListener("tianshu:commanded", asked);
      return () => window.removeEventListener("tianshu:commanded", asked);
    });
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has("device") || changed.get("device") === undefined) return;
    this.items = [];
    this.loaded = false;
    void this.look();
  }

  protected override async load(): Promise<void> {
    const { device } = this;
    const path = device === null ? `/commands${query({ state: this.state, limit: 100 })}` : `/devices/${device}/commands${query({ limit: 20 })}`;
    const { items } = await get<Page<Command>>(path);
    if (device === this.device) this.items = items;
  }

  override render(): TemplateResult {
    return html`${this.notes()}${this.device === null ? this.filter() : nothing}
      ${this.items.length ? html`<ul class="commands" aria-live="polite">${this.items.map((one) => this.item(one))}</ul>` : this.nothing(t("operator.no_commands"))}`;
  }

  private filter(): TemplateResult {
    const choose = (event: Event): void => {
      this.state = (event.target as HTMLSelectElement).value;
      void this.look();
    };
    return html`<label class="field"><span>${t("operator.state")}</span><select class="input" @change=${choose}><option value="">${t("operator.all")}</option>
      ${STATES.map((state) => html`<option value=${state} ?selected=${state === this.state}>${code("command.state", state)}</option>`)}</select></label>`;
  }

  private item(one: Command): TemplateResult {
    const cancels = one.state === "queued" && session.may("command_device");
    return html`<li data-id=${one.id}><header><b>${code("command", one.kind)}</b><span class="command-state" data-state=${one.state}>${code("command.state", one.state)}</span></header>
      <p class="hint">${this.device === null ? `#${one.device_id} · ` : ""}${dayTime(one.asked_at)} · ${one.asked_by ?? ""} · ${t("operator.attempts", { n: one.attempts })}</p>
      ${Object.keys(one.parameters).length ? html`<details><summary>${t("operator.asked")}</summary>${facts(one.parameters)}</details>` : nothing}
      ${one.answer && Object.keys(one.answer).length ? html`<details open><summary>${t("operator.answer")}</summary>${facts(one.answer)}</details>` : nothing}
      ${one.detail ? html`<p class="message warning">${one.told ? say(one.told) : code("command.detail", one.detail)}</p>` : nothing}
      ${cancels ? html`<button class="button" @click=${() => void this.act(() => remove(`/commands/${one.id}`), t("operator.cancelled"))}>${t("operator.cancel")}</button>` : nothing}</li>`;
  }
}

customElements.define("tianshu-operator-commands", OperatorCommands);
