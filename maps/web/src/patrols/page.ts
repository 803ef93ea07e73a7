/** Patrols (巡逻勤务): beats, checkpoints, rosters, plans and what was kept of them; lists on the left, the map beside. */

import "./patrols.css";
import { html, type TemplateResult } from "lit";
import { learn, t, type Key } from "../i18n/index.ts";
import { planningEn } from "../i18n/planning.en.ts";
import { planningZh } from "../i18n/planning.zh.ts";
import { CityMap, type LngLat } from "../map/base.ts";
import { mapCover, mapTools } from "../map/tools.ts";
import { all, sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";
import type { UnitOut } from "../shared/types.ts";
import "./beats.ts";
import "./checkpoints.ts";
import "./compliance.ts";
import { beatFeatures, checkpointFeatures, patrolOverlay } from "./layers.ts";
import "./plans.ts";
import "./rosters.ts";
import type { Beat, Checkpoint, Shelf } from "./tab.ts";

learn(planningZh, planningEn);

const TABS = ["beats", "checkpoints", "rosters", "plans", "compliance"] as const;
type Tab = (typeof TABS)[number];

/** What was proven is read from tracks: who may not look at tracks does not see it. */
const tabs = (): Tab[] => TABS.filter((tab) => (tab === "plans" ? session.may("manage_patrols") : tab !== "compliance" || session.may("view_track")));

export class PatrolsPage extends Part implements Shelf {
  units: UnitOut[] = [];
  beats: Beat[] = [];
  checkpoints: Checkpoint[] = [];
  map: CityMap | null = null;
  private tab: Tab = "beats";
  private picked: ((place: LngLat) => void) | null = null;
  /** The beats were brought into view once; from then on the map stays where it is put. */
  private seen = false;
  private failure = "";
  private mapFailure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    const asked = new URLSearchParams(location.search).get("tab") as Tab;
    if (tabs().includes(asked)) this.tab = asked;
    void this.load();
  }

  /** Read beats, checkpoints and units anew. */
  async load(): Promise<void> {
    try {
      [this.beats, this.checkpoints, this.units] = await Promise.all([all<Beat>("/beats"), all<Checkpoint>("/checkpoints"), all<UnitOut>("/units?limit=1000")]);
      this.units.sort((a, b) => a.call_sign.localeCompare(b.call_sign, "zh", { numeric: true }));
      this.failure = "";
    } catch (error) {
      this.failure = sentence(error);
    }
    this.draw();
    this.requestUpdate();
  }

  override async firstUpdated(): Promise<void> {
    const box = this.querySelector<HTMLElement>(".map-box");
    if (!box) return;
    try {
      const map = await CityMap.create(box, patrolOverlay);
      if (!this.isConnected) return map.remove();
      this.map = map;
      this.whileHere(() => () => map.remove());
      map.gl.on("click", (event) => this.picked?.([event.lngLat.lng, event.lngLat.lat]));
      this.draw();
    } catch {
      this.mapFailure = t("problem.map");
    }
    this.requestUpdate();
  }

  private draw(): void {
    if (!this.seen && this.map && this.beats.length) {
      this.seen = true;
      this.fit(this.beats.flatMap((beat) => beat.shape.coordinates.flat(2) as LngLat[]));
    }
    this.map?.show("beats", beatFeatures(this.beats));
    this.map?.show("checkpoints", checkpointFeatures(this.checkpoints));
  }

  show(source: string, features: GeoJSON.Feature[]): void {
    this.map?.show(source, features);
  }

  /** Who hears of clicks on the map from now on; null: nobody. */
  pick(heard: ((place: LngLat) => void) | null): void {
    this.picked = heard;
    this.querySelector(".map")?.classList.toggle("picking", heard !== null);
  }

  middle(): LngLat | null {
    const centre = this.map?.gl.getCenter();
    return centre ? [centre.lng, centre.lat] : null;
  }

  fit(places: LngLat[]): void {
    const [lons, lats] = [places.map(([lon]) => lon), places.map(([, lat]) => lat)];
    if (!places.length) return;
    this.map?.gl.fitBounds([[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]], { padding: 72, maxZoom: 15.5, duration: 400 });
  }

  private open(tab: Tab): void {
    this.tab = tab;
    history.replaceState(null, "", `/patrols?tab=${tab}`);
    this.pick(null);
    for (const source of ["draft", "rounds", "evidence"]) this.show(source, []);
    this.draw();
    this.requestUpdate();
  }

  private onTabKey(event: KeyboardEvent): void {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const known = tabs();
    this.open(known[(known.indexOf(this.tab) + by + known.length) % known.length]!);
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(`#patrol-${this.tab}`)?.focus());
  }

  override render(): TemplateResult {
    return html`<div class="patrols">
      <section class="panel" aria-label=${t("patrols.title")}><h1 class="visually-hidden">${t("patrols.title")}</h1>
        <div class="tabs" role="tablist" aria-label=${t("patrols.title")}>${tabs().map((tab) => html`<button role="tab" id="patrol-${tab}" aria-controls="patrol-body" aria-selected=${tab === this.tab}
          tabindex=${tab === this.tab ? 0 : -1} @keydown=${(event: KeyboardEvent) => this.onTabKey(event)} @click=${() => this.open(tab)}>${t(`patrols.${tab}` as Key)}</button>`)}</div>
        <div class="patrol-body" role="tabpanel" id="patrol-body" tabindex="0" aria-labelledby="patrol-${this.tab}">
          ${this.failure ? html`<p class="message error" role="alert">${this.failure}</p>` : this.body()}</div></section>
      <section class="map" aria-label=${t("map.label")}><div class="map-box"></div>${mapCover(this.map, this.mapFailure)}${mapTools(this.map)}</section></div>`;
  }

  private body(): TemplateResult {
    const told = [this.beats, this.checkpoints, this.units];
    switch (this.tab) {
      case "beats":
        return html`<tianshu-beats .shelf=${this} .told=${told}></tianshu-beats>`;
      case "checkpoints":
        return html`<tianshu-checkpoints .shelf=${this} .told=${told}></tianshu-checkpoints>`;
      case "rosters":
        return html`<tianshu-rosters .shelf=${this} .told=${told}></tianshu-rosters>`;
      case "plans":
        return html`<tianshu-plans .shelf=${this} .told=${told}></tianshu-plans>`;
      case "compliance":
        return html`<tianshu-compliance .shelf=${this} .told=${told}></tianshu-compliance>`;
    }
  }
}

customElements.define("tianshu-patrols", PatrolsPage);
