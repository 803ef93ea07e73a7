/** Taking a call: kind, priority, place (from the map or typed), address, notes. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { areas } from "../map/areas.ts";
import { post, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import type { CallOut } from "../shared/types.ts";

const KINDS = ["help", "dispute", "traffic", "theft", "violence", "robbery", "fire", "medical", "missing_person", "fraud", "noise", "suspicious", "other"];

export class CallForm extends Part {
  static override properties = { place: { attribute: false } };

  /** Set by a click on the map. */
  declare place: [number, number] | null;
  priority = 3;
  /** Names this taking of a call, so that pressing twice or trying again takes it once. */
  private readonly key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  private kind = KINDS[0]!;
  private busy = false;
  private failure = "";

  constructor() {
    super();
    this.place = null;
  }

  override firstUpdated(): void {
    this.querySelector<HTMLElement>("select")?.focus();
  }

  private tell(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    if (!this.place) return this.refuse(t("call.place_needed"));
    const [lon_deg, lat_deg] = this.place;
    const body = { kind: this.kind, priority: this.priority, lon_deg, lat_deg, address: String(form.get("address")).trim(), notes: String(form.get("notes")).trim() };
    this.busy = true;
    this.refuse("");
    try {
      this.tell("call-taken", await post<CallOut>("/calls", body, { "Idempotency-Key": this.key }));
    } catch (error) {
      this.busy = false;
      this.refuse(sentence(error));
    }
  }

  private refuse(words: string): void {
    this.failure = words;
    this.requestUpdate();
  }

  private typed(which: 0 | 1, text: string): void {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || Math.abs(value) > (which === 0 ? 180 : 90)) return this.refuse(t("call.coordinates_wrong"));
    const other = this.querySelector<HTMLInputElement>(which === 0 ? "[name=lat]" : "[name=lon]")?.value ?? "";
    this.refuse("");
    if (other.trim() === "") return;
    const place: [number, number] = which === 0 ? [value, Number(other)] : [Number(other), value];
    this.place = place;
    this.tell("place", place);
  }

  private setPriority(priority: number): void {
    this.priority = priority;
    this.requestUpdate();
    this.tell("priority", priority);
  }

  override render(): TemplateResult {
    return html`<header class="detail-head"><div><h2>${t("call.new")}</h2></div>
        <button class="icon-button" type="button" aria-label=${t("call.cancel")} @click=${() => this.tell("close-detail")}>${icon("close")}</button></header>
      <form class="call-form" novalidate @submit=${(event: SubmitEvent) => void this.submit(event)}>
        <div class="detail-body">
          <label class="field"><span>${t("call.kind")}</span><select class="input" name="kind" @change=${(event: Event) => { this.kind = (event.target as HTMLSelectElement).value; }}>
            ${KINDS.map((kind) => html`<option value=${kind} ?selected=${kind === this.kind}>${code("call.kind", kind)}</option>`)}</select></label>
          <fieldset class="field priorities"><legend>${t("call.priority")}</legend>${[1, 2, 3, 4].map((priority) => html`<label class="choice">
            <input type="radio" name="priority" value=${priority} .checked=${priority === this.priority} @change=${() => this.setPriority(priority)} />
            <span class="priority" data-priority=${priority} aria-hidden="true">${priority}</span><span>${t(`call.priority.${priority}` as Key)}</span></label>`)}</fieldset>
          ${this.placeFields()}
          <label class="field"><span>${t("call.address")}</span><input class="input" name="address" placeholder=${t("call.address_hint")} autocomplete="off" /></label>
          <label class="field"><span>${t("call.notes")}</span><textarea class="input" name="notes" placeholder=${t("call.notes_hint")}></textarea></label>
        </div>
        <div class="detail-actions"><div class="failure" role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
          <button type="button" class="button" @click=${() => this.tell("close-detail")}>${t("call.cancel")}</button>
          <button class="button primary" ?disabled=${this.busy}>${t("call.submit")}</button></div>
      </form>`;
  }

  private placeFields(): TemplateResult {
    const { place } = this;
    const field = (which: 0 | 1, name: string, label: Key): TemplateResult => html`<label class="field"><span>${t(label)}</span>
      <input class="input" name=${name} inputmode="decimal" autocomplete="off" .value=${place ? place[which].toFixed(6) : ""} @change=${(event: Event) => this.typed(which, (event.target as HTMLInputElement).value)} /></label>`;
    return html`<div class="place-fields">
      <p class="message ${place ? "ok" : ""}">${icon("pin")}<span>${place ? `${t("call.place_set")}${t("list.dot")}${areas.name(areas.at(place[0], place[1]))}` : t("call.pick_place")}</span></p>
      ${field(0, "lon", "call.lon")}${field(1, "lat", "call.lat")}</div>`;
  }
}

customElements.define("tianshu-call-form", CallForm);
