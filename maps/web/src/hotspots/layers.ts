/** Cells of the grid: hot ones coloured by z in one hue from light to dark, the others only outlined. */

import type { ExpressionSpecification, LayerSpecification } from "maplibre-gl";
import type { Overlay } from "../map/base.ts";
import { palette, type Palette } from "../map/palette.ts";
import { FONT } from "../map/style.ts";
import type { Theme } from "../shared/prefs.ts";

const heat = (colours: Palette): ExpressionSpecification =>
  ["step", ["get", "gi_star_z"], colours.heat[0]![1], ...colours.heat.slice(1).flatMap(([z, colour]) => [z, colour])] as unknown as ExpressionSpecification;

export const hotspotOverlay: Overlay = {
  sources: ["park", "cells", "chosen-cell", "enterprises"],
  layers: (theme: Theme): LayerSpecification[] => {
    const colours = palette(theme);
    const hot: ExpressionSpecification = ["==", ["get", "hot"], true];
    return [
      { id: "park-fill", type: "fill", source: "park", paint: { "fill-color": colours.surface, "fill-opacity": 0.45 } },
      { id: "cold-cells", type: "fill", source: "cells", filter: ["all", ["!", hot], [">", ["get", "n"], 0]], paint: { "fill-color": colours.coldCell, "fill-opacity": 0.16 } },
      { id: "cell-lines", type: "line", source: "cells", paint: { "line-color": colours.coldCell, "line-width": 0.6, "line-opacity": 0.45 } },
      { id: "hot-cells", type: "fill", source: "cells", filter: hot, paint: { "fill-color": heat(colours), "fill-opacity": 0.8 } },
      { id: "hot-lines", type: "line", source: "cells", filter: hot, paint: { "line-color": colours.ink, "line-width": 1.2 } },
      { id: "park-line", type: "line", source: "park", paint: { "line-color": colours.selection, "line-width": 2.2 } },
      { id: "chosen-casing", type: "line", source: "chosen-cell", paint: { "line-color": colours.surface, "line-width": 6 } },
      { id: "chosen-line", type: "line", source: "chosen-cell", paint: { "line-color": colours.selection, "line-width": 3 } },
      { id: "enterprise-points", type: "circle", source: "enterprises", paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 2, 15, 5], "circle-color": colours.enterprise, "circle-stroke-color": colours.surface, "circle-stroke-width": 1.4 } },
      {
        id: "enterprise-names", type: "symbol", source: "enterprises", minzoom: 14,
        layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 11.5, "text-anchor": "top", "text-offset": [0, 0.6], "text-max-width": 9 },
        paint: { "text-color": colours.ink, "text-halo-color": colours.labelHalo, "text-halo-width": 1.4 },
      },
    ];
  },
};
