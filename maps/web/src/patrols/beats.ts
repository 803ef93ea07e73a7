/** Beats: the list, and drawing one, or one anew, by clicks on the map or by writing its corners. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { areas } from "../map/areas.ts";
import type { LngLat } from "../map/base.ts";
import { post, put, remove } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { session } from "../shared/session.ts";
import { draftFeatures } from "./layers.ts";
import { readPlaces, writePlace } from "../shared/place.ts";
import { Tab, type Beat } from "./tab.ts";

const LEAST = 3;

export class Beats extends Tab {
  private corners = "";
  private drawing = false;
  /** The one that is drawn anew. */
  private old: Beat | null = null;

  override willUpdate(_: PropertyValues): void {
    this.shelf.show("draft", this.drawing ? draftFeatures(readPlaces(this.corners) ?? []) : []);
  }

  private draw(on: boolean, old: Beat | null = null): void {
    Object.assign(this, { drawing: on, old, corners: old ? cornersOf(old) : "" });
    if (old) this.shelf.fit(old.shape.coordinates.flat(2) as LngLat[]);
    this.shelf.pick(on ? (place) => this.add(place) : null);
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(on ? "[name=name]" : "[data-new]")?.focus());
  }

  private add(place: LngLat | null): void {
    if (place) this.corners = [...this.corners.split("\n").filter(Boolean), writePlace(place)].join("\n");
    this.requestUpdate();
  }

  private takeBack(): void {
    this.corners = this.corners.split("\n").filter(Boolean).slice(0, -1).join("\n");
    this.requestUpdate();
  }

  private async save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const values = new FormData(event.target as HTMLFormElement);
    const [corners, name] = [readPlaces(this.corners), String(values.get("name")).trim()];
    if (!name) return this.refuse(t("patrols.name_needed"));
    if (!corners || corners.length < LEAST) return this.refuse(t("beats.corners_needed"));
    const { old } = this;
    const same = old !== null && this.corners === cornersOf(old);
    const shape = same ? { type: old.shape.type, coordinates: old.shape.coordinates } : { type: "Polygon", coordinates: [[...corners, corners[0]]] };
    const beat = { name, shape, division: String(values.get("division")) || null };
    const done = await this.attempt(() => (old ? put(`/beats/${old.id}`, beat) : post("/beats", beat)), t(old ? "patrols.changed" : "beats.created", { name }));
    if (!done) return;
    this.draw(false);
    await this.shelf.load();
  }

  private async end(beat: Beat): Promise<void> {
    await this.attempt(() => remove(`/beats/${beat.id}`), t("beats.ended", { name: beat.name }));
    await this.shelf.load();
  }

  override render(): TemplateResult {
    const { beats } = this.shelf;
    return html`${this.said()}
      ${session.may("manage_patrols") ? (this.drawing ? this.form() : html`<button class="button primary" data-new @click=${() => this.draw(true)}>${icon("plus")}${t("beats.new")}</button>`) : nothing}
      ${beats.length ? html`<ul class="entries">${beats.map((beat) => this.item(beat))}</ul>` : html`<p class="empty">${t("beats.none")}</p>`}`;
  }

  private item(beat: Beat): TemplateResult {
    const held = this.shelf.checkpoints.filter((place) => place.beat_id === beat.id).length;
    const corners = beat.shape.coordinates.flat(2) as LngLat[];
    return html`<li class="entry"><div class="entry-row"><span class="row-main"><b>${beat.name}</b><small>${areas.name(beat.division)} · ${t("beats.held", { n: held })}</small></span>
      <button class="icon-button" aria-label=${t("patrols.show", { name: beat.name })} title=${t("patrols.show", { name: beat.name })} @click=${() => this.shelf.fit(corners)}>${icon("target")}</button>
      ${session.may("manage_patrols") ? html`<button class="button quiet small" ?disabled=${this.busy} aria-label=${t("patrols.change", { name: beat.name })} @click=${() => this.draw(true, beat)}>${t("patrols.change_short")}</button>
      <button class="button quiet small" ?disabled=${this.busy} aria-label=${t("patrols.end", { name: beat.name })} @click=${() => void this.end(beat)}>${t("patrols.end_short")}</button>` : nothing}</div></li>`;
  }

  private form(): TemplateResult {
    const count = readPlaces(this.corners)?.length ?? 0;
    return html`<form class="card" novalidate @submit=${(event: SubmitEvent) => void this.save(event)}><h2>${this.old ? t("patrols.change", { name: this.old.name }) : t("beats.new")}</h2>
      <p class="message">${icon("pin")}<span>${t("beats.how")}</span></p>
      <label class="field"><span>${t("patrols.name")}</span><input class="input" name="name" maxlength="120" autocomplete="off" .value=${this.old?.name ?? ""} /></label>
      <label class="field"><span>${t("patrols.division")}</span><select class="input" name="division"><option value="">—</option>${areas.divisions.map((one) => html`<option value=${one.adcode} ?selected=${one.adcode === this.old?.division}>${areas.name(one.adcode)}</option>`)}</select></label>
      <label class="field"><span>${t("beats.corners", { n: count })}</span><textarea class="input" name="corners" rows="5" spellcheck="false" placeholder="113.130000, 27.830000" .value=${this.corners}
        @input=${(event: Event) => { this.corners = (event.target as HTMLTextAreaElement).value; this.requestUpdate(); }}></textarea></label>
      <div class="buttons wrap"><button type="button" class="button" @click=${() => this.add(this.shelf.middle())}>${t("patrols.centre")}</button>
        <button type="button" class="button" ?disabled=${!this.corners} @click=${() => this.takeBack()}>${t("beats.undo")}</button>
        <button type="button" class="button" @click=${() => this.draw(false)}>${t("call.cancel")}</button><button class="button primary" ?disabled=${this.busy}>${t("patrols.save")}</button></div></form>`;
  }
}

/** The corners of a beat's outline, one a line; the outline of several pieces is that of the first. */
const cornersOf = (beat: Beat): string => ((beat.shape.coordinates[0]?.[0] ?? []) as LngLat[]).slice(0, -1).map(writePlace).join("\n");

customElements.define("tianshu-beats", Beats);
