/** Areas on the map, and the one that is being drawn: a click adds a place. Loaded only when it is shown. */

import { html, type PropertyValues, type TemplateResult } from "lit";
import type { Feature } from "geojson";
import type { LayerSpecification } from "maplibre-gl";
import { t } from "../i18n/index.ts";
import { CityMap, type Overlay } from "../map/base.ts";
import { palette } from "../map/palette.ts";
import { mapCover, mapTools } from "../map/tools.ts";
import { Part } from "../shared/part.ts";
import type { Theme } from "../shared/prefs.ts";
import { pixels, type Area, type Place } from "./drawing.ts";

const overlay: Overlay = {
  sources: ["areas", "draft"],
  layers: (theme: Theme): LayerSpecification[] => {
    const { area, selection, surface } = palette(theme);
    const wide = ["interpolate", ["exponential", 2], ["zoom"], 0, ["get", "width"], 22, ["*", ["get", "width"], 2 ** 22]] as const;
    return [
      { id: "areas-fill", type: "fill", source: "areas", paint: { "fill-color": ["case", ["get", "chosen"], selection, area], "fill-opacity": ["case", ["get", "chosen"], 0.28, 0.14] } },
      { id: "areas-edge", type: "line", source: "areas", paint: { "line-color": ["case", ["get", "chosen"], selection, area], "line-width": ["case", ["get", "chosen"], 3, 1.6] } },
      { id: "draft-fill", type: "fill", source: "draft", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": selection, "fill-opacity": 0.22 } },
      { id: "draft-way", type: "line", source: "draft", filter: ["==", ["geometry-type"], "LineString"], layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": selection, "line-opacity": 0.28, "line-width": wide as never } },
      { id: "draft-edge", type: "line", source: "draft", filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": selection, "line-width": 2.5, "line-dasharray": [2, 1.2] } },
      { id: "draft-corners", type: "circle", source: "draft", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 6, "circle-color": surface, "circle-stroke-color": selection, "circle-stroke-width": 3 } },
    ];
  },
};

export class AreaMap extends Part {
  static override properties = { areas: { attribute: false }, chosen: { attribute: false }, draft: { attribute: false } };

  declare areas: Area[];
  declare chosen: number | null;
  /** What is being drawn; null while nothing is. */
  declare draft: Feature[] | null;
  private map: CityMap | null = null;
  private failure = "";

  override async firstUpdated(): Promise<void> {
    const box = this.querySelector<HTMLElement>(".map-box");
    if (!box) return;
    const map = await CityMap.create(box, overlay).catch(() => null);
    if (!map) this.failure = t("problem.map");
    else if (!this.isConnected) return map.remove();
    else {
      this.map = map;
      this.whileHere(() => () => map.remove());
      map.gl.on("click", ({ lngLat, point }) => {
        if (this.draft !== null) this.say("place", [lngLat.lng, lngLat.lat]);
        else this.say("area", map.gl.queryRenderedFeatures(point, { layers: ["areas-fill"] })[0]?.properties["id"] ?? null);
      });
      this.draw();
    }
    this.requestUpdate();
  }

  override updated(changed: PropertyValues<this>): void {
    this.draw();
    if (changed.has("chosen") && this.chosen !== null) this.look();
  }

  private say(what: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  private draw(): void {
    this.map?.show("areas", this.areas.map((one): Feature => ({ type: "Feature", properties: { id: one.id, chosen: one.id === this.chosen, width: pixels(one.width_m ?? 0, 28) }, geometry: one.shape })));
    this.map?.show("draft", this.draft ?? []);
    this.querySelector(".map")?.classList.toggle("picking", this.draft !== null);
  }

  /** Bring the chosen area into view. */
  private look(): void {
    const one = this.areas.find(({ id }) => id === this.chosen);
    const places = one && "coordinates" in one.shape ? (one.shape.coordinates.flat(2) as Place[]) : [];
    if (!places.length) return;
    const [lons, lats] = [places.map(([lon]) => lon), places.map(([, lat]) => lat)];
    this.map?.gl.fitBounds([[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]], { padding: 60, maxZoom: 15.5, duration: 0 });
  }

  private addMiddle(): void {
    const middle = this.map?.gl.getCenter();
    if (middle) this.say("place", [middle.lng, middle.lat]);
  }

  override render(): TemplateResult {
    const drawing = this.draft !== null;
    return html`<div class="map" role="region" aria-label=${t("operator.area_map")}><div class="map-box"></div>${drawing ? html`<span class="cross" aria-hidden="true"></span>` : ""}${mapTools(this.map)}${mapCover(this.map, this.failure)}</div>
      ${drawing ? html`<p class="actions"><button class="button" ?disabled=${!this.map} @click=${() => this.addMiddle()}>${t("operator.add_middle")}</button><span class="hint">${t("operator.draw_hint")}</span></p>` : ""}`;
  }
}

customElements.define("tianshu-area-map", AreaMap);
