/** What the replay draws: the whole track faint, the driven part strong, stops, gap ends, the unit and its accuracy. */

import type { Feature } from "geojson";
import type { LayerSpecification } from "maplibre-gl";
import type { Overlay } from "../map/base.ts";
import { palette } from "../map/palette.ts";
import { FONT_BOLD } from "../map/style.ts";
import type { Theme } from "../shared/prefs.ts";
import { duration } from "../shared/time.ts";
import { line, lines, pieces, places } from "../shared/track.ts";
import type { Moment, Recording } from "./player.ts";

const ROUND = { "line-cap": "round", "line-join": "round" } as const;
const METRES_PER_DEGREE = 111_320;

export const replayOverlay: Overlay = {
  sources: ["track", "driven", "gap-ends", "stops", "accuracy", "here"],
  layers: (theme: Theme): LayerSpecification[] => {
    const colours = palette(theme);
    return [
      { id: "accuracy-fill", type: "fill", source: "accuracy", paint: { "fill-color": colours.trail, "fill-opacity": 0.14 } },
      { id: "accuracy-line", type: "line", source: "accuracy", paint: { "line-color": colours.trail, "line-width": 1, "line-opacity": 0.6 } },
      { id: "track-casing", type: "line", source: "track", layout: ROUND, paint: { "line-color": colours.surface, "line-width": 6 } },
      { id: "track-line", type: "line", source: "track", layout: ROUND, paint: { "line-color": colours.stale, "line-width": 2.4, "line-opacity": 0.8 } },
      { id: "driven-line", type: "line", source: "driven", layout: ROUND, paint: { "line-color": colours.trail, "line-width": 3.6 } },
      { id: "gap-end-points", type: "circle", source: "gap-ends", paint: { "circle-radius": 4.5, "circle-color": colours.surface, "circle-stroke-color": colours.stale, "circle-stroke-width": 2 } },
      {
        id: "stop-marks", type: "symbol", source: "stops",
        layout: { "icon-image": "stop", "icon-allow-overlap": true, "text-field": ["get", "label"], "text-font": FONT_BOLD, "text-size": 12, "text-anchor": "left", "text-offset": [1.1, 0], "text-optional": true },
        paint: { "text-color": colours.ink, "text-halo-color": colours.labelHalo, "text-halo-width": 1.6 },
      },
      { id: "here-nib", type: "symbol", source: "here", filter: ["has", "heading"], layout: { "icon-image": ["get", "nib"], "icon-rotate": ["get", "heading"], "icon-rotation-alignment": "map", "icon-allow-overlap": true, "icon-ignore-placement": true } },
      { id: "here-body", type: "symbol", source: "here", layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true } },
    ];
  },
};

const point = (lon_deg: number, lat_deg: number, properties: Record<string, unknown>): Feature => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [lon_deg, lat_deg] } });

export const trackFeatures = (recording: Recording): Feature[] => lines(recording.track.rows, recording.gaps);

export const stopFeatures = (recording: Recording): Feature[] =>
  recording.stops.map((stop) => point(stop.lon_deg, stop.lat_deg, { label: duration(stop.end_s - stop.start_s) }));

/** Where the line breaks off and where it goes on. */
export const gapEnds = (recording: Recording): Feature[] =>
  recording.gaps.flatMap((gap) => [gap.start_s, gap.end_s].map((at_s) => recording.at(at_s)).map((moment) => point(moment.lon_deg, moment.lat_deg, {})));

/** The part driven so far, in pieces. */
export function drivenFeatures(recording: Recording, moment: Moment): Feature[] {
  const { rows } = recording.track;
  const driven = pieces(rows.slice(0, recording.indexAt(moment.at_s) + 1), recording.gaps).map(places);
  if (!moment.inGap) driven.at(-1)?.push([moment.lon_deg, moment.lat_deg]);
  return driven.filter((piece) => piece.length > 1).map(line);
}

export const hereFeature = (moment: Moment, kind: string): Feature =>
  point(moment.lon_deg, moment.lat_deg, {
    icon: `unit-${kind}-${moment.inGap ? "free-stale" : "free"}`,
    nib: "nib-free",
    ...(moment.heading_deg !== null && !moment.inGap && (moment.speed_mps ?? 0) > 0.5 ? { heading: moment.heading_deg } : {}),
  });

/** A circle of so many metres as a polygon of 48 corners (good to 0.3 %). */
export function accuracyCircle(moment: Moment): Feature[] {
  const { accuracy_m, lon_deg, lat_deg } = moment;
  if (accuracy_m === null || moment.inGap) return [];
  const ring = Array.from({ length: 49 }, (_, i): [number, number] => {
    const angle = (i * Math.PI) / 24;
    const dy = (Math.sin(angle) * accuracy_m) / METRES_PER_DEGREE;
    const dx = (Math.cos(angle) * accuracy_m) / (METRES_PER_DEGREE * Math.cos((lat_deg * Math.PI) / 180));
    return [lon_deg + dx, lat_deg + dy];
  });
  return [{ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [ring] } }];
}
