/** The big screen (指挥大屏): the map, what is open and since when, how many units stand how. It shows; nobody presses anything. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { alertWords, byWeight } from "../live/alerts.ts";
import { byUrgency, priorityMark } from "../live/call-list.ts";
import { alertFeatures, callFeatures, drawAreas, liveOverlay } from "../live/layers.ts";
import { MOVE_MS, Mover } from "../live/mover.ts";
import { CityMap } from "../map/base.ts";
import { mapCover } from "../map/tools.ts";
import { all, sentence } from "../shared/api.ts";
import { every, Part } from "../shared/part.ts";
import { beijingDay, clockTime, duration } from "../shared/time.ts";
import { OVER, UNIT_STATES, type AreaOut, type CallOut } from "../shared/types.ts";
import { unitSymbol } from "../shared/unit-symbol.ts";
import { isStale, world } from "../shared/world.ts";
import "./wall.css";

const MOST_CALLS = 10;
const MOST_ALERTS = 4;

export class WallPage extends Part {
  private map: CityMap | null = null;
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    const on = (type: string, handler: () => void): void =>
      this.whileHere(() => {
        world.addEventListener(type, handler);
        return () => world.removeEventListener(type, handler);
      });
    for (const type of ["calls", "alerts", "roster"]) on(type, () => this.draw());
    on("connection", () => dispatchEvent(new CustomEvent("tianshu:connection", { detail: world.connection })));
    this.whileHere(() => every(1_000, () => this.requestUpdate()));
    void world.open().then((stop) => (this.isConnected ? this.whileHere(() => stop) : stop()), (error: unknown) => { this.failure = sentence(error); this.requestUpdate(); });
  }

  override async firstUpdated(): Promise<void> {
    const box = this.querySelector<HTMLElement>(".map-box");
    if (!box) return;
    const map = await CityMap.create(box, liveOverlay).catch(() => null);
    if (!map) {
      this.failure = t("problem.map");
      return this.requestUpdate();
    }
    if (!this.isConnected) return map.remove();
    this.map = map;
    this.whileHere(() => () => map.remove());
    const mover = new Mover(map, world);
    const aim = (): void => mover.aim(Date.now());
    for (const type of ["units", "roster"]) world.addEventListener(type, aim);
    this.whileHere(() => () => { for (const type of ["units", "roster"]) world.removeEventListener(type, aim); });
    aim();
    this.whileHere(() => every(MOVE_MS, () => mover.tick(Date.now())));
    void all<AreaOut>("/areas?limit=100").then((areas) => drawAreas(map, areas), () => undefined);
    this.draw();
  }

  private draw(): void {
    this.map?.show("calls", callFeatures(world.calls.values(), Date.now()));
    this.map?.show("alerts", alertFeatures(world.alerts.values()));
    this.requestUpdate();
  }

  override render(): TemplateResult {
    const now_ms = Date.now();
    const calls = byUrgency(world.calls.values());
    const alerts = byWeight(world.alerts.values());
    const sos = alerts.filter((alert) => alert.kind === "sos");
    return html`<div class="wall-page">
      <header class="wall-head"><b>天枢</b><span>${t("app.tagline")}</span><time>${beijingDay(now_ms)} <b>${clockTime(now_ms)}</b></time></header>
      ${sos.length ? html`<p class="wall-sos" role="alert">SOS　${sos.map((alert) => `${alert.call_sign ?? "—"} ${clockTime(Date.parse(alert.at))}`).join("　")}</p>` : nothing}
      <section class="map" aria-label=${t("map.label")}><div class="map-box"></div>${mapCover(this.map, this.failure)}</section>
      <section class="wall-side">
        <div class="wall-states">${this.states(now_ms)}</div>
        <h2>${t("live.calls")} <b>${calls.length}</b></h2><ol class="wall-calls">${calls.slice(0, MOST_CALLS).map((call) => this.call(call, now_ms))}${calls.length ? nothing : html`<li class="none">${t("call.none")}</li>`}</ol>
        <h2>${t("live.alerts")} <b>${alerts.length}</b></h2><ol class="wall-alerts">${alerts.slice(0, MOST_ALERTS).map((alert) => html`<li><span class="severity" data-severity=${alert.severity} aria-hidden="true"></span><span>${alertWords(alert)}</span><time>${clockTime(Date.parse(alert.at))}</time></li>`)}${alerts.length ? nothing : html`<li class="none">${t("alert.none")}</li>`}</ol>
      </section></div>`;
  }

  private states(now_ms: number): TemplateResult[] {
    const units = [...world.units.values()];
    const stale = units.filter((unit) => isStale(unit, now_ms)).length;
    const counts = UNIT_STATES.map((state) => [state, units.filter((unit) => unit.state === state && !isStale(unit, now_ms)).length] as const).filter(([state, n]) => n > 0 || state === "free");
    return [...counts.map(([state, n]) => html`<div>${unitSymbol("", state, false)}<b>${n}</b><span>${code("unit.state", state)}</span></div>`), html`<div>${unitSymbol("", "free", true)}<b>${stale}</b><span>${t("unit.stale")}</span></div>`];
  }

  private call(call: CallOut, now_ms: number): TemplateResult {
    const sent = call.assignments.filter((one) => !OVER.includes(one.state));
    const who = sent.map((one) => `${world.units.get(one.unit_id)?.callSign ?? one.unit_id} ${code("call.assignment", one.state)}`).join(t("list.and"));
    return html`<li>${priorityMark(call.priority)}<span class="row-main"><b>${code("call.kind", call.kind)}</b><small>${call.address}</small><small class=${sent.length ? "" : "wanting"}>${who || t("call.no_unit")}</small></span><time>${duration((now_ms - Date.parse(call.taken_at)) / 1000)}</time></li>`;
  }
}

customElements.define("tianshu-wall", WallPage);
