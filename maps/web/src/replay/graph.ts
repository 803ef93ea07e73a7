/** The scrubber: speed over the day, stops and gaps as bands, the hand that can be dragged. */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { Part } from "../shared/part.ts";
import { prefs } from "../shared/prefs.ts";
import { clockMinute, clockTime } from "../shared/time.ts";
import { pieces } from "../shared/track.ts";
import type { Recording } from "./player.ts";

const PAD = { left: 44, right: 16, top: 8, bottom: 22 };
const TICKS_S = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600];
const SPEED_STEPS_KMH = [20, 40, 60, 80, 120, 160, 240, 480, 960];

export class SpeedGraph extends Part {
  static override properties = { recording: { attribute: false }, at_s: { attribute: false } };

  declare recording: Recording;
  declare at_s: number;
  private readonly resize = new ResizeObserver(() => this.draw());
  private width = 0;
  private height = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.whileHere(() => {
      this.resize.observe(this);
      return () => this.resize.disconnect();
    });
    this.whileHere(() => prefs.subscribe(() => requestAnimationFrame(() => this.draw())));
  }

  override updated(changed: PropertyValues): void {
    if (changed.has("recording")) this.draw();
    this.placeHand();
  }

  private x(at_s: number): number {
    const { start_s, end_s } = this.recording;
    return PAD.left + ((at_s - start_s) / Math.max(1, end_s - start_s)) * (this.width - PAD.left - PAD.right);
  }

  private placeHand(): void {
    const hand = this.querySelector<HTMLElement>(".hand");
    if (hand && this.width) hand.style.transform = `translateX(${this.x(this.at_s)}px)`;
  }

  private seek(event: PointerEvent): void {
    const { start_s, end_s } = this.recording;
    const share = (event.offsetX - PAD.left) / (this.width - PAD.left - PAD.right);
    this.dispatchEvent(new CustomEvent("seek", { detail: start_s + Math.max(0, Math.min(1, share)) * (end_s - start_s) }));
  }

  /** Draw curve, bands and scales once per track, size and theme; moving the hand draws nothing. */
  private draw(): void {
    const canvas = this.querySelector("canvas");
    if (!canvas || !this.recording) return;
    const { width, height } = canvas.getBoundingClientRect();
    if (!width) return;
    Object.assign(this, { width, height });
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(this);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    pen.font = `11px ${style.fontFamily}`;
    this.drawBands(pen, colour);
    this.drawScales(pen, colour);
    this.drawCurve(pen, colour);
    this.placeHand();
  }

  private get top_kmh(): number {
    const most = this.recording.track.rows.reduce((top, row) => Math.max(top, (row[3] ?? 0) * 3.6), 0);
    return SPEED_STEPS_KMH.find((step) => step >= most) ?? most;
  }

  private y(kmh: number): number {
    return this.height - PAD.bottom - (kmh / this.top_kmh) * (this.height - PAD.top - PAD.bottom);
  }

  private drawBands(pen: CanvasRenderingContext2D, colour: (name: string) => string): void {
    const bottom = this.height - PAD.bottom;
    pen.fillStyle = colour("--selected");
    for (const stop of this.recording.stops) pen.fillRect(this.x(stop.start_s), PAD.top, Math.max(1.5, this.x(stop.end_s) - this.x(stop.start_s)), bottom - PAD.top);
    for (const gap of this.recording.gaps) this.hatch(pen, this.x(gap.start_s), this.x(gap.end_s), bottom, colour("--line-strong"));
  }

  private hatch(pen: CanvasRenderingContext2D, left: number, right: number, bottom: number, colour: string): void {
    pen.save();
    pen.beginPath();
    pen.rect(left, PAD.top, Math.max(2, right - left), bottom - PAD.top);
    pen.clip();
    pen.strokeStyle = colour;
    pen.globalAlpha = 0.5;
    pen.beginPath();
    for (let x = left - bottom; x < right; x += 6) {
      pen.moveTo(x, bottom);
      pen.lineTo(x + bottom, 0);
    }
    pen.stroke();
    pen.restore();
  }

  private drawScales(pen: CanvasRenderingContext2D, colour: (name: string) => string): void {
    const { start_s, end_s } = this.recording;
    pen.strokeStyle = colour("--line");
    pen.fillStyle = colour("--ink-3");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const kmh of [0, this.top_kmh / 2, this.top_kmh]) {
      pen.fillText(String(Math.round(kmh)), PAD.left - 8, this.y(kmh));
      pen.beginPath();
      pen.moveTo(PAD.left, Math.round(this.y(kmh)) + 0.5);
      pen.lineTo(this.width - PAD.right, Math.round(this.y(kmh)) + 0.5);
      pen.stroke();
    }
    pen.textAlign = "center";
    pen.textBaseline = "bottom";
    const step_s = TICKS_S.find((tick) => (end_s - start_s) / tick <= Math.max(2, this.width / 90)) ?? 21_600;
    for (let tick_s = Math.ceil(start_s / step_s) * step_s; tick_s <= end_s; tick_s += step_s) pen.fillText(clockMinute(tick_s * 1000), this.x(tick_s), this.height - 2);
  }

  private drawCurve(pen: CanvasRenderingContext2D, colour: (name: string) => string): void {
    pen.strokeStyle = colour("--accent");
    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    pen.beginPath();
    for (const piece of pieces(this.recording.track.rows, this.recording.gaps)) {
      const known = piece.filter((row) => row[3] !== null);
      known.forEach(([at_s, , , speed_mps], i) => (i ? pen.lineTo : pen.moveTo).call(pen, this.x(at_s), this.y((speed_mps ?? 0) * 3.6)));
    }
    pen.stroke();
  }

  override render(): TemplateResult {
    return html`<div class="graph" role="slider" tabindex="0" aria-label=${t("replay.scrubber")}
        aria-valuemin=${Math.round(this.recording.start_s)} aria-valuemax=${Math.round(this.recording.end_s)} aria-valuenow=${Math.round(this.at_s)} aria-valuetext=${clockTime(this.at_s * 1000)}
        @pointerdown=${(event: PointerEvent) => { (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId); this.seek(event); }}
        @pointermove=${(event: PointerEvent) => { if (event.buttons) this.seek(event); }}>
      <canvas aria-hidden="true"></canvas><div class="hand"></div></div>`;
  }
}

customElements.define("tianshu-graph", SpeedGraph);
