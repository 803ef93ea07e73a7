/** Areas: on the map and in a list, drawn, given rules, ended. */

import { html, nothing, type TemplateResult } from "lit";
import type { Feature } from "geojson";
import { code, t } from "../i18n/index.ts";
import { all, post, remove } from "../shared/api.ts";
import { session } from "../shared/session.ts";
import type { AreaForm } from "./area-form.ts";
import "./area-form.ts";
import type { Area, Place, Rule } from "./drawing.ts";
import { ruleFields, ruleOf, ruleWords, TRIGGERS } from "./rules.ts";
import { OperatorView } from "./view.ts";

export class OperatorAreas extends OperatorView {
  private items: Area[] = [];
  private chosen: number | null = null;
  private draft: Feature[] | null = null;
  private adding = "";

  protected override get period_ms(): number {
    return 10_000;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void import("./area-map.ts");
  }

  protected override async load(): Promise<void> {
    this.items = await all<Area>("/areas?limit=500");
    if (!this.items.some(({ id }) => id === this.chosen)) this.chosen = null;
  }

  private choose(id: number | null): void {
    this.chosen = id;
    this.adding = this.done = "";
    this.requestUpdate();
  }

  private draw(start: boolean): void {
    this.draft = start ? [] : null;
    this.choose(null);
    if (start) void this.updateComplete.then(() => this.querySelector<HTMLInputElement>("tianshu-area-form input[name=name]")?.focus());
  }

  private async saved(area: Area): Promise<void> {
    this.draft = null;
    await this.act(async () => { await this.load(); }, t("operator.area_saved", { name: area.name }));
    this.chosen = area.id;
    this.requestUpdate();
  }

  private addRule(event: SubmitEvent, area: Area): void {
    event.preventDefault();
    const rule = ruleOf(this.adding, new FormData(event.target as HTMLFormElement));
    void this.act(() => post(`/areas/${area.id}/rules`, rule), t("operator.rule_added")).then((ok) => {
      if (ok) this.adding = "";
      this.requestUpdate();
    });
  }

  override render(): TemplateResult {
    const form = (): AreaForm | null => this.querySelector("tianshu-area-form");
    return html`${this.notes()}<div class="columns areas" ?data-drawing=${this.draft !== null}><section class="card">${this.draft === null ? this.list() : html`<h2>${t("operator.new_area")}</h2><tianshu-area-form
        @drawn=${(event: CustomEvent<Feature[]>) => { this.draft = event.detail; this.requestUpdate(); }}
        @saved=${(event: CustomEvent<Area>) => void this.saved(event.detail)} @given-up=${() => this.draw(false)}></tianshu-area-form>`}</section>
      <div class="beside"><tianshu-area-map .areas=${this.items} .chosen=${this.chosen} .draft=${this.draft} @place=${(event: CustomEvent<Place>) => form()?.add(event.detail)}
        @area=${(event: CustomEvent<number | null>) => this.choose(event.detail)}></tianshu-area-map>${this.detail()}</div></div>`;
  }

  private list(): TemplateResult {
    return html`${session.may("manage_areas") ? html`<div class="actions"><button class="button primary" @click=${() => this.draw(true)}>${t("operator.draw_area")}</button></div>` : nothing}
      <p class="hint" role="status">${t("operator.areas_count", { n: this.items.length })}</p>
      ${this.items.length ? html`<ul class="area-list">${this.items.map((one) => html`<li><button class="button" aria-pressed=${one.id === this.chosen} @click=${() => this.choose(one.id)}>
        <b>${one.name}</b><small>#${one.id} · ${code("area.kind", one.kind)} · ${formWords(one)}</small></button></li>`)}</ul>` : this.nothing(t("operator.no_areas"))}`;
  }

  private detail(): TemplateResult | typeof nothing {
    const one = this.items.find(({ id }) => id === this.chosen);
    if (!one) return nothing;
    const may = session.may("manage_areas");
    const rules = one.rules.filter(({ active }) => active);
    return html`<section class="card area-detail" aria-labelledby="area-title"><h2 id="area-title">${one.name}</h2>
      <dl class="facts"><dt>${t("operator.number")}</dt><dd>${one.id}</dd><dt>${t("operator.area_kind")}</dt><dd>${code("area.kind", one.kind)}</dd><dt>${t("operator.form")}</dt><dd>${formWords(one)}${one.form ? nothing : html`<p class="hint">${t("operator.no_form_hint")}</p>`}</dd>
        ${one.width_m ? html`<dt>${t("operator.width_m")}</dt><dd>${one.width_m}</dd>` : nothing}</dl>
      <h3>${t("operator.rules")}</h3>${rules.length ? html`<ul class="area-rules">${rules.map((rule) => this.rule(one, rule, may))}</ul>` : html`<p class="hint">${t("operator.no_rules")}</p>`}
      ${may ? this.changes(one) : nothing}</section>`;
  }

  private rule(area: Area, rule: Rule, may: boolean): TemplateResult {
    return html`<li><span>${ruleWords(rule)}</span>${may ? html`<button class="button" @click=${() => void this.act(() => remove(`/areas/${area.id}/rules/${rule.id}`), t("operator.rule_ended"))}>${t("operator.end_rule")}<span class="visually-hidden"> ${ruleWords(rule)}</span></button>` : nothing}</li>`;
  }

  private changes(one: Area): TemplateResult {
    return html`<form @submit=${(event: SubmitEvent) => this.addRule(event, one)}>
        <label class="field"><span>${t("operator.add_rule")}</span><select class="input" name="trigger" .value=${this.adding} @change=${(event: Event) => { this.adding = (event.target as HTMLSelectElement).value; this.requestUpdate(); }}>
          <option value="">${t("operator.choose_rule")}</option>${TRIGGERS.map((trigger) => html`<option value=${trigger}>${code("area.trigger", trigger)}</option>`)}</select></label>
        ${this.adding ? html`${ruleFields(this.adding)}<button class="button">${t("operator.save_rule")}</button>` : nothing}</form>
      <div class="actions"><button class="button grave" @click=${() => this.querySelector("dialog")?.showModal()}>${t("operator.end_area")}</button></div>
      <dialog class="confirm" aria-labelledby="end-title"><h2 id="end-title">${t("operator.end_area")}</h2><p>${t("operator.end_area_ask", { name: one.name })}</p>
        <div class="actions"><button class="button" @click=${() => this.querySelector("dialog")?.close()}>${t("operator.give_up")}</button>
          <button class="button grave" @click=${() => { this.querySelector("dialog")?.close(); void this.act(() => remove(`/areas/${one.id}`), t("operator.area_ended")); }}>${t("operator.end_area")}</button></div></dialog>`;
  }
}

/** As what a terminal can watch it, or that it can't. */
const formWords = (one: Area): string => (one.form ? code("form", one.form) : t("operator.no_form"));

customElements.define("tianshu-operator-areas", OperatorAreas);
