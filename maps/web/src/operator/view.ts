/** What the operator's views share: work that may be refused in words, and a look that is repeated. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { sentence } from "../shared/api.ts";
import { every, Part } from "../shared/part.ts";

export interface Device {
  id: number;
  phone: string;
  terminal_id: string | null;
  imei: string | null;
  plate: string | null;
  protocol: string | null;
  created_at: string;
  clock_skew_s: number | null;
}

export interface Held {
  device_id: number;
  gateway_id: string;
  remote: string;
  protocol: string | null;
  since: string;
}

/** What people call a device. */
export const nameOf = (device: Device): string => device.plate ?? device.phone;

export abstract class OperatorView extends Part {
  protected failure = "";
  protected done = "";
  protected loaded = false;
  private busy = false;

  /** How often the view looks again, in ms. */
  protected get period_ms(): number {
    return 3_000;
  }

  /** Ask the server for what this view shows. */
  protected abstract load(): Promise<void>;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.look();
    this.whileHere(() => every(this.period_ms, () => void this.look()));
  }

  /** Look again, unless the last look is still under way; what goes wrong with a repeated look is said too. */
  protected async look(): Promise<void> {
    if (this.busy || document.hidden) return;
    this.busy = true;
    try {
      await this.load();
      this.loaded = true;
      this.failure = "";
    } catch (error) {
      this.failure = sentence(error);
    }
    this.busy = false;
    this.requestUpdate();
  }

  /** Do something, say that it is done, and look again. */
  protected async act(work: () => Promise<unknown>, words: string): Promise<boolean> {
    let refused = "";
    this.done = "";
    try {
      await work();
      this.done = words;
    } catch (error) {
      refused = sentence(error);
    }
    await this.look();
    if (refused) this.failure = refused;
    this.requestUpdate();
    return !refused;
  }

  protected notes(): TemplateResult {
    return html`<div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.done ? html`<p class="message ok">${this.done}</p>` : nothing}</div>`;
  }

  /** What stands where there is nothing to show, or not yet. */
  protected nothing(words: string): TemplateResult {
    if (!this.loaded && !this.failure) return html`<div class="empty"><span class="spinner"></span><span class="visually-hidden">${t("live.loading")}</span></div>`;
    return html`<p class="empty">${words}</p>`;
  }
}
