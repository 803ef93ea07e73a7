/** The live map: what the dispatcher works on. This file puts the parts together; each part is a file beside it. */

import { html, nothing, type LitElement, type TemplateResult } from "lit";
import type { LngLat as LngLatOf, MapGeoJSONFeature, Point } from "maplibre-gl";
import { t } from "../i18n/index.ts";
import { CityMap, type LngLat } from "../map/base.ts";
import { mapCover, mapTools } from "../map/tools.ts";
import { all, get, query, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { every, listen, Part } from "../shared/part.ts";
import { placed } from "../shared/place.ts";
import { session } from "../shared/session.ts";
import { rememberView, viewOf } from "./view.ts";
import { drawable, line, lines, spans } from "../shared/track.ts";
import { OVER, type AlertOut, type AreaOut, type CallOut, type Page, type Track } from "../shared/types.ts";
import { world, type Unit } from "../shared/world.ts";
import { alertWords } from "./alerts.ts";
import "./alerts.ts";
import { alertFeatures, drawAreas, callFeatures, CLICKABLE, liveOverlay, spot } from "./layers.ts";
import { Desk } from "./desk.ts";
import { liveKey } from "./keys.ts";
import { legend } from "./legend.ts";
import { MOVE_MS, Mover } from "./mover.ts";
import { openPanel, tabbedPanel } from "./panels.ts";
import { unitDetail } from "./unit-detail.ts";
import { NO_FILTERS, passes, type Filters, type UnitList } from "./unit-list.ts";
import "./unit-list.ts";

export type Tab = "units" | "calls" | "alerts" | "messages";
/** From this width on nothing hides behind a tab. */
const wall = matchMedia("(min-width: 1600px)");
const TRAIL_MS = 30 * 60_000;
const CLICK_RADIUS_PX = 8;
/** Round the middle of the map, for who aims with the arrow keys. */
const AIM_PX = 24;
const DETAIL_PX = 372;
const bySign = new Intl.Collator("zh", { numeric: true });

export type Selection = { what: "unit" | "call"; id: number } | { what: "form" | "joint" } | null;

export class LivePage extends Part {
  static override properties = { mapOnly: { attribute: "map-only", type: Boolean } };

  /** The map in a window of its own, which shows what is chosen at the desk. */
  declare mapOnly: boolean;
  readonly world = world;
  readonly desk = new Desk(this);
  selection: Selection = null;
  /** A call that is not among the open ones: a closed one that was opened to look at. */
  private other: CallOut | null = null;
  closed: CallOut[] | null = null;
  tab: Tab = "units";
  map: CityMap | null = null;
  private mover: Mover | null = null;
  /** Whether the map goes along with the chosen unit; it may be asked for before there is a map. */
  following = false;
  filters: Filters = NO_FILTERS;
  units: Unit[] = [];
  private trail = false;
  sheet: "low" | "half" | "full" = "half";
  place: LngLat | null = null;
  private priority = 3;
  private toast: AlertOut | null = null;
  failure = "";
  private mapFailure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    const on = (type: string, handler: (event: CustomEvent) => void): void =>
      this.whileHere(() => {
        world.addEventListener(type, handler as EventListener);
        return () => world.removeEventListener(type, handler as EventListener);
      });
    if (session.may("view_calls")) void import("../console/index.ts").then(() => this.requestUpdate());
    this.whileHere(() => this.desk.open());
    on("roster", () => this.rosterChanged());
    on("units", () => this.unitsMoved());
    on("calls", () => this.callsChanged());
    on("alerts", () => this.alertsChanged());
    on("alert", (event) => this.announce(event.detail as AlertOut));
    on("connection", () => dispatchEvent(new CustomEvent("tianshu:connection", { detail: this.world.connection })));
    this.whileHere(() => every(1_000, () => this.requestUpdate()));
    this.whileHere(() => every(15_000, () => this.callsChanged()));
    this.whileHere(() => listen(window, "resize", () => this.requestUpdate()));
    this.whileHere(() => listen(window, "keydown", (event) => liveKey(this, event)));
    void this.start();
  }

  async start(): Promise<void> {
    this.failure = "";
    this.requestUpdate();
    try {
      const stop = await this.world.open();
      if (this.isConnected) this.whileHere(() => stop);
      else stop();
    } catch (error) {
      this.failure = sentence(error);
      this.requestUpdate();
    }
  }

  override async firstUpdated(): Promise<void> {
    const box = this.querySelector<HTMLElement>(".map-box");
    if (!box) return;
    try {
      const map = await CityMap.create(box, liveOverlay);
      if (!this.isConnected) return map.remove();
      this.whileHere(() => () => map.remove());
      this.useMap(map);
    } catch {
      this.mapFailure = t("problem.map");
      this.requestUpdate();
    }
  }

  private useMap(map: CityMap): void {
    this.map = map;
    const mover = (this.mover = new Mover(map, this.world));
    mover.selected = this.selection?.what === "unit" ? this.selection.id : null;
    mover.follow = this.following;
    viewOf(map);
    map.gl.on("click", (event) => this.clicked(event.point, event.lngLat));
    map.gl.on("mousemove", (event) => map.gl.isMoving() || this.querySelector(".map")?.classList.toggle("over-symbol", this.hit(event.point) !== undefined));
    map.gl.getCanvas().addEventListener("keydown", (event) => event.key === "Enter" && this.clicked(map.gl.project(map.gl.getCenter()), map.gl.getCenter(), AIM_PX));
    map.gl.on("dragstart", () => this.setFollow(false));
    map.gl.on("moveend", () => { rememberView(map); this.desk.moved(); });
    this.desk.mapReady(map);
    void all<AreaOut>("/areas?limit=100").then((areas) => drawAreas(map, areas), () => undefined);
    mover.aim(Date.now());
    this.callsChanged();
    this.alertsChanged();
    this.centre(); // on what was chosen before there was a map
    this.whileHere(() => every(MOVE_MS, () => mover.tick(Date.now())));
    this.requestUpdate();
  }

  private rosterChanged(): void {
    this.units = [...this.world.units.values()].sort((a, b) => bySign.compare(a.callSign, b.callSign));
    this.mover?.aim(Date.now());
    this.requestUpdate();
  }

  private unitsMoved(): void {
    this.mover?.aim(Date.now());
    this.requestUpdate();
  }

  private callsChanged(): void {
    this.map?.show("calls", callFeatures(this.world.calls.values(), Date.now()));
    this.drawLinks();
    this.requestUpdate();
  }

  private alertsChanged(): void {
    this.map?.show("alerts", alertFeatures(this.world.alerts.values()));
    if (this.toast && this.world.alerts.get(this.toast.id)?.state !== "open") this.toast = null;
    this.requestUpdate();
  }

  private announce(alert: AlertOut): void {
    if (alert.kind === "sos" && session.may("handle_alerts")) return;
    if (this.toast?.severity === "urgent" && alert.severity !== "urgent") return;
    this.toast = alert;
    this.requestUpdate();
  }

  get selectedUnit(): Unit | undefined {
    return this.selection?.what === "unit" ? this.world.units.get(this.selection.id) : undefined;
  }

  get selectedCall(): CallOut | undefined {
    if (this.selection?.what !== "call") return undefined;
    const { id } = this.selection;
    return this.world.calls.get(id) ?? (this.other?.id === id ? this.other : undefined);
  }

  /** Open a call by its number, closed ones too. */
  async openCall(id: number): Promise<void> {
    if (!this.world.calls.has(id)) this.other = await get<CallOut>(`/calls/${id}`).catch(() => null);
    this.openTab("calls");
    this.select({ what: "call", id }, true);
  }

  /** Show the calls that were closed last, or the open ones again. */
  async showClosed(on: boolean): Promise<void> {
    this.closed = on ? (await get<Page<CallOut>>("/calls?state=closed&limit=100").catch(() => ({ items: [] }))).items : null;
    this.requestUpdate();
    await this.updateComplete;
    const list = this.querySelector<LitElement>(".calls tianshu-rows");
    await list?.updateComplete;
    list?.querySelector<HTMLElement>(".rows")?.focus();
  }

  private callRead(call: CallOut): void {
    if (call.state === "closed") this.other = call;
    this.world.mergeCalls([call]);
  }

  /** Choose what the detail shows; null closes it. */
  select(selection: Selection, reveal = false): void {
    const same = JSON.stringify(selection) === JSON.stringify(this.selection);
    this.selection = selection;
    if (!same) {
      this.setFollow(false);
      this.setTrail(false);
      this.setPlace(null);
    }
    if (this.mover) {
      this.mover.selected = selection?.what === "unit" ? selection.id : null;
      this.mover.draw(Date.now(), false);
    }
    this.drawLinks();
    if (!same) this.desk.tell();
    if (reveal) this.centre();
    if (selection && this.sheet === "low") this.sheet = "half";
    this.requestUpdate();
  }

  /** Bring what is selected into view. */
  centre(): void {
    const target = this.selectedUnit ?? this.selectedCall;
    if (target) this.fly(target.lon_deg, target.lat_deg);
  }

  fly(lon_deg: number | null, lat_deg: number | null): void {
    if (lon_deg === null || lat_deg === null || !this.map) return;
    this.map.gl.easeTo({ center: [lon_deg, lat_deg], zoom: Math.max(this.map.gl.getZoom(), 13.5), padding: { top: 0, bottom: 0, left: 0, right: this.covered_px }, duration: 500 });
  }

  /** What the detail hides of the map on its right; on a phone the map makes room instead. */
  private get covered_px(): number {
    return this.selection && innerWidth > 640 ? DETAIL_PX : 0;
  }

  setFollow(on: boolean): void {
    if (this.following === on) return;
    this.following = on;
    if (this.mover) this.mover.follow = on;
    if (on) this.centre();
    this.requestUpdate();
  }

  setTrail(on: boolean): void {
    this.trail = on;
    if (!on) this.map?.show("trail", []);
    else if (this.selectedUnit) void this.loadTrail(this.selectedUnit);
    this.requestUpdate();
  }

  get trailShown(): boolean {
    return this.trail;
  }

  private async loadTrail(unit: Unit): Promise<void> {
    const end = new Date();
    const span = query({ start: new Date(end.getTime() - TRAIL_MS).toISOString(), end: end.toISOString() });
    try {
      const track = drawable(await get<Track>(`/units/${unit.id}/track${span}`));
      if (this.trail && this.selectedUnit?.id === unit.id) this.map?.show("trail", lines(track.rows, spans(track.gaps)));
    } catch (error) {
      this.failure = sentence(error);
      this.requestUpdate();
    }
  }

  /** Dotted lines between the selected call and its units, or the selected unit and its call. */
  private drawLinks(): void {
    const chosen = this.selection;
    const lines: GeoJSON.Feature[] = [];
    for (const call of this.world.calls.values()) {
      for (const assignment of call.assignments) {
        const unit = this.world.units.get(assignment.unit_id);
        const mine = (chosen?.what === "call" && chosen.id === call.id) || (chosen?.what === "unit" && chosen.id === assignment.unit_id);
        if (mine && !OVER.includes(assignment.state) && unit && placed(unit) && placed(call)) lines.push(line([[unit.lon_deg, unit.lat_deg], [call.lon_deg, call.lat_deg]]));
      }
    }
    this.map?.show("links", lines);
  }

  setPlace(place: LngLat | null): void {
    this.place = place;
    this.map?.show("picked", place ? spot(place[0], place[1], this.priority) : []);
    this.requestUpdate();
  }

  private hit({ x, y }: Point, radius_px = CLICK_RADIUS_PX): MapGeoJSONFeature | undefined {
    return this.map?.gl.queryRenderedFeatures([[x - radius_px, y - radius_px], [x + radius_px, y + radius_px]], { layers: CLICKABLE })[0];
  }

  /** Take what is at a point of the map, clicked with the mouse or brought to the middle with the arrow keys. */
  private clicked(point: Point, place: LngLatOf, radius_px = CLICK_RADIUS_PX): void {
    const call = this.selectedCall;
    if (this.selection?.what === "form" || this.desk.picking || (call && !placed(call))) return this.setPlace([place.lng, place.lat]);
    const hit = this.hit(point, radius_px);
    if (!hit) return;
    if (hit.layer.id === "alert-marks") this.openTab("alerts");
    else if (hit.layer.id === "clusters") void this.map?.open(hit as GeoJSON.Feature<GeoJSON.Point>, hit.source);
    else this.select({ what: hit.layer.id === "call-pins" ? "call" : "unit", id: Number(hit.properties["id"]) });
  }

  openTab(tab: Tab): void {
    this.tab = tab;
    this.desk.changed();
    if (this.sheet === "low") this.sheet = "half";
    this.requestUpdate();
  }

  get unitList(): UnitList | null {
    return this.querySelector("tianshu-units");
  }

  setFilters(filters: Filters): void {
    this.filters = filters;
    this.desk.changed();
    this.mover?.show((unit) => passes(unit, filters, Date.now()));
    this.requestUpdate();
  }

  showAlert(alert: AlertOut): void {
    this.fly(alert.lon_deg, alert.lat_deg);
    if (alert.unit_id !== null && this.world.units.has(alert.unit_id)) this.select({ what: "unit", id: alert.unit_id });
  }

  override render(): TemplateResult {
    const detail = this.detail();
    return html`<div class="live" ?data-wall=${wall.matches} data-sheet=${this.sheet} ?data-detail=${detail !== nothing}>
      ${this.mapOnly ? nothing : wall.matches ? openPanel(this, ["units"]) : tabbedPanel(this)}
      <section class="map ${this.selection?.what === "form" ? "picking" : ""}" aria-label=${t("map.label")}>
        <div class="map-box"></div>${mapCover(this.map, this.mapFailure)}${mapTools(this.map)}${legend()}${this.desk.tools()}
        ${(this.selection?.what === "form" || this.desk.picking) && !this.place ? html`<p class="map-hint">${icon("pin")}${t("call.pick_place")}</p>` : nothing}
        <div class="toasts" role="alert">${this.toast ? this.toastView(this.toast) : nothing}</div>
      </section>
      ${wall.matches && !this.mapOnly ? openPanel(this, ["calls", "alerts"]) : nothing}
      ${detail === nothing || this.mapOnly ? nothing : html`<aside class="detail" @close-detail=${() => this.select(null)} @open-call=${(event: CustomEvent<number>) => void this.openCall(event.detail)}>${detail}</aside>`}
    </div>`;
  }

  private detail(): TemplateResult | typeof nothing {
    const now_ms = Date.now();
    const chosen = this.selection;
    if (chosen?.what === "form") {
      return html`<tianshu-call-form .place=${this.place} .centre=${() => this.middle()} @place=${(event: CustomEvent<LngLat>) => this.placed(event.detail)} @priority=${(event: CustomEvent<number>) => { this.priority = event.detail; this.setPlace(this.place); }} @call-taken=${(event: CustomEvent<CallOut>) => this.callTaken(event.detail)}></tianshu-call-form>`;
    }
    if (chosen?.what === "joint") return html`<tianshu-joint .world=${this.world} .now_ms=${now_ms}></tianshu-joint>`;
    const call = this.selectedCall;
    if (call) return html`<tianshu-call .call=${call} .world=${this.world} .now_ms=${now_ms} .place=${this.place} @placed=${() => this.setPlace(null)} @call-read=${(event: CustomEvent<CallOut>) => this.callRead(event.detail)} @call-closed=${() => this.select(null)} @show-unit=${(event: CustomEvent<number>) => this.showUnit(event.detail)}></tianshu-call>`;
    const unit = this.selectedUnit;
    if (!unit) return nothing;
    const onCall = [...this.world.calls.values()].find((one) => one.assignments.some((assignment) => assignment.unit_id === unit.id && !OVER.includes(assignment.state)));
    return unitDetail(unit, onCall, now_ms, {
      following: this.following, trail: this.trail,
      close: () => this.select(null), centre: () => this.centre(),
      toggleFollow: () => this.setFollow(!this.following), toggleTrail: () => this.setTrail(!this.trail),
      openCall: (id) => void this.openCall(id),
    });
  }

  private showUnit(id: number): void {
    const unit = this.world.units.get(id);
    if (unit) this.fly(unit.lon_deg, unit.lat_deg);
  }

  /** The middle of the map. */
  middle(): LngLat | null {
    const centre = this.map?.gl.getCenter();
    return centre ? [centre.lng, centre.lat] : null;
  }

  private placed(place: LngLat): void {
    this.setPlace(place);
    this.fly(place[0], place[1]);
  }

  private callTaken(call: CallOut): void {
    this.world.mergeCalls([call]);
    this.openTab("calls");
    this.select({ what: "call", id: call.id }, true);
  }

  nextSheet(): void {
    this.sheet = ({ low: "half", half: "full", full: "low" } as const)[this.sheet];
    this.requestUpdate();
  }

  private toastView(alert: AlertOut): TemplateResult {
    const dismiss = (): void => { this.toast = null; this.requestUpdate(); };
    return html`<div class="toast" data-severity=${alert.severity}><span class="severity" data-severity=${alert.severity} aria-hidden="true"></span>
      <b>${t("alert.new", { what: alertWords(alert) })}</b>
      <button class="button" @click=${() => { this.openTab("alerts"); this.showAlert(alert); dismiss(); }}>${t("alert.show")}</button>
      <button class="icon-button" aria-label=${t("shell.close")} @click=${dismiss}>${icon("close")}</button></div>`;
  }
}

customElements.define("tianshu-live", LivePage);
