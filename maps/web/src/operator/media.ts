/** Photos, sound and films of a device: what it took when, and each file to save for whoever may. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { get, save } from "../shared/api.ts";
import { session } from "../shared/session.ts";
import { dayTime } from "../shared/time.ts";
import type { Page } from "../shared/types.ts";
import { OperatorView } from "./view.ts";

interface Medium {
  id: number;
  kind: number;
  event: number;
  channel: number;
  at: string;
  size: number | null;
  sha256: string | null;
  refused: string | null;
}

const PAGE = 20;

export class OperatorMedia extends OperatorView {
  static override properties = { device: { attribute: false } };

  declare device: number;
  private items: Medium[] = [];
  private wanted = PAGE;

  protected override get period_ms(): number {
    return 15_000;
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has("device") || changed.get("device") === undefined) return;
    this.items = [];
    this.wanted = PAGE;
    this.loaded = false;
    void this.look();
  }

  protected override async load(): Promise<void> {
    const { device } = this;
    const { items } = await get<Page<Medium>>(`/devices/${device}/media?limit=${this.wanted}`);
    if (device === this.device) this.items = items;
  }

  override render(): TemplateResult {
    return html`${this.notes()}${this.items.length ? html`<ul class="media">${this.items.map((one) => this.item(one))}</ul>` : this.nothing(t("operator.no_media"))}
      ${this.items.length === this.wanted && this.wanted < 200 ? html`<button class="button" @click=${() => { this.wanted = Math.min(200, this.wanted * 2); void this.look(); }}>${t("operator.more")}</button>` : nothing}`;
  }

  private item(one: Medium): TemplateResult {
    const kept = one.sha256 !== null;
    const how = kept ? t("operator.kilobytes", { n: Math.max(1, Math.round((one.size ?? 0) / 1024)) }) : t(one.refused ? "operator.no_room" : "operator.announced");
    return html`<li><span><b>${code("media.kind", String(one.kind))}</b> <span class="hint">${dayTime(one.at)} · ${t("operator.channel", { n: one.channel })} · ${code("media.event", String(one.event))} · ${how}</span></span>
      ${kept && session.may("view_media") ? html`<button class="button" @click=${() => void this.act(() => save(`/devices/${this.device}/media/${one.id}/file`), t("operator.saved"))}>${t("operator.save_file")}<span class="visually-hidden"> ${dayTime(one.at)}</span></button>` : nothing}</li>`;
  }
}

customElements.define("tianshu-operator-media", OperatorMedia);
