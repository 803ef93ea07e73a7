/** The buttons and the line of sources every map carries. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { icon } from "../shared/icons.ts";
import { CITY, type CityMap } from "./base.ts";

export function mapTools(map: CityMap | null): TemplateResult {
  return html`<div class="map-tools">
      <button class="icon-button" aria-label=${t("map.zoom_in")} title=${t("map.zoom_in")} @click=${() => map?.gl.zoomIn()}>${icon("plus")}</button>
      <button class="icon-button" aria-label=${t("map.zoom_out")} title=${t("map.zoom_out")} @click=${() => map?.gl.zoomOut()}>${icon("minus")}</button>
      <button class="icon-button" aria-label=${t("map.whole_city")} title=${t("map.whole_city")} @click=${() => map?.gl.fitBounds(CITY, { padding: 40 })}>${icon("city")}</button>
    </div>
    ${map ? sources(map) : nothing}`;
}

function sources(map: CityMap): TemplateResult {
  const roads = map.roads.filter((network) => !network.synthetic).map((network) => network.attribution);
  const words = [t("map.boundaries"), ...new Set(roads)].filter(Boolean).join(" · ");
  const synthetic = map.roads.some((network) => network.synthetic) ? html`<strong>${t("map.synthetic_roads")}</strong>` : nothing;
  if (innerWidth > 640) return html`<p class="map-sources">${synthetic}<span title=${words}>${words}</span></p>`;
  return html`<details class="map-sources"><summary>${synthetic} ${t("map.attribution")}</summary>${words}</details>`;
}

/** What stands in place of the map while it loads or when it can't be shown. */
export function mapCover(map: CityMap | null, failure: string): TemplateResult | typeof nothing {
  if (failure) return html`<div class="map-cover"><p class="message error" role="alert">${failure}</p></div>`;
  return map ? nothing : html`<div class="map-cover" role="status"><span class="spinner"></span>${t("map.loading")}</div>`;
}
