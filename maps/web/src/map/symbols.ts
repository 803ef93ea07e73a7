/** Symbols drawn on a canvas: state by colour and outline, kind by the picture inside, staleness by a hollow body. */

import type { Map as GlMap } from "maplibre-gl";
import type { Theme } from "../shared/prefs.ts";
import { UNIT_KINDS, UNIT_STATES } from "../shared/types.ts";
import { palette, type Palette } from "./palette.ts";
import { KIND_PATHS } from "./pictures.ts";

/** Images are drawn at twice the size for sharp screens. */
const RATIO = 2;
const SIZE = 34;
const DOT = 20;
const NIB = { width: 16, height: 15, from_centre: 19 };
/** From the unit's middle, px. */
export const NIB_OFFSET: [number, number] = [0, -NIB.from_centre];
const CHECKS = ["visited", "too_short", "missed", "unproven", "pending", "none"] as const;
const PIN = { width: 30, height: 38 };

type Pen = CanvasRenderingContext2D;

/** Outlines in a unit box (−1…1): each state has its own, so that colour never stands alone. */
const OUTLINES: Record<string, (pen: Pen, r: number) => void> = {
  free: (pen, r) => pen.arc(0, 0, r * 0.92, 0, Math.PI * 2),
  reserved: (pen, r) => pen.roundRect(-r * 0.62, -r * 1.02, r * 1.24, r * 2.04, r * 0.6),
  dispatched: (pen, r) => polygon(pen, 4, r * 1.12, -Math.PI / 2),
  accepted: (pen, r) => polygon(pen, 5, r * 1.08, -Math.PI / 2, r * 0.06),
  en_route: (pen, r) => polygon(pen, 3, r * 1.22, -Math.PI / 2, r * 0.16),
  on_scene: (pen, r) => pen.roundRect(-r * 0.86, -r * 0.86, r * 1.72, r * 1.72, r * 0.22),
  off_duty: (pen, r) => polygon(pen, 6, r, 0),
};

function polygon(pen: Pen, corners: number, r: number, start: number, drop = 0): void {
  for (let i = 0; i < corners; i++) {
    const angle = start + (i * 2 * Math.PI) / corners;
    pen.lineTo(Math.cos(angle) * r, Math.sin(angle) * r + drop);
  }
  pen.closePath();
}

/** Draw all images of a theme, or draw them anew when the theme changes. */
export function addSymbols(gl: GlMap, theme: Theme): void {
  const colours = palette(theme);
  for (const state of UNIT_STATES) addUnitImages(gl, state, colours);
  for (const priority of [1, 2, 3, 4]) put(gl, `call-${priority}`, PIN.width, PIN.height, (pen) => drawPin(pen, priority, colours));
  for (const severity of ["urgent", "warning", "notice"]) put(gl, `alert-${severity}`, SIZE, SIZE, (pen) => drawAlert(pen, colours.severity[severity] ?? colours.ink, colours));
  for (const state of CHECKS) put(gl, `check-${state}`, 24, 24, (pen) => drawCheck(pen, state, colours));
  put(gl, "stop", 22, 22, (pen) => drawStop(pen, colours));
  put(gl, "selection", 52, 52, (pen) => drawSelection(pen, colours));
}

function addUnitImages(gl: GlMap, state: string, colours: Palette): void {
  const colour = colours.state[state] ?? colours.ink;
  for (const stale of [false, true]) {
    const suffix = stale ? `${state}-stale` : state;
    put(gl, `dot-${suffix}`, DOT, DOT, (pen) => drawBody(pen, state, DOT, stale ? null : colour, colours));
    put(gl, `nib-${suffix}`, NIB.width, NIB.height, (pen) => drawNib(pen, stale ? colours.stale : colour, colours));
    for (const kind of [...UNIT_KINDS, "other"]) {
      put(gl, `unit-${kind}-${suffix}`, SIZE, SIZE, (pen) => {
        drawBody(pen, state, SIZE, stale ? null : colour, colours);
        drawKind(pen, kind, state, stale ? colours.staleInk : colours.onColour);
      });
    }
  }
}

function put(gl: GlMap, name: string, width: number, height: number, draw: (pen: Pen) => void): void {
  const image = rasterise(width, height, draw);
  if (gl.hasImage(name)) gl.updateImage(name, image);
  else gl.addImage(name, image, { pixelRatio: RATIO });
}

function rasterise(width: number, height: number, draw: (pen: Pen) => void): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = width * RATIO;
  canvas.height = height * RATIO;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("no canvas");
  pen.scale(RATIO, RATIO);
  pen.translate(width / 2, height / 2);
  draw(pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** The body of a unit; without a colour it is stale: hollow, dashed, grey. */
function drawBody(pen: Pen, state: string, size: number, colour: string | null, colours: Palette): void {
  const small = size < SIZE;
  const r = size / 2 - (small ? 3.4 : 5);
  pen.beginPath();
  (OUTLINES[state] ?? OUTLINES["free"])?.(pen, r);
  pen.lineJoin = "round";
  if (colour === null) {
    pen.fillStyle = colours.surface;
    pen.fill();
    pen.strokeStyle = colours.stale;
    pen.lineWidth = small ? 2 : 1.8;
    pen.setLineDash(small ? [] : [3.2, 2]);
    pen.stroke();
    return;
  }
  pen.strokeStyle = colours.surface;
  pen.lineWidth = small ? 2.6 : 3.2;
  pen.stroke();
  pen.fillStyle = colour;
  pen.fill();
}

function drawKind(pen: Pen, kind: string, state: string, colour: string): void {
  const path = KIND_PATHS[kind];
  const scale = state === "en_route" || state === "dispatched" ? 0.52 : 0.62;
  pen.save();
  pen.translate(0, state === "en_route" ? 2.4 : 0);
  pen.scale(scale, scale);
  pen.translate(-12, -12);
  pen.fillStyle = colour;
  if (path) pen.fill(new Path2D(path), "evenodd");
  pen.restore();
}

/** A small arrow head, pointing up; the map sets it outside the body (`NIB_OFFSET`) and turns it to the heading. */
function drawNib(pen: Pen, colour: string, colours: Palette): void {
  pen.translate(0, NIB.from_centre);
  pen.beginPath();
  pen.moveTo(0, -24);
  pen.lineTo(6, -14.5);
  pen.quadraticCurveTo(0, -17.5, -6, -14.5);
  pen.closePath();
  pen.lineJoin = "round";
  pen.strokeStyle = colours.surface;
  pen.lineWidth = 2.6;
  pen.stroke();
  pen.fillStyle = colour;
  pen.fill();
}

/** The pin of a call: the head's shape and the numeral say the priority, the colour says it again. */
function drawPin(pen: Pen, priority: number, colours: Palette): void {
  const colour = colours.priority[priority] ?? colours.ink;
  pen.translate(0, -3.6);
  pen.beginPath();
  pen.moveTo(-4.6, 9);
  pen.lineTo(0, 19.5);
  pen.lineTo(4.6, 9);
  pen.closePath();
  pen.strokeStyle = colours.surface;
  pen.lineJoin = "round";
  pen.lineWidth = 2.6;
  pen.stroke();
  pen.fillStyle = colour;
  pen.fill();
  pen.beginPath();
  if (priority === 1) polygon(pen, 8, 13, Math.PI / 8);
  else if (priority === 2) polygon(pen, 4, 14, -Math.PI / 2);
  else if (priority === 3) pen.arc(0, 0, 11.5, 0, Math.PI * 2);
  else pen.roundRect(-10.5, -10.5, 21, 21, 4);
  pen.stroke();
  pen.fill();
  pen.fillStyle = colours.onColour;
  pen.font = '700 14px "Noto Sans CJK SC", "PingFang SC", system-ui, sans-serif';
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(String(priority), 0, 0.8);
}

function drawAlert(pen: Pen, colour: string, colours: Palette): void {
  pen.beginPath();
  polygon(pen, 3, 15, -Math.PI / 2, 3);
  pen.lineJoin = "round";
  pen.strokeStyle = colours.surface;
  pen.lineWidth = 5;
  pen.stroke();
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.stroke();
  pen.fillStyle = colour;
  pen.fill();
  pen.fillStyle = colours.onColour;
  pen.fillRect(-1.3, -4.6, 2.6, 8);
  pen.fillRect(-1.3, 5, 2.6, 2.6);
}

/** A checkpoint: a flag whose inside says how its visit stands: tick, bar, cross, question, dot, nothing. */
function drawCheck(pen: Pen, state: (typeof CHECKS)[number], colours: Palette): void {
  const colour = { visited: colours.state["free"], too_short: colours.severity["warning"], missed: colours.severity["urgent"], unproven: colours.severity["warning"], pending: colours.state["off_duty"], none: colours.stale }[state] ?? colours.ink;
  pen.beginPath();
  pen.arc(0, 0, 9, 0, Math.PI * 2);
  pen.fillStyle = colours.surface;
  pen.fill();
  pen.strokeStyle = colour;
  pen.lineWidth = 2.4;
  pen.stroke();
  const marks: Record<string, string> = { visited: "M-4.500 0.500 -1.500 3.500 4.500-3.500", too_short: "M-4 0H4", missed: "M-3.500-3.500 3.500 3.500M3.500-3.500-3.500 3.500", unproven: "M-2.500-2A2.500 2.500 0 1 1 0 1M0 4V4.200", pending: "M0-1V1", none: "" };
  pen.lineCap = "round";
  pen.stroke(new Path2D(marks[state]));
}

function drawStop(pen: Pen, colours: Palette): void {
  pen.beginPath();
  pen.roundRect(-8, -8, 16, 16, 3.5);
  pen.fillStyle = colours.surface;
  pen.fill();
  pen.strokeStyle = colours.trail;
  pen.lineWidth = 2;
  pen.stroke();
  pen.fillStyle = colours.trail;
  pen.fillRect(-3.6, -4, 2.4, 8);
  pen.fillRect(1.2, -4, 2.4, 8);
}

function drawSelection(pen: Pen, colours: Palette): void {
  pen.strokeStyle = colours.surface;
  pen.lineWidth = 5;
  pen.beginPath();
  pen.arc(0, 0, 21, 0, Math.PI * 2);
  pen.stroke();
  pen.strokeStyle = colours.selection;
  pen.lineWidth = 2.4;
  pen.stroke();
}
