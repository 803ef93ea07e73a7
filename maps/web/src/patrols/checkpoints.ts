/** Checkpoints (必到点): the list, and setting one, or one anew, by a click on the map or by its coordinates. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import type { LngLat } from "../map/base.ts";
import { post, put, remove } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { session } from "../shared/session.ts";
import { minutesSeconds } from "../shared/time.ts";
import { draftFeatures } from "./layers.ts";
import { readPlaces, writePlace } from "../shared/place.ts";
import { Tab, type Checkpoint } from "./tab.ts";

export class Checkpoints extends Tab {
  private place = "";
  private setting = false;
  /** The one that is set anew. */
  private old: Checkpoint | null = null;

  override willUpdate(_: PropertyValues): void {
    this.shelf.show("draft", this.setting ? draftFeatures((readPlaces(this.place) ?? []).slice(0, 1)) : []);
  }

  private set(on: boolean, old: Checkpoint | null = null): void {
    Object.assign(this, { setting: on, old, place: old ? writePlace([old.lon_deg, old.lat_deg]) : "" });
    if (old) this.shelf.fit([[old.lon_deg, old.lat_deg]]);
    this.shelf.pick(on ? (place) => this.put(place) : null);
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(on ? "[name=name]" : "[data-new]")?.focus());
  }

  private put(place: LngLat | null): void {
    if (place) this.place = writePlace(place);
    this.requestUpdate();
  }

  private async save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    const [places, name] = [readPlaces(this.place), String(values.get("name")).trim()];
    if (!name) return this.refuse(t("patrols.name_needed"));
    if (places?.length !== 1) return this.refuse(t("checkpoints.place_needed"));
    const [[lon_deg, lat_deg]] = places as [LngLat];
    const body = { name, lon_deg, lat_deg, radius_m: Number(values.get("radius")), dwell_s: Math.round(Number(values.get("dwell")) * 60), beat_id: Number(values.get("beat")) || null };
    const { old } = this;
    const done = await this.attempt(() => (old ? put(`/checkpoints/${old.id}`, body) : post("/checkpoints", body)), t(old ? "patrols.changed" : "checkpoints.created", { name }));
    if (!done) return;
    await this.shelf.load();
    this.set(!old);
  }

  private async end(place: Checkpoint): Promise<void> {
    await this.attempt(() => remove(`/checkpoints/${place.id}`), t("checkpoints.ended", { name: place.name }));
    await this.shelf.load();
  }

  override render(): TemplateResult {
    const { checkpoints } = this.shelf;
    return html`${this.said()}
      ${session.may("manage_patrols") ? (this.setting ? this.form() : html`<button class="button primary" data-new @click=${() => this.set(true)}>${icon("plus")}${t("checkpoints.new")}</button>`) : nothing}
      ${checkpoints.length ? html`<ul class="entries">${checkpoints.map((place) => this.item(place))}</ul>` : html`<p class="empty">${t("checkpoints.none")}</p>`}`;
  }

  private item(place: Checkpoint): TemplateResult {
    const facts = [this.beatName(place.beat_id), t("checkpoints.radius_is", { m: place.radius_m }), t("checkpoints.dwell_is", { span: minutesSeconds(place.dwell_s) })].filter(Boolean);
    return html`<li class="entry"><div class="entry-row"><span class="row-main"><b>${place.name}</b><small>${facts.join(" · ")}</small></span>
      <button class="icon-button" aria-label=${t("patrols.show", { name: place.name })} title=${t("patrols.show", { name: place.name })} @click=${() => this.shelf.fit([[place.lon_deg, place.lat_deg]])}>${icon("target")}</button>
      ${session.may("manage_patrols") ? html`<button class="button quiet small" ?disabled=${this.busy} aria-label=${t("patrols.change", { name: place.name })} @click=${() => this.set(true, place)}>${t("patrols.change_short")}</button>
      <button class="button quiet small" ?disabled=${this.busy} aria-label=${t("patrols.end", { name: place.name })} @click=${() => void this.end(place)}>${t("patrols.end_short")}</button>` : nothing}</div></li>`;
  }

  private form(): TemplateResult {
    const { old } = this;
    return html`<form class="card" novalidate @submit=${(event: SubmitEvent) => void this.save(event)}><h2>${old ? t("patrols.change", { name: old.name }) : t("checkpoints.new")}</h2>
      ${old ? html`<p class="hint">${t("checkpoints.plans_keep")}</p>` : nothing}
      <p class="message">${icon("pin")}<span>${t("checkpoints.how")}</span></p>
      <label class="field"><span>${t("patrols.name")}</span><input class="input" name="name" maxlength="120" autocomplete="off" .value=${old?.name ?? ""} /></label>
      <div class="place-row"><label class="field"><span>${t("checkpoints.place")}</span><input class="input" name="place" autocomplete="off" placeholder="113.130000, 27.830000" .value=${this.place}
        @input=${(event: Event) => { this.place = (event.target as HTMLInputElement).value; this.requestUpdate(); }} /></label>
        <button type="button" class="button" @click=${() => this.put(this.shelf.middle())}>${t("patrols.centre")}</button></div>
      <div class="pair"><label class="field"><span>${t("checkpoints.radius")}</span><input class="input" type="number" name="radius" .value=${String(old?.radius_m ?? 50)} min="20" max="1000" /></label>
        <label class="field"><span>${t("checkpoints.dwell")}</span><input class="input" type="number" name="dwell" .value=${String((old?.dwell_s ?? 180) / 60)} min="0" max="240" step="any" /></label></div>
      ${this.beatChoice(old?.beat_id)}
      <div class="buttons wrap"><button type="button" class="button" @click=${() => this.set(false)}>${t("patrols.finish")}</button><button class="button primary" ?disabled=${this.busy}>${t("patrols.save")}</button></div></form>`;
  }
}

customElements.define("tianshu-checkpoints", Checkpoints);
