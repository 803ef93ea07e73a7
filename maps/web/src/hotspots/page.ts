/** Hot spots of a park: where incidents cluster more than chance would have it, and why. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { CityMap } from "../map/base.ts";
import { palette } from "../map/palette.ts";
import { mapCover, mapTools } from "../map/tools.ts";
import { get, query, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { dayField } from "../shared/moment.ts";
import { Part } from "../shared/part.ts";
import { prefs } from "../shared/prefs.ts";
import { beijingDay, DAY_MS, dayStart } from "../shared/time.ts";
import { styled } from "../shared/styled.ts";
import { hotCells, kinds, leftOut, middle, reason, type Cell, type Cells } from "./cells.ts";
import { hotspotOverlay } from "./layers.ts";

interface ParkOut {
  id: number;
  name: string;
  shape: GeoJSON.Polygon | GeoJSON.MultiPolygon;
  synthetic: boolean;
}

const CELL_SIZES_M = [100, 150, 200, 250, 300, 400, 500];
const YEAR_DAYS = 365;

export class HotspotsPage extends Part {
  private map: CityMap | null = null;
  private parks: ParkOut[] | null = null;
  private parkId: number | null = null;
  private cellM = 200;
  private from = beijingDay(Date.now() - YEAR_DAYS * DAY_MS);
  private to = beijingDay(Date.now());
  private cells: Cells | null = null;
  private chosen: Cell | null = null;
  private loading = false;
  private failure = "";
  private mapFailure = "";
  private asked = 0;
  private enterprises: GeoJSON.Feature[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    this.parkId = Number(new URLSearchParams(location.search).get("park")) || null;
    void this.start();
  }

  private async start(): Promise<void> {
    try {
      const answer = await get<ParkOut[] | { items: ParkOut[] }>("/parks");
      this.parks = Array.isArray(answer) ? answer : answer.items;
      this.parkId ??= this.parks[0]?.id ?? null;
      if (this.parkId !== null) await this.compute();
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
  }

  override async firstUpdated(): Promise<void> {
    const box = this.querySelector<HTMLElement>(".map-box");
    if (!box) return;
    try {
      const map = await CityMap.create(box, hotspotOverlay);
      if (!this.isConnected) return map.remove();
      this.map = map;
      this.whileHere(() => () => map.remove());
      map.gl.on("click", (event) => {
        const [cell] = map.gl.queryRenderedFeatures(event.point, { layers: ["hot-cells"] });
        if (cell) this.choose(this.hot[Number(cell.properties["rank"]) - 1] ?? null, false);
      });
      this.drawPark();
      this.drawCells();
    } catch {
      this.mapFailure = t("problem.map");
    }
    this.requestUpdate();
  }

  private get park(): ParkOut | undefined {
    return this.parks?.find((park) => park.id === this.parkId);
  }

  private get hot(): Cell[] {
    return this.cells ? hotCells(this.cells) : [];
  }

  private async compute(): Promise<void> {
    const asked = ++this.asked;
    Object.assign(this, { loading: true, failure: "", cells: null, chosen: null });
    this.requestUpdate();
    this.drawPark();
    this.drawCells();
    try {
      const [cells, enterprises] = await Promise.all([
        get<Cells>(`/parks/${this.parkId}/hotspots${query(this.question)}`),
        get<GeoJSON.FeatureCollection>(`/parks/${this.parkId}/enterprises`),
      ]);
      if (asked !== this.asked) return;
      this.cells = cells;
      this.map?.show("enterprises", enterprises.features);
      this.enterprises = enterprises.features;
    } catch (error) {
      if (asked !== this.asked) return;
      this.failure = sentence(error);
    }
    this.loading = false;
    this.drawCells();
    this.requestUpdate();
  }

  /** Cell size and period, the end being the midnight after the last day. */
  private get question(): Record<string, string | number> {
    return { cell_m: this.cellM, start: new Date(dayStart(this.from)).toISOString(), end: new Date(dayStart(this.to) + DAY_MS).toISOString() };
  }

  private drawPark(): void {
    const { map, park } = this;
    if (!map || !park) return;
    map.show("park", [{ type: "Feature", properties: {}, geometry: park.shape }]);
    map.gl.fitBounds(boundsOf(park.shape), { padding: innerWidth > 900 ? { top: 48, bottom: 48, left: 48, right: 350 } : { top: 130, bottom: 32, left: 24, right: 24 }, duration: 0 });
  }

  private drawCells(): void {
    const { map } = this;
    if (!map) return;
    map.show("cells", this.cells?.features ?? []);
    map.show("enterprises", this.enterprises);
    map.show("chosen-cell", this.chosen ? [this.chosen] : []);
  }

  private choose(cell: Cell | null, fly = true): void {
    this.chosen = cell;
    this.map?.show("chosen-cell", cell ? [cell] : []);
    if (cell && fly) this.map?.gl.easeTo({ center: middle(cell), duration: 400 });
    this.requestUpdate();
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    this.parkId = Number(form.get("park"));
    this.cellM = Number(form.get("cell"));
    const [from, to] = [String(form.get("from")).trim(), String(form.get("to")).trim()];
    if (!(dayStart(from) <= dayStart(to))) {
      this.failure = t("field.days_wrong");
      return this.requestUpdate();
    }
    Object.assign(this, { from, to });
    void this.compute();
  }

  override render(): TemplateResult {
    return html`<div class="hotspots">
      <section class="panel" aria-label=${t("hotspots.title")}>${this.parks?.length ? this.controls(this.parks) : nothing}${this.results()}</section>
      <section class="map" aria-label=${t("map.label")}><div class="map-box"></div>${mapCover(this.map, this.mapFailure)}${mapTools(this.map)}${this.scale()}</section>
    </div>`;
  }

  private controls(parks: ParkOut[]): TemplateResult {
    return html`<form class="chooser" novalidate @submit=${(event: SubmitEvent) => this.submit(event)} @change=${(event: Event) => (event.currentTarget as HTMLFormElement).requestSubmit()}>
      <label class="field wide"><span>${t("hotspots.park")}</span><select class="input" name="park">${parks.map((park) => html`<option value=${park.id} ?selected=${park.id === this.parkId}>${park.name}</option>`)}</select></label>
      ${dayField("from", t("hotspots.from"), this.from)}${dayField("to", t("hotspots.to"), this.to)}
      <label class="field"><span>${t("hotspots.cell")}</span><select class="input" name="cell">${CELL_SIZES_M.map((size) => html`<option value=${size} ?selected=${size === this.cellM}>${t("hotspots.metres", { n: size })}</option>`)}</select></label>
      <a class="button report" target="_blank" rel="noopener" href=${`/parks/${this.parkId}/report${query({ lang: prefs.language, ...this.question })}`}>${icon("report")}${t("hotspots.report")}</a>
    </form>`;
  }

  private results(): TemplateResult {
    if (this.loading || (this.parks === null && !this.failure)) return html`<div class="empty" role="status"><span class="spinner"></span>${t("hotspots.loading")}</div>`;
    if (this.failure) return html`<div class="results"><p class="message warning" role="alert">${this.failure}</p></div>`;
    if (!this.cells) return html`<div class="empty">${t("hotspots.no_parks")}</div>`;
    const { cells, hot } = this;
    return html`<div class="results" tabindex="0">
      <p class="summary" role="status">${t("hotspots.summary", { n: cells.summary.incidents, cells: cells.features.length, hot: hot.length })}${this.park?.synthetic ? html`<span class="tag warning">${t("hotspots.synthetic")}</span>` : nothing}</p>
      ${this.verdict(cells, hot)}
      <p class="method">${leftOut(cells)} ${t("hotspots.method")}</p></div>`;
  }

  private verdict(cells: Cells, hot: Cell[]): TemplateResult {
    const { enough, incidents, min_incidents } = cells.summary;
    if (!enough) return html`<p class="message warning">${t("hotspots.too_few", { n: incidents, min: min_incidents })}</p>`;
    if (!hot.length) return html`<p class="message">${t("hotspots.none")}</p>`;
    return html`<h2>${t("hotspots.hot_cells")}</h2><ol class="cells">${hot.map((cell, i) => this.line(cell, i + 1))}</ol>`;
  }

  private line(cell: Cell, rank: number): TemplateResult {
    const z = cell.properties.gi_star_z;
    return html`<li><button aria-pressed=${cell === this.chosen} @click=${() => this.choose(cell)}>
      <span class="swatch" ${styled({ background: heatColour(z) })}></span>
      <span class="row-main"><b>${t("hotspots.cell_name", { n: rank })}</b><small>${reason(cell)}</small><small>${kinds(cell)}</small></span></button></li>`;
  }

  private scale(): TemplateResult | typeof nothing {
    if (!this.cells) return nothing;
    const { heat } = palette(prefs.theme);
    return html`<div class="heat-legend"><h3>${t("hotspots.legend")}</h3>
      <ul class="heat">${heat.map(([z, colour], i) => html`<li><i ${styled({ background: colour })}></i>${i === heat.length - 1 ? `≥ ${z}` : `${z}–${heat[i + 1]![0]}`}</li>`)}</ul>
      <ul class="others"><li><i class="cold"></i>${t("hotspots.not_significant")}</li><li><i class="dot"></i>${t("hotspots.enterprises")}</li></ul></div>`;
  }
}

function heatColour(z: number): string {
  const { heat } = palette(prefs.theme);
  return (heat.findLast(([from]) => z >= from) ?? heat[0]!)[1];
}

function boundsOf(shape: GeoJSON.Polygon | GeoJSON.MultiPolygon): [[number, number], [number, number]] {
  const rings = shape.type === "Polygon" ? shape.coordinates : shape.coordinates.flat();
  const lons = rings.flat().map((point) => point[0] ?? 0);
  const lats = rings.flat().map((point) => point[1] ?? 0);
  return [[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]];
}

customElements.define("tianshu-hotspots", HotspotsPage);
