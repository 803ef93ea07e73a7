/** The last frames of a device: the bytes as they came, beside what they say, field by field. */

import { html, nothing, type TemplateResult } from "lit";
import { code, named, say, t, type Told } from "../i18n/index.ts";
import { get } from "../shared/api.ts";
import type { Page } from "../shared/types.ts";
import { shown } from "./facts.ts";
import { spaced } from "./quarantine.ts";
import { dayTime } from "../shared/time.ts";
import { OperatorView } from "./view.ts";

interface Field {
  part: string;
  name: string;
  value: unknown;
  unit: string | null;
  raw_hex: string;
}

interface Frame {
  at: string;
  source: string;
  payload_hash: string;
  flags: string[];
  raw_hex: string | null;
  intact: boolean | null;
  erased_by: number[];
  fields: Field[];
  told: Told | null;
}

export class OperatorFrames extends OperatorView {
  static override properties = { device: { attribute: false } };

  declare device: number;
  private items: Frame[] = [];

  protected override get period_ms(): number {
    return 60_000;
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has("device") || changed.get("device") === undefined) return;
    this.items = [];
    void this.look();
  }

  protected override async load(): Promise<void> {
    this.items = (await get<Page<Frame>>(`/devices/${this.device}/frames?limit=10`)).items;
  }

  override render(): TemplateResult {
    return html`${this.notes()}<div class="actions"><button class="button" @click=${() => void this.look()}>${t("operator.again")}</button></div>
      ${this.items.length ? this.items.map((one) => this.frame(one)) : this.nothing(t("operator.no_frames"))}`;
  }

  /** Whether the bytes are those that came: their batch still gives the hash that was written down with it. */
  private kept(one: Frame): TemplateResult | typeof nothing {
    if (one.intact === null) return nothing;
    const records = one.erased_by.join(", ");
    if (one.intact && records) return html`<p class="message">${t(one.raw_hex ? "operator.erased_beside" : "operator.erased", { records })}</p>`;
    return one.intact ? html`<p class="intact">✓ ${t("operator.intact")}</p>` : html`<p class="message error">${t("operator.not_intact")}</p>`;
  }

  private frame(one: Frame): TemplateResult {
    return html`<details><summary>${dayTime(one.at)} · ${code("source", one.source)} ${one.flags.map((flag) => html`<span class="tag warning">${code("flag", flag)}</span> `)}${one.intact === false ? html`<span class="tag warning">${t("operator.changed")}</span>` : nothing}</summary>
      ${one.raw_hex ? html`<code class="hex" tabindex="0">${spaced(one.raw_hex)}</code>` : html`<p class="hint">${t("operator.no_raw")}</p>`}
      ${this.kept(one)}${one.told ? html`<p class="message warning">${say(one.told) ?? t("operator.see_bytes")}</p>` : nothing}
      <div class="wide" tabindex="0" role="region" aria-label=${t("operator.fields")}><table><thead><tr>${(["part", "field", "value", "bytes"] as const).map((head) => html`<th scope="col">${t(`operator.${head}`)}</th>`)}</tr></thead>
        <tbody>${one.fields.map((each) => html`<tr><td>${code("part", each.part)}</td><td>${code("field", each.name)}</td><td>${shown(each.value, each.name)}${each.unit && !named("field", each.name) ? ` ${each.unit}` : nothing}</td><td><code>${spaced(each.raw_hex)}</code></td></tr>`)}</tbody></table></div></details>`;
  }
}

customElements.define("tianshu-operator-frames", OperatorFrames);
