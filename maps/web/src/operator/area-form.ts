/** A new area: its form, its places from the map or a list, and what it is watched for. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { post, sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { readPlaces, writePlace } from "../shared/place.ts";
import { COUNT, FORMS, metres, sketch, told, type Area, type Form, type Place } from "./drawing.ts";
import { ruleFields, ruleOf, TRIGGERS } from "./rules.ts";

const KINDS = ["patrol", "restricted", "event", "boundary", "other"];

const written = (places: Place[]): string => places.map(writePlace).join("\n");

export class AreaForm extends Part {
  private form: Form = "polygon";
  private text = "";
  private measures: Partial<Record<Form, number>> = { circle: 200, route: 50 };
  private trigger = "";
  private failure = "";

  private get places(): Place[] {
    return readPlaces(this.text) ?? [];
  }

  /** Take a place from the map: one more, or, of a full circle, its rim; of a full rectangle, its other corner. */
  add(place: Place): void {
    const places = readPlaces(this.text);
    if (places === null) return this.refuse(t("operator.points_wrong"));
    const most = COUNT[this.form][1];
    if (this.form === "circle" && places[0]) this.measures.circle = Math.max(1, Math.round(metres(places[0], place)));
    else this.text = written([...places.slice(0, most - 1), place]);
    this.tell();
  }

  private tell(): void {
    this.failure = "";
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent("drawn", { detail: sketch(this.form, this.places, this.measures[this.form] ?? 0) }));
  }

  private refuse(words: string): void {
    this.failure = words;
    this.requestUpdate();
  }

  private async save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const said = new FormData(event.target as HTMLFormElement);
    const places = readPlaces(this.text);
    if (places === null) return this.refuse(t("operator.points_wrong"));
    const [least, most] = COUNT[this.form];
    if (places.length < least || places.length > most) return this.refuse(t("operator.points_count", { least, most, n: places.length }));
    const rules = this.trigger ? [ruleOf(this.trigger, said)] : [];
    try {
      const area = await post<Area>("/areas", { name: said.get("name"), kind: said.get("kind"), rules, ...told(this.form, places, this.measures[this.form] ?? 0) });
      this.dispatchEvent(new CustomEvent("saved", { detail: area }));
    } catch (error) {
      this.refuse(sentence(error));
    }
  }

  override render(): TemplateResult {
    const choose = (form: Form): void => { this.form = form; this.tell(); };
    return html`<form @submit=${(event: SubmitEvent) => void this.save(event)}>
      <label class="field"><span>${t("operator.name")}</span><input class="input" name="name" maxlength="120" autocomplete="off" required /></label>
      <label class="field"><span>${t("operator.area_kind")}</span><select class="input" name="kind">${KINDS.map((kind) => html`<option value=${kind}>${code("area.kind", kind)}</option>`)}</select></label>
      <fieldset><legend>${t("operator.form")}</legend>${FORMS.map((form) => html`<label class="check"><input type="radio" name="form" .checked=${form === this.form} @change=${() => choose(form)} />${code("form", form)}</label>`)}</fieldset>
      <label class="field"><span>${t(`operator.places.${this.form}` as Key)}</span><textarea class="input" name="places" rows="5" placeholder="113.1320, 27.8301" spellcheck="false" .value=${this.text}
        @input=${(event: Event) => { this.text = (event.target as HTMLTextAreaElement).value; this.tell(); }}></textarea></label>
      <div class="actions"><button class="button" type="button" ?disabled=${!this.text} @click=${() => { this.text = written(this.places.slice(0, -1)); this.tell(); }}>${t("operator.undo_place")}</button>
        <button class="button" type="button" ?disabled=${!this.text} @click=${() => { this.text = ""; this.tell(); }}>${t("operator.clear_places")}</button></div>
      ${this.measure()}
      <label class="field"><span>${t("operator.rule")}</span><select class="input" name="trigger" @change=${(event: Event) => { this.trigger = (event.target as HTMLSelectElement).value; this.requestUpdate(); }}>
        <option value="">${t("operator.no_rule")}</option>${TRIGGERS.map((trigger) => html`<option value=${trigger}>${code("area.trigger", trigger)}</option>`)}</select></label>
      ${this.trigger ? ruleFields(this.trigger) : nothing}
      <div class="actions"><button class="button primary">${t("operator.save_area")}</button><button class="button" type="button" @click=${() => this.dispatchEvent(new CustomEvent("given-up"))}>${t("operator.give_up")}</button></div>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div></form>`;
  }

  private measure(): TemplateResult | typeof nothing {
    const { form } = this;
    if (form !== "circle" && form !== "route") return nothing;
    const most = form === "circle" ? 100_000 : 255;
    return html`<label class="field"><span>${t(form === "circle" ? "operator.radius_m" : "operator.width_m")} (1–${most})</span><input class="input" type="number" name="measure" min="1" max=${most} required .value=${String(this.measures[form] ?? "")}
      @input=${(event: Event) => { this.measures[form] = Number((event.target as HTMLInputElement).value); this.tell(); }} /></label>`;
  }
}

customElements.define("tianshu-area-form", AreaForm);
