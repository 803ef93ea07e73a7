/**
 * Taking a call by keyboard alone: the kind by its mnemonic, the priority by a digit, the place by name, address or
 * coordinates, a template by Alt and its number, Ctrl+Enter to take it. Possible duplicates show while it is typed.
 */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { areas } from "../map/areas.ts";
import { post, Problem, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { duration } from "../shared/time.ts";
import type { CallOut } from "../shared/types.ts";
import { distance } from "../live/reasons.ts";
import "./combo.ts";
import type { Combo, Option } from "./combo.ts";
import { loadTables, say, type Kind, type Place, type Similar, type Tables } from "./tables.ts";

type LngLat = [number, number];
const LOOK_AGAIN_MS = 400;
const COORDINATES = /^\s*(-?\d{1,3}(?:\.\d+)?)\s*[,，\s]\s*(-?\d{1,2}(?:\.\d+)?)\s*$/;

/** 113.1, 27.8 as longitude and latitude; null when it is no pair of coordinates on earth. */
export function coordinates(text: string): LngLat | null {
  const [, lon, lat] = COORDINATES.exec(text) ?? [];
  if (lon === undefined || lat === undefined || Math.abs(+lon) > 180 || Math.abs(+lat) > 90) return null;
  return [+lon, +lat];
}

export class CallForm extends Part {
  static override properties = { place: { attribute: false }, centre: { attribute: false } };

  /** Set by a click on the map. */
  declare place: LngLat | null;
  /** Where the map looks: the gazetteer prefers what is near. */
  declare centre: () => LngLat | null;
  /** Names this taking of a call, so that pressing twice or trying again takes it once. */
  private readonly key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  private tables: Tables | null = null;
  private kind: Kind | null = null;
  private priority = 3;
  private address = "";
  private notes = "";
  private answers: Record<string, string> = {};
  private similar: Similar[] = [];
  private looked = 0;
  private outside = false;
  private busy = false;
  private failure = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.place = null;
    this.centre = () => null;
  }

  override async firstUpdated(): Promise<void> {
    this.querySelector<Combo>("tianshu-combo")?.focus();
    try {
      this.tables = await loadTables();
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
  }

  override updated(changed: Map<string, unknown>): void {
    if (changed.has("place") && changed.get("place") !== undefined) this.changed();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  private tell(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }

  private get said(): { kind: string; address: string; notes: string; lon_deg: number | null; lat_deg: number | null } | null {
    if (!this.kind) return null;
    return { kind: this.kind.code, address: this.address.trim(), notes: this.notes.trim(), lon_deg: this.place?.[0] ?? null, lat_deg: this.place?.[1] ?? null };
  }

  /** Something was said: look for calls that may be the same, a moment after the last key. */
  private changed(): void {
    this.requestUpdate();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), LOOK_AGAIN_MS);
  }

  private async look(): Promise<void> {
    const { said } = this;
    if (!said || (said.lon_deg === null && !said.address && !said.notes)) return;
    const number = ++this.looked;
    const similar = (await post<Similar[]>("/calls/similar", { ...said, priority: this.priority }).catch(() => null)) ?? [];
    if (number !== this.looked) return; // an older answer never replaces a newer one
    this.similar = similar;
    this.requestUpdate();
  }

  private async findKind(text: string): Promise<Option[]> {
    const tables = (this.tables = await loadTables());
    const asked = text.trim().toLowerCase();
    const fits = (kind: Kind): boolean => kind.mnemonic.startsWith(asked) || kind.code.startsWith(asked) || kind.name.zh.includes(asked) || kind.name.en.toLowerCase().includes(asked);
    const exact = (kind: Kind): number => Number(kind.mnemonic !== asked);
    return tables.kinds.filter(fits).sort((a, b) => exact(a) - exact(b)).map((kind) => ({ value: kind.code, words: say(kind.name), hint: kind.mnemonic }));
  }

  private takeKind(option: Option): void {
    this.kind = this.tables?.kinds.find((kind) => kind.code === option.value) ?? null;
    if (this.kind) this.setPriority(this.kind.priority);
    this.answers = {};
    this.changed();
    this.querySelector<HTMLElement>("[data-field=place]")?.focus();
  }

  private async findPlace(text: string): Promise<Option[]> {
    const typed = coordinates(text);
    if (typed) return [{ value: typed.join(","), words: typed.join(", "), hint: areas.name(areas.at(...typed)) }];
    if (text.trim().length < 2) return [];
    const [lon_deg, lat_deg] = this.centre() ?? [];
    const found = (await post<Place[]>("/places/search", { words: text.trim(), lon_deg, lat_deg, limit: 8 })) ?? [];
    return found.map((place) => ({ value: `${place.lon_deg},${place.lat_deg}`, words: place.name, hint: [code("place", place.kind), place.detail].filter(Boolean).join(t("list.dot")) }));
  }

  private takePlace(option: Option): void {
    const place = coordinates(option.value);
    this.address = coordinates(option.words) ? "" : option.words;
    if (place) this.setPlace(place);
    this.querySelector<HTMLElement>("[name=notes]")?.focus();
  }

  private setPlace(place: LngLat): void {
    this.place = place;
    this.tell("place", place);
    this.changed();
  }

  private setPriority(priority: number): void {
    this.priority = priority;
    this.requestUpdate();
    this.tell("priority", priority);
  }

  private useTemplate(words: string): void {
    this.notes = this.notes.trim() ? `${this.notes.trim()}\n${words}` : words;
    this.changed();
    this.querySelector<HTMLElement>("[name=notes]")?.focus();
  }

  private onKey(event: KeyboardEvent): void {
    const template = event.altKey && /^[1-9]$/.test(event.key) ? this.kind?.templates[Number(event.key) - 1] : undefined;
    if (event.ctrlKey && event.key === "Enter") void this.submit();
    else if (template) this.useTemplate(say(template.text));
    else return;
    event.preventDefault();
  }

  private async submit(): Promise<void> {
    const { said } = this;
    if (!said) return this.refuse(t("call.kind_needed"), "[name=kind]");
    this.busy = true;
    this.refuse("");
    const answers = Object.fromEntries(Object.entries(this.answers).filter(([, answer]) => answer.trim()));
    try {
      const call = await post<CallOut>("/calls", { ...said, priority: this.priority, answers, outside_confirmed: this.outside }, { "Idempotency-Key": this.key });
      this.tell("call-taken", call);
    } catch (error) {
      this.busy = false;
      this.outside = error instanceof Problem && error.kind === "OutsideCity";
      this.refuse(this.outside ? t("call.outside_ask") : sentence(error));
    }
  }

  private refuse(words: string, field = ""): void {
    this.failure = words;
    this.requestUpdate();
    if (field) this.querySelector<HTMLElement>(field)?.focus();
  }

  override render(): TemplateResult {
    return html`<header class="detail-head"><div><h2>${t("call.new")}</h2></div>
        <button class="icon-button" type="button" aria-label=${t("call.cancel")} @click=${() => this.tell("close-detail")}>${icon("close")}</button></header>
      <form class="call-form" novalidate @submit=${(event: Event) => { event.preventDefault(); void this.submit(); }} @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
        <div class="detail-body">
          <tianshu-combo .name=${"kind"} .label=${t("call.kind")} .placeholder=${t("call.kind_hint")} .find=${(text: string) => this.findKind(text)} @take=${(event: CustomEvent<Option>) => this.takeKind(event.detail)}></tianshu-combo>
          ${this.priorities()}
          <tianshu-combo data-field="place" .name=${"address"} .label=${t("call.place")} .placeholder=${t("call.place_hint")} .find=${(text: string) => this.findPlace(text)}
            .text=${this.address} @text=${(event: CustomEvent<string>) => { this.address = event.detail; this.changed(); }} @take=${(event: CustomEvent<Option>) => this.takePlace(event.detail)}></tianshu-combo>
          ${this.placed()}
          <label class="field"><span>${t("call.notes")}</span><textarea class="input" name="notes" placeholder=${t("call.notes_hint")} .value=${this.notes} @input=${(event: InputEvent) => { this.notes = (event.target as HTMLTextAreaElement).value; this.changed(); }}></textarea></label>
          ${this.templates()}${this.questions()}${this.duplicates()}
        </div>
        <div class="detail-actions"><div class="failure" role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
          <button type="button" class="button" @click=${() => this.tell("close-detail")}>${t("call.cancel")}</button>
          <button class="button primary" aria-keyshortcuts="Control+Enter" ?disabled=${this.busy}>${t(this.outside ? "call.submit_outside" : "call.submit")}</button></div>
      </form>`;
  }

  private priorities(): TemplateResult {
    return html`<fieldset class="field priorities"><legend>${t("call.priority")}</legend>${[1, 2, 3, 4].map((priority) => html`<label class="choice">
      <input type="radio" name="priority" value=${priority} .checked=${priority === this.priority} @change=${() => this.setPriority(priority)} />
      <span class="priority" data-priority=${priority} aria-hidden="true">${priority}</span><span>${t(`call.priority.${priority}` as Key)}</span></label>`)}</fieldset>`;
  }

  private placed(): TemplateResult {
    const { place } = this;
    const words = place ? `${areas.name(areas.at(place[0], place[1]))}${t("list.dot")}${place[0].toFixed(5)}, ${place[1].toFixed(5)}` : t("call.no_place_yet");
    const middle = (): void => { const centre = this.centre(); if (centre) this.setPlace(centre); };
    return html`<div class="place-line"><p class="message ${place ? "ok" : ""}" data-place>${icon("pin")}<span>${words}</span></p>
      <button type="button" class="button" @click=${middle}>${t("call.use_centre")}</button></div>`;
  }

  private templates(): TemplateResult | typeof nothing {
    const templates = this.kind?.templates ?? [];
    if (!templates.length) return nothing;
    return html`<div class="templates" role="group" aria-label=${t("call.templates")}>${templates.slice(0, 9).map((template, index) => html`<button type="button" class="button small" aria-keyshortcuts="Alt+${index + 1}" @click=${() => this.useTemplate(say(template.text))}><kbd>Alt ${index + 1}</kbd><span>${say(template.text)}</span></button>`)}</div>`;
  }

  private questions(): TemplateResult | typeof nothing {
    const questions = this.kind?.questions ?? [];
    if (!questions.length) return nothing;
    return html`<section class="questions"><h3>${t("call.questions")}</h3>${questions.map((question) => {
      const set = (answer: string): void => { this.answers = { ...this.answers, [question.id]: answer }; this.requestUpdate(); };
      const choices: [string, string][] = question.answer === "yes_no" ? [["yes", t("answer.yes")], ["no", t("answer.no")]] : question.choices.map((choice) => [choice.code, say(choice.name)]);
      return html`<label class="field"><span>${say(question.text)}</span>${question.answer === "text"
        ? html`<input class="input" autocomplete="off" .value=${this.answers[question.id] ?? ""} @input=${(event: InputEvent) => set((event.target as HTMLInputElement).value)} />`
        : html`<select class="input" @change=${(event: Event) => set((event.target as HTMLSelectElement).value)}><option value="">${t("answer.unknown")}</option>${choices.map(([value, words]) => html`<option value=${value} ?selected=${this.answers[question.id] === value}>${words}</option>`)}</select>`}</label>`;
    })}</section>`;
  }

  private duplicates(): TemplateResult {
    return html`<div role="status">${this.similar.length ? html`<section class="similar"><h3>${icon("late")}${t("call.similar")}</h3><ul class="entries">${this.similar.slice(0, 4).map((one) => similarEntry(one, html`<button type="button" class="button" @click=${() => this.tell("open-call", one.call.id)}>${t("call.open_it")}</button>`))}</ul></section>` : nothing}</div>`;
  }
}

/** A call that may be the same, and why. */
export function similarEntry(one: Similar, action: TemplateResult): TemplateResult {
  const { why } = one;
  const reasons = [duration(why.seconds), why.distance_m === null ? "" : distance(why.distance_m), why.same_kind ? t("call.same_kind") : "", why.words > 0 ? t("call.same_words", { share: Math.round(why.words * 100) }) : ""];
  return html`<li class="entry"><div class="entry-row"><span class="row-main"><b>#${one.call.id} ${code("call.kind", one.call.kind)}</b><small>${one.call.address || one.call.notes || code("call.state", one.call.state)}</small></span>${action}</div>
    <p class="reason">${reasons.filter(Boolean).join(t("list.dot"))}</p></li>`;
}

customElements.define("tianshu-call-form", CallForm);
