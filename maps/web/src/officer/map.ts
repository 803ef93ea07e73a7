/** The way to the call on a map; loaded only when it is shown. */

import { html, type PropertyValues, type TemplateResult } from "lit";
import type { LayerSpecification } from "maplibre-gl";
import { t } from "../i18n/index.ts";
import { CityMap, type Overlay } from "../map/base.ts";
import { palette } from "../map/palette.ts";
import { mapCover } from "../map/tools.ts";
import { Part } from "../shared/part.ts";
import type { Theme } from "../shared/prefs.ts";
import type { My } from "./my.ts";

const overlay: Overlay = {
  sources: ["way", "call", "me"],
  layers: (theme: Theme): LayerSpecification[] => {
    const colours = palette(theme);
    const round = { "line-cap": "round", "line-join": "round" } as const;
    return [
      { id: "way-casing", type: "line", source: "way", layout: round, paint: { "line-color": colours.surface, "line-width": 9 } },
      { id: "way-line", type: "line", source: "way", filter: ["!", ["get", "estimated"]], layout: round, paint: { "line-color": colours.trail, "line-width": 5.5 } },
      { id: "way-guess", type: "line", source: "way", filter: ["get", "estimated"], paint: { "line-color": colours.trail, "line-width": 4, "line-dasharray": [1.4, 1.1] } },
      { id: "call-pin", type: "symbol", source: "call", layout: { "icon-image": ["concat", "call-", ["get", "priority"]], "icon-anchor": "bottom", "icon-allow-overlap": true, "icon-size": 1.2 } },
      { id: "me-ring", type: "symbol", source: "me", layout: { "icon-image": "selection", "icon-allow-overlap": true, "icon-size": 0.8 } },
      { id: "me", type: "symbol", source: "me", layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true } },
    ];
  },
};

const point = (lon_deg: number, lat_deg: number, properties: Record<string, unknown>): GeoJSON.Feature => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [lon_deg, lat_deg] } });

export class Way extends Part {
  static override properties = { my: { attribute: false } };

  declare my: My;
  private map: CityMap | null = null;
  private failure = "";
  private fitted: number | null = null;

  override async firstUpdated(): Promise<void> {
    const box = this.querySelector<HTMLElement>(".map-box");
    if (!box) return;
    const map = await CityMap.create(box, overlay).catch(() => null);
    if (!map) this.failure = t("problem.map");
    else if (!this.isConnected) return map.remove();
    else {
      this.map = map;
      this.whileHere(() => () => map.remove());
      this.draw();
    }
    this.requestUpdate();
  }

  override updated(changed: PropertyValues<this>): void {
    if (changed.has("my")) this.draw();
  }

  private draw(): void {
    const { map } = this;
    const { unit, call, route } = this.my;
    if (!map || !call || call.lon_deg === null || call.lat_deg === null) return;
    map.show("way", route ? [route] : []);
    map.show("call", [point(call.lon_deg, call.lat_deg, { priority: call.priority })]);
    const here = unit && unit.lon_deg !== null && unit.lat_deg !== null ? ([unit.lon_deg, unit.lat_deg] as const) : null;
    map.show("me", here && unit ? [point(here[0], here[1], { icon: `unit-${unit.kind}-${unit.state}` })] : []);
    if (this.fitted === call.id) return;
    this.fitted = call.id;
    const places = [...(route?.geometry.coordinates ?? []), [call.lon_deg, call.lat_deg], ...(here ? [[...here]] : [])];
    const [lons, lats] = [places.map((place) => place[0]!), places.map((place) => place[1]!)];
    map.gl.fitBounds([[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]], { padding: { top: 48, bottom: 24, left: 32, right: 32 }, maxZoom: 15.5, duration: 0 });
  }

  override render(): TemplateResult {
    return html`<div class="map" role="region" aria-label=${t("officer.map")}><div class="map-box"></div>${mapCover(this.map, this.failure)}</div>`;
  }
}

customElements.define("tianshu-way", Way);
