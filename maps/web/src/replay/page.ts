/** Replay of a unit's own day. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { CityMap } from "../map/base.ts";
import { mapCover, mapTools } from "../map/tools.ts";
import { all, get, query, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { dayField } from "../shared/moment.ts";
import { listen, Part } from "../shared/part.ts";
import { beijingDay, clockTime, DAY_MS, dayStart, duration } from "../shared/time.ts";
import { session } from "../shared/session.ts";
import type { Track, UnitOut } from "../shared/types.ts";
import { distance } from "../live/reasons.ts";
import { caseHeader, loadCases, subjectUnits, type Authorisation } from "./cases.ts";
import "./graph.ts";
import { accuracyCircle, drivenFeatures, gapEnds, hereFeature, replayOverlay, stopFeatures, trackFeatures } from "./layers.ts";
import { drawable, type Span } from "../shared/track.ts";
import { Recording, type Moment } from "./player.ts";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64];
const FRAME_MS = 40;
const SEEK_S = 10;
const SEEK_FAR_S = 60;

export class ReplayPage extends Part {
  private map: CityMap | null = null;
  private units: UnitOut[] = [];
  /** Authorisations of cases, for who replays inside one only. */
  private cases: Authorisation[] = [];
  private caseNo = "";
  private unitId: number | null = null;
  private day = beijingDay(Date.now());
  private recording: Recording | null = null;
  private at_s = 0;
  private speed = 16;
  private playing = false;
  private follow = true;
  private loading = false;
  private failure = "";
  private mapFailure = "";
  private last_ms = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    const asked = new URLSearchParams(location.search);
    this.unitId = Number(asked.get("unit")) || null;
    this.day = asked.get("day") ?? this.day;
    this.caseNo = asked.get("case") ?? "";
    this.whileHere(() => listen(window, "keydown", (event) => this.onKey(event)));
    void this.start();
  }

  private async start(): Promise<void> {
    try {
      if (this.investigates) this.cases = await loadCases();
      else this.units = await all<UnitOut>("/units?limit=1000");
      this.units.sort((a, b) => a.call_sign.localeCompare(b.call_sign, "zh", { numeric: true }));
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
    if (this.unitId !== null) void this.load();
  }

  /** Who may not look at the live map replays inside an authorisation of a case. */
  private get investigates(): boolean {
    return !session.may("view_live");
  }

  override async firstUpdated(): Promise<void> {
    const box = this.querySelector<HTMLElement>(".map-box");
    if (!box) return;
    try {
      const map = await CityMap.create(box, replayOverlay);
      if (!this.isConnected) return map.remove();
      this.map = map;
      this.whileHere(() => () => map.remove());
      map.gl.on("dragstart", () => { this.follow = false; this.requestUpdate(); });
      this.drawTrack();
    } catch {
      this.mapFailure = t("problem.map");
    }
    this.requestUpdate();
  }

  private async load(): Promise<void> {
    const start_ms = dayStart(this.day);
    if (this.unitId === null || Number.isNaN(start_ms)) return;
    Object.assign(this, { loading: true, failure: "", playing: false, recording: null });
    this.requestUpdate();
    history.replaceState(null, "", `/replay${query({ unit: this.unitId, day: this.day, case: this.caseNo })}`);
    try {
      const span = query({ start: new Date(start_ms).toISOString(), end: new Date(start_ms + DAY_MS).toISOString() });
      const track = drawable(await get<Track>(`/units/${this.unitId}/track${span}`, caseHeader(this.caseNo)));
      this.recording = track.rows.length ? new Recording(track) : null;
      this.failure = this.recording ? "" : t("replay.empty");
      this.at_s = this.recording?.start_s ?? 0;
    } catch (error) {
      this.failure = sentence(error);
    }
    this.loading = false;
    this.drawTrack();
    this.requestUpdate();
  }

  private drawTrack(): void {
    const { map, recording } = this;
    if (!map) return;
    map.show("track", recording ? trackFeatures(recording) : []);
    map.show("stops", recording ? stopFeatures(recording) : []);
    map.show("gap-ends", recording ? gapEnds(recording) : []);
    if (!recording) for (const source of ["driven", "here", "accuracy"]) map.show(source, []);
    else this.drawMoment();
    if (recording) map.gl.fitBounds(bounds(recording.track), { padding: 64, maxZoom: 16, duration: 0 });
  }

  private drawMoment(): void {
    const { map, recording } = this;
    if (!map || !recording) return;
    const moment = recording.at(this.at_s);
    const kind = this.units.find((unit) => unit.id === this.unitId)?.kind ?? "other";
    map.show("driven", drivenFeatures(recording, moment));
    map.show("accuracy", accuracyCircle(moment));
    map.show("here", [hereFeature(moment, kind)]);
    if (this.follow && this.playing && !map.gl.getBounds().contains([moment.lon_deg, moment.lat_deg])) map.gl.panTo([moment.lon_deg, moment.lat_deg], { duration: 300 });
  }

  private seek(at_s: number): void {
    if (!this.recording) return;
    this.at_s = Math.max(this.recording.start_s, Math.min(this.recording.end_s, at_s));
    if (this.at_s >= this.recording.end_s) this.playing = false;
    this.drawMoment();
    this.requestUpdate();
  }

  private togglePlay(): void {
    if (!this.recording) return;
    if (this.at_s >= this.recording.end_s) this.at_s = this.recording.start_s;
    if (this.playing) this.advance(performance.now());
    this.playing = !this.playing;
    this.last_ms = performance.now();
    if (this.playing) requestAnimationFrame((now_ms) => this.frame(now_ms));
    this.requestUpdate();
  }

  private frame(now_ms: number): void {
    if (!this.playing || !this.isConnected) return;
    if (now_ms - this.last_ms >= FRAME_MS) this.advance(now_ms);
    requestAnimationFrame((next_ms) => this.frame(next_ms));
  }

  /** Move on by what passed since the last time, however slow the screen is. */
  private advance(now_ms: number): void {
    const passed_s = Math.max(0, now_ms - this.last_ms) / 1000;
    this.last_ms = now_ms;
    this.seek(this.at_s + passed_s * this.speed);
  }

  private changeSpeed(by: number): void {
    const index = SPEEDS.indexOf(this.speed) + by;
    this.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, index))] ?? 1;
    this.requestUpdate();
  }

  private onKey(event: KeyboardEvent): void {
    const target = event.target as Element;
    if (!this.recording || event.ctrlKey || event.metaKey || target.closest("input, select, textarea, .maplibregl-canvas") || document.querySelector("dialog[open]")) return;
    if (event.key === " " && target.closest("button, a")) return;
    const far = event.shiftKey ? SEEK_FAR_S : SEEK_S;
    const acts: Record<string, () => void> = {
      " ": () => this.togglePlay(),
      ArrowLeft: () => this.seek(this.at_s - far),
      ArrowRight: () => this.seek(this.at_s + far),
      Home: () => this.seek(this.recording?.start_s ?? 0),
      End: () => this.seek(this.recording?.end_s ?? 0),
      "-": () => this.changeSpeed(-1),
      "+": () => this.changeSpeed(1),
      "=": () => this.changeSpeed(1),
    };
    const act = acts[event.key];
    if (!act) return;
    act();
    event.preventDefault();
  }

  private choose(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const sign = String(form.get("unit")).trim();
    const unit = this.units.find((one) => one.call_sign.toLowerCase() === sign.toLowerCase());
    const number = this.investigates ? Number(sign.replace("unit:", "")) : 0;
    this.day = String(form.get("day")).trim() || this.day;
    this.caseNo = String(form.get("case") ?? "");
    if (unit || number > 0) {
      this.unitId = unit?.id ?? number;
      return void this.load();
    }
    this.failure = t("replay.unknown_unit");
    this.requestUpdate();
  }

  override render(): TemplateResult {
    return html`<div class="replay">
      <section class="panel" aria-label=${t("replay.title")}>${this.chooser()}${this.summary()}</section>
      <section class="map" aria-label=${t("map.label")}><div class="map-box"></div>${mapCover(this.map, this.mapFailure)}${mapTools(this.map)}</section>
      ${this.recording ? this.deck(this.recording) : nothing}
    </div>`;
  }

  private chooser(): TemplateResult {
    const chosen = this.units.find((unit) => unit.id === this.unitId);
    return html`<form class="chooser" @submit=${(event: SubmitEvent) => this.choose(event)}>
      ${this.investigates ? html`<label class="field case"><span>${t("replay.case")}</span><select class="input" name="case" @change=${(event: Event) => { this.caseNo = (event.target as HTMLSelectElement).value; this.requestUpdate(); }}>
        ${this.cases.map((one) => html`<option value=${one.case_no} ?selected=${one.case_no === this.caseNo}>${one.case_no}</option>`)}</select></label>` : nothing}
      <label class="field"><span>${t("replay.unit")}</span><input class="input" name="unit" list="replay-units" autocomplete="off" placeholder=${t(this.investigates ? "replay.number_hint" : "replay.unit_hint")} .value=${chosen?.call_sign ?? (this.investigates && this.unitId ? String(this.unitId) : "")} /></label>
      <datalist id="replay-units">${subjectUnits(this.cases, this.caseNo).map((id) => html`<option value=${id}></option>`)}${this.units.map((unit) => html`<option value=${unit.call_sign}>${code("unit.kind", unit.kind)}</option>`)}</datalist>
      ${dayField("day", t("replay.day"), this.day)}
      <button class="button primary" ?disabled=${this.loading}>${t("replay.load")}</button></form>`;
  }

  private summary(): TemplateResult {
    if (this.loading) return html`<div class="empty" role="status"><span class="spinner"></span>${t("replay.loading")}</div>`;
    if (this.failure) return html`<div class="empty"><p class="message" role="alert">${this.failure}</p></div>`;
    const { recording } = this;
    if (!recording) return html`<div class="empty">${icon("replay")}${t("replay.choose")}</div>`;
    const { track, start_s, end_s } = recording;
    return html`<div class="replay-summary" tabindex="0">
      <dl class="facts"><dt>${t("replay.span")}</dt><dd>${clockTime(start_s * 1000)} – ${clockTime(end_s * 1000)}</dd>
        <dt>${t("replay.length")}</dt><dd>${distance(track.length_m)}</dd><dt>${t("replay.fixes")}</dt><dd>${track.rows.length.toLocaleString("en")}</dd></dl>
      ${this.spans("replay.stops", "replay.no_stops", "replay.stop_for", recording.stops)}
      ${this.spans("replay.gaps", "replay.no_gaps", "replay.gap_for", recording.gaps)}</div>`;
  }

  private spans(title: Key, none: Key, words: Key, spans: Span[]): TemplateResult {
    return html`<section><h3>${t(title)} <span class="count">${spans.length}</span></h3>${spans.length
      ? html`<ul class="span-list">${spans.map((span) => html`<li><button @click=${() => this.seek(span.start_s)}><span>${clockTime(span.start_s * 1000)} – ${clockTime(span.end_s * 1000)}</span><b>${t(words, { span: duration(span.end_s - span.start_s) })}</b></button></li>`)}</ul>`
      : html`<p class="none">${t(none)}</p>`}</section>`;
  }

  private deck(recording: Recording): TemplateResult {
    const moment = recording.at(this.at_s);
    return html`<section class="deck" aria-label=${t("replay.scrubber")}>
      <div class="deck-controls">
        <button class="button primary play" aria-keyshortcuts="Space" @click=${() => this.togglePlay()}>${icon(this.playing ? "pause" : "play")}${t(this.playing ? "replay.pause" : "replay.play")}</button>
        <label class="speed"><span class="visually-hidden">${t("replay.speed")}</span><select class="input" @change=${(event: Event) => { this.speed = Number((event.target as HTMLSelectElement).value); this.requestUpdate(); }}>
          ${SPEEDS.map((speed) => html`<option value=${speed} ?selected=${speed === this.speed} .selected=${speed === this.speed}>${t("replay.speed_value", { n: speed })}</option>`)}</select></label>
        <button class="button" aria-pressed=${this.follow} @click=${() => { this.follow = !this.follow; this.requestUpdate(); }}>${icon("follow")}<span>${t("replay.follow")}</span></button>
        ${readout(moment)}
      </div>
      <tianshu-graph .recording=${recording} .at_s=${this.at_s} @seek=${(event: CustomEvent<number>) => this.seek(event.detail)}></tianshu-graph>
    </section>`;
  }
}

function readout(moment: Moment): TemplateResult {
  const speed = moment.inGap || moment.speed_mps === null ? "—" : Math.round(moment.speed_mps * 3.6);
  return html`<dl class="readout"><div><dt>${t("replay.time")}</dt><dd data-time>${clockTime(moment.at_s * 1000)}</dd></div>
    <div><dt>${t("replay.current_speed")}</dt><dd>${speed}<small>km/h</small></dd></div>
    <div><dt>${t("replay.accuracy")}</dt><dd>${moment.accuracy_m === null || moment.inGap ? "—" : html`±${Math.round(moment.accuracy_m)}<small>m</small>`}</dd></div>
    ${moment.inGap ? html`<div class="gap-note">${t("replay.in_gap")}</div>` : nothing}</dl>`;
}

function bounds(track: Track): [[number, number], [number, number]] {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [, lon_deg, lat_deg] of track.rows) {
    [west, east] = [Math.min(west, lon_deg), Math.max(east, lon_deg)];
    [south, north] = [Math.min(south, lat_deg), Math.max(north, lat_deg)];
  }
  return [[west, south], [east, north]];
}

customElements.define("tianshu-replay", ReplayPage);
